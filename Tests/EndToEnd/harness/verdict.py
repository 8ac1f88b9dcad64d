"""Whether what was lost in a crash could have been kept: the provider's record decides, not the daemon's word."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# An answer that had left the provider so shortly before the crash may not have been read by the daemon yet, or was
# read and not yet in its slot (catalogue A07). Nobody can tell from outside; such losses are counted apart.
IN_THE_AIR = 1.0

# So long the daemon must have been up within the grace to be blamed for a replay that came too late.
ENOUGH_FOR_A_REPLAY = 3.0


@dataclass(frozen=True)
class Habit:
    """What a redeem does to a refresh token, in the words of both sides."""

    name: str
    rotation: str
    blast: str = "none"
    grace: int | None = None

    _words = {"N": "none", "M": "parallel", "G": "grace", "C": "on_use", "S": "single_use"}  # noqa: RUF012
    _blasts = {"none": "none", "family": "family", "clientUser": "client_user"}  # noqa: RUF012

    @property
    def terms(self) -> dict[str, Any]:
        """For the provider's grants. Those of one user are three: a blast that reaches siblings has some to hit."""
        grace = {} if self.grace is None else {"grace": self.grace}
        return {"rotation": self.rotation, "blast": self.blast, "grants_per_user": 3, **grace}

    @property
    def client(self) -> dict[str, Any]:
        """For the daemon's client."""
        grace = {} if self.grace is None else {"grace": f"{self.grace}s"}
        blast = {} if self.rotation in "NM" else {"blast": self._blasts[self.blast]}
        return {"rotation": self._words[self.rotation], **blast, **grace}

    @property
    def is_journaled(self) -> bool:
        """Whether attempts are written down: where nothing is spent, nothing is at stake."""
        return self.rotation not in "NM"

    @property
    def takes_replays(self) -> bool:
        """Whether the provider takes a refresh token whose answer was lost once more."""
        return self.rotation != "S"

    @property
    def replays(self) -> int | None:
        """How many attempts may follow an unknown one (`ReplayRule`); None for as many as it takes."""
        if self.takes_replays:
            return None
        return 0 if self.blast == "clientUser" else 2


HABITS = [
    Habit("N", "N"),
    Habit("M", "M"),
    Habit("G-5s-family", "G", "family", 5),
    Habit("C", "C"),
    Habit("S", "S"),
    Habit("S-family", "S", "family"),
    Habit("S-client-user", "S", "clientUser"),
]


@dataclass
class Losses:
    """The accounts that stopped living, by whether anybody could have helped it."""

    avoidable: list[str] = field(default_factory=list)
    """Nothing excuses these."""
    unanswered: list[str] = field(default_factory=list)
    """The provider had committed, no answer left it whole, and it takes no replay."""
    in_the_air: list[str] = field(default_factory=list)
    """The answer had left less than `IN_THE_AIR` before the crash."""

    too_late: list[str] = field(default_factory=list)
    """The grace was over before a daemon had been up for `ENOUGH_FOR_A_REPLAY`: a machine that is too slow for it."""

    def __add__(self, other: "Losses") -> "Losses":
        return Losses(
            self.avoidable + other.avoidable,
            self.unanswered + other.unanswered,
            self.in_the_air + other.in_the_air,
            self.too_late + other.too_late,
        )

    def __len__(self) -> int:
        return len(self.avoidable) + len(self.unanswered) + len(self.in_the_air) + len(self.too_late)

    def __str__(self) -> str:
        return (
            f"{len(self)} lost: {len(self.avoidable)} avoidable, {len(self.unanswered)} unanswered, "
            f"{len(self.in_the_air)} in the air, {len(self.too_late)} too late"
        )


def sort_losses(
    lost: Iterable[str],
    records: dict[str, dict[str, Any]],
    habit_of: dict[str, Habit],
    lives: Sequence["Life"],
    in_the_air: float = IN_THE_AIR,
) -> Losses:
    """Sorts lost accounts by the provider's record; `lives` are those of their daemon.

    `in_the_air` is in seconds of a machine of its own.
    """
    losses = Losses()
    for account in lost:
        record, habit = records[account], habit_of[account]
        answered_at = record["last_delivered_at"]
        if record["generation"] in record["undelivered"]:
            kind = losses.unanswered
        elif any(life.end <= answered_at <= life.gone + IN_THE_AIR for life in lives):
            # Handed to a process that was gone, or that had no disk any more.
            kind = losses.unanswered
        elif any(life.end - in_the_air * life.slowness <= answered_at <= life.end for life in lives):
            kind = losses.in_the_air
        else:
            # The server never acted on what was lost, or the answer had been there for long.
            kind = losses.avoidable
        if habit.takes_replays and kind is not losses.avoidable:
            kind = losses.too_late if is_beyond_grace(record, habit, lives) else losses.avoidable
        kind.append(f"{account}: {describe(record)}")
    return losses


@dataclass(frozen=True)
class Life:
    """One process of a daemon, in Unix seconds."""

    ready: float
    end: float = float("inf")
    """The last moment at which all was well."""
    gone: float = float("inf")
    """The first at which it was certain to be dead."""
    slowness: float = 1.0
    """What takes a daemon a second on a machine of its own took it so many."""


def is_beyond_grace(record: dict[str, Any], habit: Habit, lives: Sequence[Life]) -> bool:
    """Whether no daemon was there in time to send the refresh token again."""
    if habit.grace is None:
        return False
    begin, end = record["committed_at"], record["committed_at"] + habit.grace
    up = sum(
        max(0.0, min(end, life.end) - max(begin, life.ready)) / life.slowness for life in lives if life.ready > begin
    )
    return up < ENOUGH_FOR_A_REPLAY


def wrong_redeems(
    records: dict[str, dict[str, Any]], habit_of: dict[str, Habit], lost: Iterable[str], ordered: Mapping[str, int]
) -> list[str]:
    """The accounts that spent a used refresh token where `ReplayRule` does not permit it.

    It permits it after an unknown outcome, and then the grant is lost: an account that lives must have none. `ordered`
    are those that the test itself had sent again.
    """
    gone = set(lost)
    wrong = []
    for account, record in records.items():
        if account not in habit_of:
            continue
        # Where replays are taken, one that came after the grace is one more of the same kind.
        replays = habit_of[account].replays
        # Two at once, and if kills ate those too, one now and then until an answer settles it: half a minute or more
        # lies before each, so that a run has room for two.
        slow = 0 if replays == 0 else 2
        permitted = (2 if replays is None else replays) + slow + ordered.get(account, 0) if account in gone else 0
        if record["double_redeems"] > permitted:
            wrong.append(f"{account}: {describe(record)}, {permitted} permitted")
    return wrong


def describe(record: dict[str, Any]) -> str:
    """The record in one line, without what says nothing here."""
    names = ("rotation", "generation", "undelivered", "requests", "replays", "double_redeems", "refusals", "revoked")
    return ", ".join(f"{name} {record[name]}" for name in names if record.get(name) not in (None, [], 0, False))
