package import Logging

/// Every metadata key of the daemon's log, once, and the id of every kind of event.
package enum LogKeys {
    package static let account = "account"
    package static let client = "client"
    package static let sink = "sink"
    package static let generation = "generation"
    package static let cause = "cause"
    package static let messageID = "message_id"
    package static let retryIn = "retry_in"
    package static let reason = "reason"
    package static let tokensEnding = "tokens_ending"
}

/// The kinds of events that the journal's catalogue explains: `journalctl -x`, systemd/refreshd.catalog.
package enum LogEvent: String, Sendable, CaseIterable {
    case refreshed = "33255c46ae1f43feaace6c57eb5fa319"
    case refreshFailed = "49fe7fddd2ad48a8a9f993c6a3287996"
    case grantDead = "4f0fac0495d1407f92c653091e4ddc36"
    case clientRejected = "9e18608e5b6746e6b2e7e18706fbb7ea"
    case answerUnknown = "f870609abaaf4cc196cefedfa2cff1a2"
    case delivered = "a0663fb26383455da7b20d33badfefe0"
    case deliveryFailed = "cdd37a30bafb48e7975dac2ca8092be2"
    case deliveryRefused = "48b762fad28e48d88892f1ea0d8a2e7d"
    case started = "5094d999de714fb98a9df893ee2065c9"
    case stopping = "0c4f07e89ede4fbfa6977282cce39f8f"
    case reloaded = "2154fb35a49041e2a8a9ae9fc3d4d895"
    case reloadFailed = "d2a79f851922495bad4cff8b550f8502"
    case storeUnavailable = "7135a7bf1c884c888c795ce1ed3a1be2"
    case storeRecovered = "a29209e3f5c1459080a937d7d84e947e"
    case accountAdded = "c830b7e213094be190a77d9d49f19a40"
    case accountRemoved = "16aed4c8994f49a0818ca748080fc1b9"
    case clockStep = "8e561871c76c4a5396f78d98fee327bf"
    case journalUnavailable = "0c0b1c9d2f0e4b6c9a7a6ad3b6a0f7d1"
    case journalRecovered = "5e2d8f4a7c314e0f9b1d3c6e8a9f0b72"
    case attemptRecovered = "b7a3e1c4d5f64a0893c2e7f1a6b8d904"
    case answerSetAside = "d41f6a2be37c4c5f8e90a1b2c3d4e5f6"
    case laneStopped = "a8c4f1d27b9e4e3c8d5a6f0b1c2e3d47"
    case providerChanged = "c2e94b7d1a5f4e0d8b36f0a9d7c51e84"
    case storeOlder = "6f9c2a7e1b3d4e5fa8c7b6d5e4f3a201"
    case keyMade = "5daaa5a39fc94576bbd785d003d555b7"
}

extension Logger {
    /// Logs one event of the catalogue.
    package func event(
        _ event: LogEvent,
        _ level: Logger.Level,
        _ message: @autoclosure () -> Logger.Message,
        _ metadata: @autoclosure () -> Logger.Metadata = [:]
    ) {
        self.log(
            level: level,
            message(),
            metadata: metadata().merging([LogKeys.messageID: "\(event.rawValue)"]) { $1 }
        )
    }
}
