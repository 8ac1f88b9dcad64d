import ArgumentParser
import FoundationEssentials
import PracticeProvider

/// `ID[:SECRET[:METHOD]]`.
struct ClientArgument: ExpressibleByArgument {
    var id: String
    var secret: String?
    var method: AuthenticationMethod?

    init?(argument: String) {
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard (1...3).contains(parts.count), !parts[0].isEmpty else { return nil }
        self.id = parts[0]
        self.secret = parts.count > 1 && !parts[1].isEmpty ? parts[1] : nil
        guard parts.count == 3 else { return }
        switch parts[2] {
        case "basic", "client_secret_basic": self.method = .basic
        case "post", "client_secret_post": self.method = .post
        case "none": self.method = AuthenticationMethod.none
        default: return nil
        }
        if self.method != AuthenticationMethod.none, self.secret == nil { return nil }
    }

    /// The client, its secret read from a file for `@FILE`; white space at the file's end is no part of it.
    func client() throws -> PracticeClient {
        guard let secret = self.secret, secret.hasPrefix("@") else {
            return PracticeClient(id: self.id, secret: self.secret, method: self.method)
        }
        var text = try String(contentsOfFile: String(secret.dropFirst()), encoding: .utf8)
        while text.last?.isWhitespace == true { text.removeLast() }
        return PracticeClient(id: self.id, secret: text, method: self.method)
    }
}

/// `CLIENT:COUNT:CLASS:LIFETIME[:PREFIX]`.
struct GrantsArgument: ExpressibleByArgument {
    var order: GrantOrder

    init?(argument: String) {
        let parts = argument.split(separator: ":", maxSplits: 4, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 4, let count = Int(parts[1]), count >= 1 else { return nil }
        guard let terms = GrantTerms(habits: parts[2], lifetime: parts[3]) else { return nil }
        self.order = GrantOrder(client: parts[0], count: count, terms: terms)
        if parts.count == 5 { self.order.prefix = parts[4] }
    }
}

/// `CLIENT/SUBJECT:CLASS:LIFETIME`.
struct AccountArgument: ExpressibleByArgument {
    var account: String
    var terms: GrantTerms

    init?(argument: String) {
        // From the end: a subject may hold a colon.
        let parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 3 else { return nil }
        guard let terms = GrantTerms(habits: parts[parts.count - 2], lifetime: parts[parts.count - 1]) else {
            return nil
        }
        self.account = parts.dropLast(2).joined(separator: ":")
        self.terms = terms
    }
}

extension GrantTerms {
    /// Reads a class with its habits, like `G+grace=10+killsAT`, and a lifetime in seconds.
    init?(habits: String, lifetime: String) {
        let words = habits.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
        guard let rotation = RotationClass(rawValue: words[0]), let lifetime = Int(lifetime), lifetime >= 1 else {
            return nil
        }
        self.init(rotation: rotation, lifetime: lifetime)
        for word in words.dropFirst() {
            switch word {
            case "killsAT": self.killsAccessToken = true
            case "pairs": self.repeatsAnswer = false
            case "noscope": self.scope = nil
            default:
                if let blast = Blast(rawValue: word) {
                    self.blast = blast
                } else if let notice = LifetimeNotice(rawValue: word) {
                    self.notice = notice
                } else if word.hasPrefix("grace="), let grace = Int(word.dropFirst("grace=".count)), grace >= 0 {
                    self.grace = grace
                } else {
                    return nil
                }
            }
        }
    }
}
