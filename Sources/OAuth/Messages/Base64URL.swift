import FoundationEssentials

/// Base64 with the alphabet for addresses and without padding (RFC 4648 §5, RFC 7636 appendix A).
enum Base64URL {
    static func text(_ bytes: [UInt8]) -> String {
        var text = ""
        for character in Data(bytes).base64EncodedString() {
            switch character {
            case "+": text.append("-")
            case "/": text.append("_")
            case "=": break
            default: text.append(character)
            }
        }
        return text
    }
}
