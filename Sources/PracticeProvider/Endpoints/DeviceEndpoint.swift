extension Ledger {
    static let deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

    /// The device authorization endpoint (RFC 8628 §3.1).
    mutating func deviceAuthorization(_ request: TokenRequest, at now: Double) -> Answer {
        do throws(OAuthRefusal) {
            let form = try request.form()
            let claim = try ClientClaim(authorization: request.authorization, form: form)
            try claim.verify(against: self.clients)
            guard form["client_id"] == claim.id else { throw .invalidRequest("client_id is missing") }
            let habits = self.consents.habits
            let deviceCode = "\(self.canary)dc-\(Self.random())"
            let userCode = Self.userCode()
            self.consents.devices[deviceCode] = ConsentBook.Device(
                client: claim.id,
                userCode: userCode,
                scope: form["scope"],
                expiresAt: now + Double(habits.deviceLifetime),
                nextQuestion: now + Double(habits.interval),
                interval: Double(habits.interval)
            )
            let address = "\(self.issuer)/activate"
            return .json(
                "{\"device_code\":\(JSONText.quoted(deviceCode)),\"user_code\":\(JSONText.quoted(userCode)),"
                    + "\"verification_uri\":\(JSONText.quoted(address)),"
                    + "\"verification_uri_complete\":\(JSONText.quoted("\(address)?user_code=\(userCode)")),"
                    + "\"expires_in\":\(habits.deviceLifetime),\"interval\":\(habits.interval)}"
            )
        } catch {
            self.tally.clientRefusals += 1
            return error.answer
        }
    }

    /// A device asks (RFC 8628 §3.4); one that asks too soon is told to slow down, and has to (§3.5).
    mutating func redeem(device form: FormParameters, client: String, at now: Double) throws(OAuthRefusal) -> Answer {
        guard let text = form["device_code"] else { throw .invalidRequest("device_code is missing") }
        guard let device = self.consents.devices[text], device.client == client, !device.isRedeemed else {
            throw OAuthRefusal(error: "invalid_grant", description: "unknown device code")
        }
        guard now < device.expiresAt else { throw OAuthRefusal(error: "expired_token", description: "too late") }
        if now < device.nextQuestion {
            self.consents.hastyQuestions += 1
            self.consents.devices[text]?.interval += 5
            self.consents.devices[text]?.nextQuestion = now + device.interval + 5
            throw OAuthRefusal(error: "slow_down", description: "too soon")
        }
        self.consents.devices[text]?.nextQuestion = now + device.interval
        switch device.decision {
        case .none: throw OAuthRefusal(error: "authorization_pending", description: "nobody has decided")
        case .denied: throw OAuthRefusal(error: "access_denied", description: "the user said no")
        case .approved(let user):
            self.consents.devices[text]?.isRedeemed = true
            return self.consented(client: client, user: user, terms: self.terms(scope: device.scope), at: now).1
        }
    }

    /// The person at the other device decides.
    mutating func decide(userCode: String, _ decision: ConsentBook.Device.Decision) throws(PracticeError) {
        guard let key = self.consents.devices.first(where: { $0.value.userCode == userCode })?.key else {
            throw .badOrder("no device waits with this code")
        }
        self.consents.devices[key]?.decision = decision
    }

    /// Two groups of four letters without vowels (RFC 8628 §6.1).
    private static func userCode() -> String {
        let letters = Array("BCDFGHJKLMNPQRSTVWXZ")
        let word = { String((0..<4).map { _ in letters.randomElement() ?? "B" }) }
        return "\(word())-\(word())"
    }
}
