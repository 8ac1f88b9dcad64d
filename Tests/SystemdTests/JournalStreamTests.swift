import Testing

@testable import Systemd

@Suite struct JournalStreamTests {
    @Test func `both numbers must agree`() {
        #expect(JournalStream.names("9:4711", device: 9, inode: 4_711))
        #expect(!JournalStream.names("9:4711", device: 8, inode: 4_711))
        #expect(!JournalStream.names("9:4711", device: 9, inode: 4_712))
    }

    @Test(arguments: [nil, "", ":", "9", "9:", ":4711", "9:4711:1", "x:4711", "9: 4711", "-9:4711"])
    func `a variable that is no pair of numbers names nothing`(variable: String?) {
        #expect(!JournalStream.names(variable, device: 9, inode: 4_711))
    }
}
