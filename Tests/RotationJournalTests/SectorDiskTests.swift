import TestSupport
import Testing

@testable import RotationJournal

@Suite struct SectorDiskTests {
    /// A system that takes everything and keeps nothing: what the disk remembers is looked at alone.
    private static let nowhere: FileCalls = {
        var calls = FileCalls.system
        calls.write = { _, bytes, from, _ in bytes.count - from }
        calls.syncData = { _ in 0 }
        return calls
    }()

    @Test func `each sector is as it was at the last sync or after any write since`() {
        var random = SeededGenerator(seed: 1)
        let disk = SectorDisk([UInt8](repeating: 0, count: 12), sectorSize: 4)
        let calls = disk.calls(over: Self.nowhere)
        #expect(calls.write(0, [1], 0, 0) == 1)
        #expect(calls.write(0, [2, 2], 0, 3) == 2)
        let images = disk.images(limit: 100, using: &random)
        #expect(
            Set(images) == [
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                [1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0],
                [1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], [1, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0],
            ]
        )
        #expect(disk.images(limit: 4, using: &random).allSatisfy(images.contains))
        #expect(calls.syncData(0) == 0)
        #expect(disk.images(limit: 100, using: &random) == [[1, 0, 0, 2, 2, 0, 0, 0, 0, 0, 0, 0]])
    }
}
