/// `POST /practice/consents`: how people behave from now on; what is left out stays as it is.
struct ConsentRequest: Decodable {
    var denies: Bool?
    var codeLifetime: Int?
    var deviceLifetime: Int?
    var interval: Int?
    var lifetime: Int?
    var rotation: RotationClass?
    var scope: String?

    private enum CodingKeys: String, CodingKey {
        case denies, interval, lifetime, rotation, scope
        case codeLifetime = "code_lifetime"
        case deviceLifetime = "device_lifetime"
    }

    func apply(to habits: inout ConsentHabits) {
        habits.denies = self.denies ?? habits.denies
        habits.codeLifetime = self.codeLifetime ?? habits.codeLifetime
        habits.deviceLifetime = self.deviceLifetime ?? habits.deviceLifetime
        habits.interval = self.interval ?? habits.interval
        habits.lifetime = self.lifetime ?? habits.lifetime
        habits.scope = self.scope ?? habits.scope
        habits.rotation = self.rotation ?? habits.rotation
    }
}

/// `POST /practice/device`: the person at the other device says yes or no.
struct DecisionRequest: Decodable {
    var userCode: String
    var approve: Bool
    var user: String?

    private enum CodingKeys: String, CodingKey {
        case approve, user
        case userCode = "user_code"
    }
}
