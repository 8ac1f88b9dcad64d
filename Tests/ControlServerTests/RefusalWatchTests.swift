@testable import ControlServer
import Logging
import RefreshCore
import TestSupport
import Testing

/// A user who tries names (T2).
@Suite struct RefusalWatchTests {
    private let start = Timestamp(seconds: 1_000)

    @Test func `many refusals within a minute are told once, few and slow ones never`() {
        let watch = RefusalWatch(threshold: 10)
        for number in 0..<100 {
            #expect(watch.note(1, at: self.start + .seconds(Int64(number) * 7)) == nil, "nine a minute")
        }
        let later = self.start + .seconds(10_000)
        var told: [Int] = []
        for number in 0..<500 {
            if let count = watch.note(1, at: later + .milliseconds(Int64(number))) { told.append(count) }
        }
        #expect(told == [10])
        #expect(watch.note(2, at: later) == nil, "each user has a tally of his own")
        // Still at it ten minutes later: told again.
        let again = later + RefusalWatch.silence + .seconds(1)
        told = (0..<20).compactMap { watch.note(1, at: again + .milliseconds($0)) }
        #expect(told == [10])
    }

    @Test func `many users fill no memory`() {
        let watch = RefusalWatch(threshold: 2)
        for uid in 0..<5_000 as Range<UInt32> { _ = watch.note(uid, at: self.start) }
        _ = watch.note(7, at: self.start)
        #expect(watch.note(7, at: self.start) != nil)
    }

    @Test func `a user who tries names is one line in the log, without the names`() async throws {
        var limits = ControlLimits()
        limits.refusalsToTell = 50
        let rig = try Rig(rule: Rig.rule([.token, .read], "box/*"), limits: limits)
        try await rig.serve {
            try await rig.put("box/a")
            let peer = try rig.connect()
            for number in 0..<100 {
                let account = number.isMultiple(of: 2) ? "gdrive/\(number)" : "box/none-\(number)"
                let answer = try await peer.answer("GetToken", #"{"account":"\#(account)"}"#)
                #expect(answer.error == (number.isMultiple(of: 2) ? "NotAllowed" : "AccountNotFound"))
            }
            #expect(try await peer.answer("GetToken", #"{"account":"box/a"}"#).error == nil)
        }
        let told = rig.log.entries.filter { $0.metadata["refusals"] != nil }
        #expect(told.map(\.metadata) == [["uid": "\(Rig.ownUser)", "refusals": "50"]])
        #expect(told.first?.level == .warning)
    }
}
