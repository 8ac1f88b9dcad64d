/// How a provider is told that a grant is over.
struct PlayedEnding: Hashable, Sendable {
    /// What must be shown.
    enum Proof: Hashable, Sendable {
        /// Either token as `token`, with the client's id and secret beside it or alone.
        case token(withClient: Bool)
        /// A living access token and the client's id.
        case accessToken
        /// A living access token as `Authorization: Bearer`, and one of these bodies.
        case bearer(bodies: Set<String>)
    }

    var path: String
    var method = "POST"
    var proof: Proof
    /// Whether everything ends that the same person granted to the client.
    var endsConsent = false
    /// The answer's body.
    var body = ""
}

extension PlayedProvider {
    /// Nil where no way is documented.
    var ending: PlayedEnding? {
        switch self {
        case .box: PlayedEnding(path: "/oauth2/revoke", proof: .token(withClient: true))
        case .gdrive: PlayedEnding(path: "/revoke", proof: .token(withClient: false), endsConsent: true, body: "{}")
        // Without arguments: no body, or what stands for none in JSON.
        case .dropbox: PlayedEnding(path: "/2/auth/token/revoke", proof: .bearer(bodies: ["", "null"]), body: "null")
        case .facebook:
            PlayedEnding(
                path: "/v25.0/me/permissions",
                method: "DELETE",
                proof: .bearer(bodies: ["", "{}"]),
                endsConsent: true,
                body: "{\"success\":true}"
            )
        case .vkid: PlayedEnding(path: "/oauth2/revoke", proof: .accessToken, body: "{\"response\":1}")
        case .ellipsis, .evernote, .flickr, .gitshare, .huddle, .instagram, .onedrive, .onedriveLive, .smartfile,
            .vkLegacy:
            nil
        }
    }

    fileprivate func endingRefusal(_ refusal: PlayedRefusal) -> Answer {
        switch (self, refusal) {
        case (.facebook, _): self.refusal(refusal)
        case (.dropbox, .grant):
            .json(
                "{\"error_summary\":\"invalid_access_token/\",\"error\":{\".tag\":\"invalid_access_token\"}}",
                status: 401
            )
        case (.vkid, .grant): .json("{\"error\":\"invalid_token\",\"error_description\":\"practice\"}")
        case (_, .grant): .json("{\"error\":\"invalid_token\"}", status: 400)
        default: self.refusal(refusal)
        }
    }
}

extension Ledger {
    /// Ends a grant in the provider's own way, or says its no.
    mutating func end(_ request: PlayedRequest, _ ending: PlayedEnding, at now: Double) -> Answer {
        do throws(PlayedRefusal) {
            let place = try self.shown(request, ending.proof, at: now)
            let grant = self.grants[place]
            if ending.endsConsent {
                self.revoke(client: grant.client, user: grant.user, by: .client)
            } else {
                self.revoke(grant: place, by: .client)
            }
            return ending.body.isEmpty ? Answer(status: 200) : .json(ending.body)
        } catch {
            switch error {
            case .grant: break
            case .client, .request, .tooYoung: self.tally.clientRefusals += 1
            }
            return request.provider.endingRefusal(error)
        }
    }

    private func shown(
        _ request: PlayedRequest,
        _ proof: PlayedEnding.Proof,
        at now: Double
    ) throws(PlayedRefusal) -> Int {
        let place: Int?
        var client: String?
        switch proof {
        case .token(let withClient):
            let form = try request.form()
            let wanted: Set = withClient ? ["token", "client_id", "client_secret"] : ["token"]
            guard form.names == wanted, let token = form["token"] else { throw .request("wants \(wanted.sorted())") }
            if withClient { client = try self.verified(form, request, .parameters) }
            place = self.find(refreshToken: token)?.grant ?? self.find(accessToken: token)?.grant
        case .accessToken:
            let form = try request.form()
            guard form.names == ["access_token", "client_id"] else {
                throw .request("wants access_token and client_id")
            }
            client = try self.verified(form, request, .parameters)
            place = self.living(form["access_token"] ?? "", at: now)
        case .bearer(let bodies):
            guard request.request.query.isEmpty, let body = request.request.body, bodies.contains(body),
                body.isEmpty || request.request.contentType == ["application/json"]
            else { throw .request("wants no parameters") }
            let authorization = request.request.authorization
            guard authorization.count == 1, authorization[0].hasPrefix("Bearer ") else {
                throw .request("wants one access token in the header")
            }
            place = self.living(String(authorization[0].dropFirst("Bearer ".count)), at: now)
        }
        guard let place, self.grants[place].terms.provider == request.provider, self.grants[place].revokedBy == nil,
            client.map({ $0 == self.grants[place].client }) ?? true
        else { throw .grant("unknown or dead token") }
        return place
    }

    private func living(_ accessToken: String, at now: Double) -> Int? {
        guard let (place, generation) = self.find(accessToken: accessToken),
            self.grants[place].isGood(generation: generation, at: now)
        else { return nil }
        return place
    }
}
