package import RefreshCore

/// The `refresh_token` grant of RFC 6749 §6, with what the profile adds to it.
///
/// Its reading of answers is everybody's: what differs between providers is in their profiles.
package struct StandardRefresh: RefreshStrategy {
    package init() {}

    package func request(
        grant: Grant,
        facts: TokenFacts,
        client: OAuthClient
    ) throws(RefreshRequestError) -> EndpointRequest {
        try RefreshRequest.make(grant: grant, client: client)
    }

    package func verdict(on answer: RawAnswer, grant: Grant, client: OAuthClient, now: Timestamp) -> RefreshVerdict {
        let profile = client.profile
        let body = answer.body.revealBytes()
        guard (200...299).contains(answer.status) else {
            return Self.refusal(answer, ErrorResponse(parsing: body, profile: profile), profile: profile, now: now)
        }
        let response: TokenResponse
        do {
            response = try TokenResponse(parsing: body, profile: profile, answering: grant)
        } catch {
            switch error {
            case .refused(let error):
                return Self.refusal(answer, error, profile: profile, now: now)
            case .onlyRefreshToken(let refreshToken):
                return .salvaged(refreshToken: refreshToken, message: error.description)
            case .page:
                return .refused(.transient(.malformedAnswer), message: error.description, retryAfter: nil)
            case .unreadable, .noAccessToken, .otherRequest, .badRefreshToken:
                // 202 is no answer yet (providers, 3.1); under other successes the header is not for us.
                let wait =
                    answer.status == 202 ? RetryAfter.wait(in: answer, error: nil, profile: profile, now: now) : nil
                return .refused(.unknown(.malformedAnswer), message: error.description, retryAfter: wait)
            }
        }
        guard !profile.strategy.spendsAccessToken else { return .renewed(NewToken(succeedingItself: response)) }
        return .renewed(
            NewToken(
                accessToken: response.accessToken,
                tokenType: response.tokenType,
                scope: response.scope,
                lifetime: response.lifetime,
                // The same again is no rotation (facts F14).
                refreshToken: response.refreshToken == grant.refreshToken ? nil : response.refreshToken,
                grantLifetime: response.grantLifetime,
                withheld: response.withheld,
                notes: response.notes
            )
        )
    }

    private static func refusal(
        _ answer: RawAnswer,
        _ error: ErrorResponse?,
        profile: ProviderProfile,
        now: Timestamp
    ) -> RefreshVerdict {
        let (failure, message) = ErrorTable.judge(status: answer.status, error: error, profile: profile)
        let wait = RetryAfter.wait(in: answer, error: error, profile: profile, now: now)
        return .refused(failure, message: message, retryAfter: wait)
    }
}
