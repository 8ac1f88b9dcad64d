import Glibc

/// An errno that prints as the system's own words for it.
struct SystemError: Hashable, CustomStringConvertible {
    let errno: Int32

    init(_ errno: Int32) {
        self.errno = errno
    }

    var description: String {
        // Not strerror, whose buffer all threads share. The longest text of glibc has some 50 bytes.
        var text = [CChar](repeating: 0, count: 128)
        guard unsafe strerror_r(self.errno, &text, text.count) == 0 else { return "error \(self.errno)" }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
