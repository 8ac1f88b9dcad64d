import Synchronization
import TestSupport

@testable import RotationJournal

/// A disk that keeps of what was not synced whatever it likes, sector by sector.
///
/// Of one file: a sector is as it was at the last sync, or as it was after any write since; what other sectors kept says
/// nothing about it. So writes come reordered, in part, or not at all.
final class SectorDisk: Sendable {
    private struct State {
        /// What a power cut cannot take.
        var durable: [UInt8]
        /// What a reader sees.
        var present: [UInt8]
        /// What each sector has been since the last sync, oldest first, by number.
        var versions: [Int: [[UInt8]]] = [:]
    }

    private let sectorSize: Int
    private let state: Mutex<State>

    /// - Parameters:
    ///   - file: Its bytes, all of them durable.
    ///   - sectorSize: How many bytes the disk writes whole.
    init(_ file: [UInt8], sectorSize: Int) {
        self.sectorSize = sectorSize
        self.state = Mutex(State(durable: file, present: file))
    }

    func calls(over system: FileCalls) -> FileCalls {
        var calls = system
        calls.write = { file, bytes, from, position in
            let count = system.write(file, bytes, from, position)
            if count > 0 { self.wrote(bytes[from..<(from + count)], at: position) }
            return count
        }
        calls.syncData = { file in
            // Of what is written while it runs a sync promises nothing.
            let counts = self.state.withLock { $0.versions.mapValues(\.count) }
            let result = system.syncData(file)
            if result >= 0 { self.synced(counts) }
            return result
        }
        return calls
    }

    private func wrote(_ bytes: ArraySlice<UInt8>, at position: Int) {
        self.state.withLock { state in
            state.present.replaceSubrange(position..<(position + bytes.count), with: bytes)
            for sector in (position / self.sectorSize)...((position + bytes.count - 1) / self.sectorSize) {
                state.versions[sector, default: []].append(Array(state.present[self.range(of: sector)]))
            }
        }
    }

    private func synced(_ counts: [Int: Int]) {
        self.state.withLock { state in
            for (sector, count) in counts {
                guard let versions = state.versions[sector], count > 0 else { continue }
                state.durable.replaceSubrange(self.range(of: sector), with: versions[count - 1])
                state.versions[sector] = versions.count > count ? Array(versions[count...]) : nil
            }
        }
    }

    private func range(of sector: Int) -> Range<Int> { (sector * self.sectorSize)..<((sector + 1) * self.sectorSize) }

    /// What the file may be found to be after a power cut now.
    ///
    /// - Parameters:
    ///   - limit: If there are more images than this, so many are drawn.
    ///   - random: Draws them.
    /// - Returns: Each image once, or as many as were drawn.
    func images(limit: Int, using random: inout SeededGenerator) -> [[UInt8]] {
        let state = self.state.withLock { $0 }
        let sectors = state.versions.sorted { $0.key < $1.key }
        var count = 1
        for (_, versions) in sectors where count <= limit { count *= versions.count + 1 }
        return (0..<min(count, limit)).map { number in
            var rest = number
            var image = state.durable
            for (sector, versions) in sectors {
                let choice: Int
                if count <= limit {
                    choice = rest % (versions.count + 1)
                    rest /= versions.count + 1
                } else {
                    choice = Int.random(in: 0...versions.count, using: &random)
                }
                if choice > 0 { image.replaceSubrange(self.range(of: sector), with: versions[choice - 1]) }
            }
            return image
        }
    }
}
