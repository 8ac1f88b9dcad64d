"""Killed at every step of a refresh, for every kind of provider (facts, catalogue A).

Each scenario has three accounts of one client, of which the daemon dies at one. Those before it are done; those behind
it are under way: the provider has committed, and its answer never leaves. So each account's fate is certain, and the
provider's record says which it is.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

import pytest
import varlink

from harness.control import Control
from harness.crash import Order, dies, kill_order, wake
from harness.daemon import Daemon
from harness.practice import Practice
from harness.scene import Scene
from harness.verdict import HABITS, Habit, Life, describe, is_beyond_grace
from harness.waiting import eventually

pytestmark = [pytest.mark.crash, pytest.mark.timeout(600)]

# A client that loses twenty grants in ten minutes is stopped (F16); a scenario may cost three.
CLIENTS = ("demo-1", "demo-2", "demo-3", "demo-4", "demo-5")
POSITIONS = ("first", "middle", "last")
CHAINS = 3
# Only what never happens takes so long: a machine with much to do is no failure.
PATIENCE = 120


class Fate(Enum):
    """What may have become of an attempt when the daemon died."""

    NOT_SENT = auto()
    """It is certain that the server did not act, and that the daemon can know."""
    UNKNOWN = auto()
    """The server may have acted, and no answer is held."""
    HELD = auto()
    """The answer is held: nothing may be lost, and nothing is sent again."""


@dataclass(frozen=True)
class Point:
    """Where the daemon dies, and what that means for the account it dies at."""

    name: str
    row: str
    """Of the catalogue."""
    written: Fate
    """Where attempts are written down."""
    unwritten: Fate | None
    """Where they are not, for nothing is at stake; None where the point is not passed then."""
    durable: bool = False
    """Whether the new token may have left the daemon before it died."""
    is_everyones: bool = False
    """Passed on behalf of no account."""
    after_death: tuple[str, ...] = ()
    """The kill points at which the starts after it die too."""


NOT_SENT, UNKNOWN, HELD = Fate
POINTS = [
    Point("before-claim", "A01", NOT_SENT, NOT_SENT),
    Point("after-claim", "A02", NOT_SENT, NOT_SENT),
    Point("after-intent", "A03", NOT_SENT, None),
    Point("after-sent-mark", "A04", UNKNOWN, None),
    Point("after-release", "A05", UNKNOWN, UNKNOWN, is_everyones=True),
    Point("half-answer", "A06", UNKNOWN, UNKNOWN),
    Point("after-answer", "A07", UNKNOWN, UNKNOWN),
    Point("after-keep", "A08", HELD, None),
    Point("after-sync", "A09", HELD, None),
    Point("while-parsing", "A10", HELD, UNKNOWN),
    Point("after-parse", "A11", HELD, UNKNOWN),
    Point("in-commit", "A11", HELD, UNKNOWN),
    Point("after-commit", "A12", HELD, HELD, durable=True),
    Point("after-publish", "A13", HELD, HELD, durable=True),
    Point("after-free", "A12", HELD, HELD, durable=True),
    Point("before-delivery", "A14", HELD, HELD, durable=True),
    Point("after-delivery", "A16", HELD, HELD, durable=True),
    Point("after-sync", "A23", HELD, None, after_death=("in-recovery",)),
    Point("after-sync", "A23", HELD, None, after_death=("after-recovery",)),
    Point("after-keep", "A23", HELD, None, after_death=("in-recovery", "after-recovery")),
]


@dataclass
class Scenario:
    """Three accounts, of which the daemon dies at one."""

    habit: Habit
    point: Point
    position: int
    number: int
    accounts: list[str] = field(default_factory=list)
    struck: bool = False

    @property
    def client(self) -> str:
        return CLIENTS[(self.number - 1) // len(POSITIONS) % len(CLIENTS)]

    @property
    def chain(self) -> int:
        """In which chain it is: each has its share of every position."""
        place, position = divmod(self.number - 1, len(POSITIONS))
        return (place + position) % CHAINS

    @property
    def prefix(self) -> str:
        return f"s{self.number}-"

    @property
    def fate(self) -> Fate:
        fate = self.point.written if self.habit.is_journaled else self.point.unwritten
        assert fate is not None
        return fate

    def fates(self) -> Iterator[tuple[str, Fate | None]]:
        """Each account with what became of it; None for those that were done."""
        for place, account in enumerate(self.accounts):
            if place == self.position:
                yield account, self.fate
            else:
                yield account, (None if place < self.position else UNKNOWN)

    def __str__(self) -> str:
        path = " then ".join((self.point.name, *self.point.after_death))
        return f"{self.point.row} {self.habit.name}, killed {path}, {POSITIONS[self.position]} of three"


class Wrong(AssertionError):
    """A claim of the catalogue that did not hold."""


def claim(fact: object, words: str) -> None:
    if not fact:
        raise Wrong(words)


class Chain:
    """One daemon that is killed in one scenario after the other.

    Each life begins by looking at what the last death left; then it is killed in its turn.
    """

    def __init__(self, daemon: Daemon, practice: Practice, habit: Habit, scenarios: list[Scenario]) -> None:
        self._daemon = daemon
        self._practice = practice
        self._habit = habit
        self._scenarios = scenarios
        self._control: Control | None = None
        self._lives: list[Life] = []
        self.wrong: list[str] = []

    def run(self) -> None:
        self._wake()
        self._import()
        self._kill()
        last: Scenario | None = None
        for scenario in self._scenarios:
            with ExitStack() as orders:
                try:
                    self._begin(scenario, last)
                    last = None
                    self._strike(scenario, orders)
                    scenario.struck = True
                    last = scenario
                    for point in scenario.point.after_death:
                        self._daemon.launch(kill_order(point))
                        claim(dies(self._daemon), f"the start after it did not pass {point}")
                except Exception as error:
                    self.wrong.append(f"{scenario}: {type(error).__name__}: {error}")
                finally:
                    self._kill()
        if last:
            self._wake()
            self._look(last)
            self._kill()

    def _wake(self, environment: dict[str, str] | None = None) -> None:
        wake(self._daemon, environment)
        self._lives.append(Life(time.time()))
        self._control = self._daemon.control()

    def _kill(self) -> None:
        if self._control:
            self._control.close()
            self._control = None
        self._daemon.kill()

    @property
    def control(self) -> Control:
        """One connection for each life: to make one costs more than to ask."""
        assert self._control, "the daemon is dead"
        return self._control

    def _import(self) -> None:
        for scenario in self._scenarios:
            lines = self._practice.add_grants(
                scenario.client, 3, prefix=f"{self._prefix}{scenario.prefix}", lifetime=3_600, **self._habit.terms
            )
            self._daemon.import_file(lines)
            scenario.accounts = [f"{scenario.client}/{self._prefix}{scenario.prefix}{number}" for number in (1, 2, 3)]
        for client in CLIENTS:
            self._daemon.import_file(
                self._practice.add_grants(
                    client, 1, prefix=f"{self._prefix}pilot-", lifetime=3_600, **self._habit.terms
                )
            )
        for scenario in self._scenarios:
            for account in scenario.accounts:
                self._wait_for_delivery(account)

    @property
    def _prefix(self) -> str:
        return f"c{self._scenarios[0].number}-"

    def _begin(self, scenario: Scenario, last: Scenario | None) -> None:
        """Starts the daemon that is to die, after a look at what the last one left."""
        killed = scenario.accounts[scenario.position]
        done = scenario.accounts[: scenario.position]
        if scenario.point.is_everyones:
            # What others do must not pass the point in its place.
            self._wake()
            self._look(last)
            self._renew_all(done)
            self._kill()
            # The pilot and those under way pass it first.
            self._wake(kill_order(scenario.point.name, passage=1 + len(POSITIONS) - scenario.position))
            self._prove(scenario)
        else:
            environment = {} if scenario.point.name == "half-answer" else kill_order(scenario.point.name, killed)
            self._wake(environment)
            self._look(last)
            if done:
                self._renew_all(done)
            else:
                self._prove(scenario)

    def _prove(self, scenario: Scenario) -> None:
        """Has the provider accept the client, which each life must see once before it sends two requests at a time."""
        self._renew(f"{scenario.client}/{self._prefix}pilot-1")

    def _renew_all(self, accounts: list[str]) -> None:
        for account in accounts:
            self._renew(account)
            self._wait_for_delivery(account)

    def _strike(self, scenario: Scenario, orders: ExitStack) -> None:
        """Brings the others under way and lets the daemon die."""
        killed = scenario.accounts[scenario.position]
        for account in scenario.accounts[scenario.position + 1 :]:
            self._practice.fault("token", {"kind": "held"}, account=account)
            orders.enter_context(Order(self._daemon, account))
            self._wait_for_commit(account)
        if scenario.point.name == "half-answer":
            # Half a minute long, of which the daemon sees the beginning.
            self._practice.fault("token", {"kind": "slow", "pause": 0.15}, account=killed)
            orders.enter_context(Order(self._daemon, killed))
            self._wait_for_commit(killed)
            self._daemon.kill()
        else:
            orders.enter_context(Order(self._daemon, killed))
            claim(dies(self._daemon), "the point was not passed")
        if not scenario.point.durable:
            seen = self._practice.grant(killed)["sink_last_generation"]
            claim(seen == 1, f"generation {seen} left the daemon before it was durable")

    def _wait_for_commit(self, account: str) -> None:
        eventually(
            lambda: self._practice.grant(account)["generation"] == 2, within=PATIENCE, about=f"{account} is committed"
        )

    # What is left

    def _look(self, scenario: Scenario | None) -> None:
        """Judges what a death left, once the daemon has come to rest."""
        if scenario is None:
            return
        for account, fate in scenario.fates():
            try:
                self._judge(account, fate)
            except Exception as error:
                record = describe(self._practice.grant(account))
                self.wrong.append(f"{scenario}: {account} ({fate}): {error}; at the provider: {record}")

    def _judge(self, account: str, fate: Fate | None) -> None:
        shown = eventually(lambda: self._at_rest(account), within=PATIENCE, about="comes to rest")
        record = self._practice.grant(account)
        cause = (shown.get("failure") or {}).get("cause")
        match shown["state"]:
            case "needs_authorization":
                claim(fate is UNKNOWN, "is lost, and need not be")
                if is_beyond_grace(record, self._habit, self._lives):
                    claim(cause == "grace_missed", f"is lost by {cause}")
                    return
                claim(not self._habit.takes_replays, "is lost where a replay is taken")
                claim(self._habit.replays, "was replayed where that can hurt others")
                claim(record["generation"] in record["undelivered"] or record["double_redeems"], "is lost for nothing")
                claim(record["double_redeems"] <= self._habit.replays, "was replayed too often")
                claim(cause == "answer_lost", f"is lost by {cause}")
            case "in_doubt":
                claim(fate is UNKNOWN and self._habit.replays == 0, "stays in doubt")
                claim(cause == "answer_lost", f"is in doubt by {cause}")
                claim(
                    record["double_redeems"] == 0 and not record["revoked"], "was replayed where that can hurt others"
                )
                claim(record["requests"] <= 1, "was sent again")
                token = self.control.token(account).access_token
                claim(
                    self._practice.accepts(account.split("/")[0], token),
                    "the access token that it has is no longer served",
                )
                if record["generation"] == 1:
                    # The server never acted: a person who orders it loses nothing.
                    self._keeps(account, fate)
            case _:
                self._keeps(account, fate)

    def _at_rest(self, account: str) -> dict[str, Any] | None:
        shown = self.control.show(account)
        waits = shown["state"] == "in_doubt" and (shown.get("failure") or {}).get("retry_at") is not None
        return None if waits or shown["state"] in ("refreshing", "retrying") else shown

    def _keeps(self, account: str, fate: Fate | None) -> None:
        """The grant is alive, and was spent no more often than it had to be."""
        before = self._practice.grant(account)
        if fate in (None, HELD):
            claim(before["generation"] == 2, "the refresh was made again")
            claim(self.control.show(account)["generation"] == 2, "the daemon has not the generation that was answered")
            claim(before["requests"] == 1, "the server saw a second redeem")
        if fate is not UNKNOWN:
            self._wait_for_delivery(account)
        self._renew(account)
        self._wait_for_delivery(account)
        record = self._practice.grant(account)
        claim(record["generation"] == before["generation"] + 1, "the renewal was more than one redeem")
        claim(record["newest_refresh_token_is_good"], "its refresh token is dead")
        claim(record["double_redeems"] == 0, "a used refresh token was spent")
        # The one that was lost may still be held there, for it never hears that the daemon is gone.
        claim(record["maximum_in_flight"] <= 1 + (fate is UNKNOWN), "two redeems were under way")
        if fate is not UNKNOWN:
            claim(record["requests"] == record["generation"] - 1, "the server saw more redeems than it had to")
            claim(record["replays"] == 0, "a refresh token was spent twice")
        claim(record["sink_out_of_order"] == 0, "the sink got an older generation after a newer one")
        repeated = [seen for seen, count in Counter(record["sink_generations"]).items() if count > 2]
        claim(not repeated, f"the sink got generation {repeated} more than twice")

    def _renew(self, account: str) -> None:
        before = self.control.show(account)["generation"]

        def renewed() -> bool:
            shown = self.control.show(account)
            # On a slow machine an order may be answered before its refresh is done: that must not make two of one.
            if shown["generation"] == before and shown["state"] != "refreshing":
                try:
                    shown = self.control.Refresh(account)["account"]
                except varlink.VarlinkError as error:
                    raise Wrong(error.error()) from None
            claim(shown["generation"] > before, f"{shown['state']}, {shown.get('failure')}")
            return True

        eventually(renewed, within=PATIENCE, every=0.05, about=f"{account} is renewed")

    def _wait_for_delivery(self, account: str) -> None:
        """Waits until the sink has the newest token and the daemon has written that down."""

        def arrived() -> bool:
            shown = self.control.show(account)
            [delivery] = shown["deliveries"]
            state, generation = delivery["state"], delivery.get("generation")
            assert (state, generation) == ("delivered", shown["generation"]), f"{state}, {generation}"
            # The provider counts by its own commits, the daemon by what it was given.
            record = self._practice.grant(account)
            return record["sink_last_generation"] == record["generation"]

        eventually(arrived, within=PATIENCE, about=f"{account} is delivered")


def _scene(make_daemon: Callable[..., Daemon], practice: Practice, name: str, habit: Habit) -> Daemon:
    scene = Scene(make_daemon(name), practice)
    for client in CLIENTS:
        scene.client(client, **habit.client)
    scene.sink(*CLIENTS)
    return scene.daemon


@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.name)
def test_a_kill_at_any_step_loses_what_cannot_be_kept_and_no_more(make_daemon, practice, habit):
    points = [point for point in POINTS if habit.is_journaled or point.unwritten]
    combinations = [(point, position) for point in points for position in range(len(POSITIONS))]
    scenarios = [Scenario(habit, point, position, number) for number, (point, position) in enumerate(combinations, 1)]
    shares = [[scenario for scenario in scenarios if scenario.chain == chain] for chain in range(CHAINS)]
    chains = [
        Chain(_scene(make_daemon, practice, f"refreshd-{number}", habit), practice, habit, share)
        for number, share in enumerate(shares, 1)
    ]
    with ThreadPoolExecutor(len(chains)) as pool:
        for done in [pool.submit(chain.run) for chain in chains]:
            done.result()
    practice.release()
    wrong = [words for chain in chains for words in chain.wrong]
    assert not wrong, f"{len(wrong)} of {len(scenarios)} scenarios:\n" + "\n".join(wrong)
    assert all(scenario.struck for scenario in scenarios)


def test_an_answer_that_kills_its_reader_is_set_aside(make_daemon, practice):
    """A10: after two starts that died of it, the third goes on without it, and with everything else."""
    habit = next(habit for habit in HABITS if habit.name == "S")
    daemon = _scene(make_daemon, practice, "refreshd", habit)
    wake(daemon)
    daemon.import_file(practice.add_grants(CLIENTS[0], 3, lifetime=3_600, **habit.terms))
    deadly, *others = [f"{CLIENTS[0]}/user-{number}" for number in (1, 2, 3)]
    daemon.kill()

    order = kill_order("while-parsing", deadly)
    wake(daemon, order)
    with Order(daemon, deadly):
        assert dies(daemon)
    for start in (1, 2):
        daemon.launch(order)
        assert dies(daemon), f"start {start} met the answer and lived"
    wake(daemon, order)
    for account in others:
        assert daemon.renew(account) == 2
        assert practice.grant(account)["double_redeems"] == 0
    assert practice.grant(deadly)["double_redeems"] == 0
