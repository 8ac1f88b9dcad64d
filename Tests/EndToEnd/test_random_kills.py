"""Killed at random moments under load (facts, catalogue A25).

Two thousand grants of every kind in two daemons; each daemon is killed, started and killed again. What is lost at the
end must be what nobody could have kept.
"""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.crash import seed_of_run
from harness.daemon import Daemon
from harness.herd import Herd
from harness.practice import Practice
from harness.verdict import Losses

pytestmark = pytest.mark.crash

DAEMONS = 2
# In seconds, at most. Each is renewed after half of its life: together fifty a second, as much as two cores carry with
# a debug build beside the kills. With more, answers would wait for the daemon.
LIFETIME = 120
# The same for a release build: three hundred a second.
LIFETIME_IN_A_RELEASE = 20
COUNTS = {"N": 80, "M": 80, "G-5s-family": 120, "C": 120, "S": 200, "S-family": 200, "S-client-user": 200}
SPENT_BY_USE = ("S", "S-family", "S-client-user")
CLIENTS = 20
# In seconds: from the provider's last byte to the slot, on average. A kill in between costs the grant (facts A07), and
# nobody can help that; but it must be a gap and no hole, also where two cores carry two daemons and two providers.
GAP = 0.2
# In seconds. A machine that starts the daemon within that long has no excuse for missing a grace of five seconds.
QUICK = 1.5
REPLENISHED_EVERY = 10


@pytest.fixture
def plain_practice(binaries: Path, folder: Path, private: Path):
    """A second provider, without TLS: in a debug build that costs more than all the rest of a refresh."""
    server = Practice(binaries, private / "practice-plain", folder, is_plain=True)
    yield server
    server.stop()


def _moments(chance: random.Random) -> Iterator[float]:
    """How long each life lasts: never two in a row so short that a start may settle nothing."""
    while True:
        moment = chance.uniform(0.05, 1.2)
        yield moment
        if moment < 0.6:
            yield chance.uniform(0.6, 1.2)


def _kill_again_and_again(herd: Herd, kills: int, seed: int) -> None:
    moments = _moments(random.Random(seed))
    herd.wake()
    herd.fill()
    herd.warm_up()
    for kill in range(1, kills + 1):
        herd.live(next(moments))
        herd.strike()
        if kill < kills:
            herd.wake()
            if kill % REPLENISHED_EVERY == 0:
                herd.replenish()


def _all_at_once(do: Callable[..., None], *arguments: list) -> None:
    with ThreadPoolExecutor(DAEMONS) as pool:
        list(pool.map(do, *arguments))


def _lose_only_what_cannot_be_kept(
    make_daemon: Callable[..., Daemon], practice: Practice, plain_practice: Practice, kills: int, lifetime: int
) -> None:
    seed = seed_of_run()
    print(f"seed {seed}, {kills} kills")
    # One speaks TLS, as all do at work; the others bring the load.
    providers = [practice, *[plain_practice] * (DAEMONS - 1)]
    herds = [
        Herd(make_daemon(f"refreshd-{number}"), provider, COUNTS, lifetime, number, clients=CLIENTS)
        for number, provider in enumerate(providers, 1)
    ]
    began = time.monotonic()
    _all_at_once(
        _kill_again_and_again, herds, [kills // DAEMONS] * DAEMONS, [seed + number for number in range(DAEMONS)]
    )
    rate = sum(server.summary()["commits"] for server in (practice, plain_practice)) / (time.monotonic() - began)
    _all_at_once(Herd.rest, herds)
    records = {**practice.grants(), **plain_practice.grants()}
    losses, wrong = Losses(), []
    for herd in herds:
        more, worse = herd.judge(records)
        losses, wrong = losses + more, wrong + worse
    slowest = max(herd.slowest_start for herd in herds)
    slowness = max(herd.slowest for herd in herds)
    told = f"seed {seed}: {kills} kills under {rate:.0f} redeems a second, {losses}"
    told += f" (slowest start {slowest:.1f} s, up to {slowness:.1f} times slower than alone)"
    print(told)
    assert not wrong, f"{told}; {len(wrong)} wrong:\n" + "\n".join(wrong[:20])
    # Each kill catches those that have come since the gap before it.
    spent_by_use = rate / DAEMONS * sum(COUNTS[name] for name in SPENT_BY_USE) / sum(COUNTS.values())
    is_a_hole = len(losses.in_the_air) > kills * spent_by_use * GAP
    if any(herd.is_too_busy for herd in herds) and (losses.avoidable or is_a_hole):
        pytest.skip(f"too busy a machine to tell what was lost for nothing: {told}")
    assert not losses.avoidable, f"{told}:\n" + "\n".join(losses.avoidable[:20])
    assert not losses.too_late or slowest > QUICK, f"{told}:\n" + "\n".join(losses.too_late)
    assert not is_a_hole, told


@pytest.mark.timeout(1_800)
def test_two_hundred_kills_lose_only_what_cannot_be_kept(make_daemon, practice, plain_practice):
    _lose_only_what_cannot_be_kept(make_daemon, practice, plain_practice, 200, LIFETIME)


@pytest.mark.long
@pytest.mark.timeout(6 * 3_600)
def test_ten_thousand_kills_lose_only_what_cannot_be_kept(make_daemon, practice, plain_practice):
    _lose_only_what_cannot_be_kept(make_daemon, practice, plain_practice, 10_000, LIFETIME_IN_A_RELEASE)
