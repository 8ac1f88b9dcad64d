import OAuth
import RefreshCore

/// One input for the reader of token answers: a byte for the profile, one for the status, the value of `Retry-After` up
/// to the end of the line, and the body.
///
/// Whatever the answer is, one verdict comes out, of which all the claims below are true.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzAnswers(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe [UInt8](UnsafeBufferPointer(start: start, count: count))
    guard input.count > 2, let end = input[2...].firstIndex(of: UInt8(ascii: "\n")) else { return 0 }
    var answer = AnswerCase(
        "",
        "",
        names[Int(input[0]) % names.count],
        statuses[Int(input[1]) % statuses.count],
        "",
        .malformed
    )
    answer.body = Array(input[(end + 1)...])
    if end > 2 {
        let value = String(decoding: input[2..<end], as: UTF8.self)
        answer.headers = [("retry-after", value), ("x-throttle", "next=" + value)]
    }
    check(answer)
    return 0
}

/// The rows of the table, each as the input that leads to it.
let seeds: [[UInt8]] = AnswerCase.all.compactMap { row in
    guard row.body.count < 4_000, let name = names.firstIndex(of: row.profile),
        let status = statuses.firstIndex(of: row.status)
    else { return nil }
    return [UInt8(name), UInt8(status)] + Array((row.headers.first?.value ?? "").utf8) + [UInt8(ascii: "\n")] + row.body
}

private let names = AnswerCase.profiles.names
private let statuses = Set(AnswerCase.all.map(\.status)).sorted()
// Sun, 06 Nov 1994 08:49:37 GMT.
private let now = Timestamp(seconds: 784_111_777)

private func check(_ answer: AnswerCase) {
    guard let verdict = answer.judged(now: now), let again = answer.judged(now: now) else {
        preconditionFailure("there is no such profile")
    }
    claim(Summary(verdict) == Summary(again), "the same answer means two things")
    let isSuccess = (200...299).contains(answer.status)
    switch verdict {
    case .renewed(let token):
        claim(isSuccess, "a token from an answer that is none")
        checkSecret(token.accessToken, lowest: 0x21)
        if isItsOwnGrant(answer) {
            if let refreshToken = token.refreshToken { checkSecret(refreshToken, lowest: 0x20) }
        } else {
            claim(token.accessToken != AnswerCase.grant.refreshToken, "the refresh token would be served")
            if let refreshToken = token.refreshToken { checkRefreshToken(refreshToken, besides: token.accessToken) }
        }
        checkWord(token.tokenType, longest: 64)
        claim((token.tokenType == "Bearer") || token.withheld != nil, "a foreign token would be served")
        claim(token.scope?.isEmpty != true, "a scope of nothing is no scope")
        for scope in token.scope ?? [] { checkWord(scope, longest: 16 * 1_024) }
        if case .known(let time) = token.lifetime { checkTime(time) }
        if let time = token.grantLifetime { checkTime(time) }
        for note in token.notes { checkSentence(note, of: answer) }
    case .refused(let failure, let message, let retryAfter):
        checkSentence(message, of: answer)
        if let retryAfter {
            claim((.seconds(1)...Duration.seconds(3_600)).contains(retryAfter), "a wait beyond its limits")
        }
        if failure == .deadGrant {
            let cannotKnow = [408, 425, 429].contains(answer.status) || !(200...499).contains(answer.status)
            claim(!cannotKnow && !(300...399).contains(answer.status), "dead by a status that proves nothing")
        }
    case .salvaged(let refreshToken, let message):
        claim(isSuccess, "a refresh token from an answer that is none")
        checkSentence(message, of: answer)
        if !isItsOwnGrant(answer) { checkRefreshToken(refreshToken, besides: nil) }
    }
}

/// Whether the provider refreshes an access token by the token itself.
private func isItsOwnGrant(_ answer: AnswerCase) -> Bool {
    AnswerCase.profiles.profile(named: answer.profile)?.strategy.spendsAccessToken ?? false
}

private func checkSecret(_ secret: Secret, lowest: UInt8) {
    let bytes = secret.revealBytes()
    claim((1...65_536).contains(bytes.count), "a token of no allowed length")
    claim(bytes.allSatisfy { (lowest...0x7E).contains($0) }, "a token that could leave its place")
}

private func checkRefreshToken(_ secret: Secret, besides accessToken: Secret?) {
    checkSecret(secret, lowest: 0x20)
    claim(secret != AnswerCase.grant.refreshToken, "the same again is no rotation")
    claim(secret != accessToken, "the access token is no refresh token")
}

private func checkWord(_ word: String, longest: Int) {
    claim((1...longest).contains(word.utf8.count), "a word of no allowed length")
    claim(word.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a word that could leave its place")
}

private func checkTime(_ time: Duration) {
    claim(time > .zero && time <= .seconds(100 * 31_557_600), "a lifetime that nobody has")
}

/// Our own words: plain ones, and in brackets a status or a code that was known beforehand.
private func checkSentence(_ sentence: String, of answer: AnswerCase) {
    claim((1...160).contains(sentence.utf8.count), "a sentence of no allowed length")
    claim(!sentence.contains("canary"), "a server's text in a sentence")
    let parts = sentence.split { $0 == "(" || $0 == ")" }
    claim(ownCharacters.isSuperset(of: parts[0].utf8), "a character that none of our sentences has")
    guard parts.count > 1 else { return }
    let word = String(parts[1])
    let isKnown =
        knownWords.contains(word) || ownRules.contains { rule in rule.numbers?.contains { "\($0)" == word } ?? false }
    claim(word == "status \(answer.status)" || isKnown, "an unknown word")
}

private let ownCharacters = Set("abcdefghijklmnopqrstuvwxyzOAuthJSONUTFXRLBCDEGHIKMPQVWYZ0123456789 -:,'._".utf8)

private let ownRules = AnswerCase.profiles.names.compactMap { AnswerCase.profiles.profile(named: $0) }
    .flatMap(\.errorRules)
private let knownWords = Set(ErrorTable.registered.keys).union(ownRules.compactMap(\.code))

/// All that a verdict says.
private enum Summary: Hashable {
    case renewed(Secret, String, [String]?, Lifetime, Secret?, Duration?, Withheld?, [String])
    case refused(FailureClass, String, Duration?)
    case salvaged(Secret, String)

    init(_ verdict: RefreshVerdict) {
        switch verdict {
        case .renewed(let token):
            self = .renewed(
                token.accessToken,
                token.tokenType,
                token.scope,
                token.lifetime,
                token.refreshToken,
                token.grantLifetime,
                token.withheld,
                token.notes
            )
        case .refused(let failure, let message, let retryAfter): self = .refused(failure, message, retryAfter)
        case .salvaged(let refreshToken, let message): self = .salvaged(refreshToken, message)
        }
    }
}
