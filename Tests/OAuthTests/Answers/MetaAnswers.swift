import OAuth
import RefreshCore

/// Answers of providers without refresh tokens, where the token itself is what the next one is had for, and of one that is
/// found by discovery.
enum MetaAnswers {
    static let all: [AnswerCase] = [
        AnswerCase(
            "providers 3.6",
            "a long-lived token",
            "facebook",
            #"{"access_token":"canary-at-2","token_type":"bearer","expires_in":5183944}"#,
            .renewed(refreshToken: "canary-at-2", lifetime: .known(.seconds(5_183_944)))
        ),
        AnswerCase(
            "providers 3.6",
            "without a lifetime",
            "facebook",
            #"{"access_token":"canary-at-2","token_type":"bearer"}"#,
            .renewed(refreshToken: "canary-at-2", lifetime: .unknown)
        ),
        AnswerCase(
            "providers 3.6",
            "a refresh token is none of Meta's, and not taken for one",
            "facebook",
            #"{"access_token":"canary-at-2","refresh_token":"canary-rt-2","expires_in":60}"#,
            .renewed(refreshToken: "canary-at-2", lifetime: .known(.seconds(60)))
        ),
        Self.error(190, subcode: 463, .refused(.deadGrant)),
        Self.error(190, .refused(.deadGrant)),
        Self.error(102, .refused(.deadGrant)),
        // A checkpoint goes before whatever the code says.
        Self.error(10, subcode: 459, .refused(.deadGrant)),
        Self.error(101, .refused(.clientRejected)),
        Self.error(10, .refused(.clientRejected)),
        Self.error(200, .refused(.clientRejected)),
        Self.error(299, .refused(.clientRejected)),
        Self.error(300, .refused(.elsewhere(.clientRejected))),
        Self.error(1, .refused(.transient(.serverError))),
        Self.error(2, status: 500, .refused(.transient(.serverError))),
        Self.error(4, .refused(.transient(.rateLimited))),
        Self.error(17, .refused(.transient(.rateLimited))),
        Self.error(341, .refused(.transient(.rateLimited))),
        Self.error(368, .refused(.transient(.serverError))),
        // Only remembered, so not known: tried again slowly.
        Self.error(32, .refused(.elsewhere(.clientRejected))),
        AnswerCase(
            "providers 3.7",
            "an extended token",
            "instagram",
            #"{"access_token":"canary-at-2","token_type":"bearer","expires_in":5183944}"#,
            .renewed(refreshToken: "canary-at-2", lifetime: .known(.seconds(5_183_944)))
        ),
        Self.error(190, profile: "instagram", .refused(.deadGrant)),
        Self.error(100, profile: "instagram", .refused(.elsewhere(.clientRejected))),
        AnswerCase(
            "providers 3.7",
            "the token host's own shape",
            "instagram",
            400,
            #"{"error_type":"OAuthException","code":190,"error_message":"canary"}"#,
            .refused(.deadGrant)
        ),
        AnswerCase(
            "RFC 6749 §5.1",
            "a new refresh token",
            "oidc",
            AnswerCase.token(#""refresh_token":"canary-rt-2","id_token":"canary-id""#),
            .renewed(refreshToken: "canary-rt-2")
        ),
        AnswerCase(
            "RFC 6749 §5.2",
            "a dead grant",
            "oidc",
            400,
            AnswerCase.error("invalid_grant"),
            .refused(.deadGrant)
        ),
    ]

    private static func error(
        _ code: Int,
        subcode: Int? = nil,
        profile: String = "facebook",
        status: Int = 400,
        _ verdict: AnswerCase.Verdict
    ) -> AnswerCase {
        let more = subcode.map { #","error_subcode":\#($0)"# } ?? ""
        return AnswerCase(
            profile == "facebook" ? "providers 3.6" : "providers 3.7",
            "code \(code)\(subcode.map { ", subcode \($0)" } ?? "")",
            profile,
            status,
            #"{"error":{"message":"canary","type":"OAuthException","code":\#(code)\#(more),"fbtrace_id":"A"}}"#,
            verdict
        )
    }
}
