import Logging
import OAuth
import RefreshCore
import Synchronization

/// Tells when what a provider does is no longer what its profile says: once for each lane, until it changes again.
///
/// A profile is never changed by it: whether a used refresh token is dead is the one thing that no answer tells.
final class DriftWatch: Sendable {
    /// A provider whose servers disagree is told this often at most.
    static let pause: Duration = .seconds(600)

    private struct Story {
        /// What was told last; nil while all is as the profile says.
        var told: ProviderDrift?
        var at: Timestamp
    }

    private let stories = Mutex<[LaneID: [ProviderDrift.Aspect: Story]]>([:])

    /// Compares a good answer with the profile.
    func notice(_ token: NewToken, _ client: ClientSettings, at now: Timestamp, _ logger: Logger) {
        let seen = ProviderDrift.seen(in: token, profile: client.client.profile)
        for aspect in ProviderDrift.Aspect.allCases {
            guard let drift = self.news(seen[aspect], aspect, client.client.lane, at: now) else { continue }
            logger.event(
                .providerChanged,
                .warning,
                "the provider does not do what its profile says",
                [LogKeys.client: "\(client.client.id)", LogKeys.reason: "\(drift.sentence)"]
            )
        }
    }

    /// What is seen of one aspect, if it is to be told.
    private func news(
        _ seen: ProviderDrift?,
        _ aspect: ProviderDrift.Aspect,
        _ lane: LaneID,
        at now: Timestamp
    ) -> ProviderDrift? {
        self.stories.withLock { stories in
            let story = stories[lane]?[aspect]
            guard let seen else {
                // As the profile says (again): a drift that comes back is told anew.
                if story != nil { stories[lane]?[aspect]?.told = nil }
                return nil
            }
            if let story, story.told?.isLike(seen) ?? false || now - story.at < Self.pause { return nil }
            stories[lane, default: [:]][aspect] = Story(told: seen, at: now)
            return seen
        }
    }
}
