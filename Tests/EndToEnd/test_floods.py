"""More connections than anybody can answer: refreshes are on time all the same (facts, catalogue H17)."""

import random
import socket
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

import pytest

from harness.users import OUTSIDER, as_user
from harness.waiting import eventually

# In seconds. Each token is renewed at about half of its life, so that much may be lost to the flood.
LIFETIME = 30
FLOOD = 5
# A machine on which the daemon's work takes so many times longer than alone is too busy for a verdict on what was late.
# The flood itself makes it four.
TOO_BUSY = 9


def _flood(path: str, seconds: float) -> int:
    """Connects and lets go, as fast as one process can; how often?"""
    count, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(100):
            with socket.socket(socket.AF_UNIX) as client:
                client.setblocking(False)
                with suppress(OSError):
                    client.connect(path)
                count += 1
    return count


@pytest.mark.root
@pytest.mark.crash
def test_a_flood_of_connections_makes_no_refresh_late(scene):
    scene.client(limits={"rate": 100, "concurrency": 16})
    daemon, practice = scene.daemon, scene.practice
    daemon.start()
    accounts = scene.grants(count=40, lifetime=LIFETIME, rotation="S", blast="family")
    descriptors = Path(f"/proc/{daemon.program.pid}/fd")

    late: set[str] = set()

    def how_many_are_renewed() -> int:
        now, records = time.time(), practice.grants()
        late.update(name for name, record in records.items() if record["committed_at"] + LIFETIME <= now)
        return sum(record["generation"] > 1 for record in records.values())

    _flood_while_they_fall_due(daemon, accounts, how_many_are_renewed)
    if late and (slowness := daemon.program.slowness()) > TOO_BUSY:
        pytest.skip(f"too busy a machine, on which all takes {slowness:.0f} times longer than alone")
    assert not late, f"{len(late)} tokens ended before they were renewed: {sorted(late)[:5]}"
    for account, record in practice.grants().items():
        assert (record["double_redeems"], record["refusals"], record["replays"]) == (0, 0, 0), account
        assert record["maximum_in_flight"] <= 1, account
    eventually(lambda: len(list(descriptors.iterdir())) < 100, about="the descriptors are given back")
    assert all(account["state"] in ("fresh", "refreshing") for account in _shown(daemon))


def _flood_while_they_fall_due(daemon, accounts, how_many_are_renewed) -> None:
    chance = random.Random(17)
    with daemon.control(timeout=60) as kept, ThreadPoolExecutor(2) as pool:
        # They were made together, so they fall due together, within a tenth of their life: in the flood.
        eventually(how_many_are_renewed, every=0.2, about="the first are renewed")
        # Who may do nothing is shown the door; who may do everything is let in.
        floods = [pool.submit(as_user, uid, 0, _flood, str(daemon.socket), FLOOD) for uid in (OUTSIDER, 0)]
        while wait(floods, timeout=0.1).not_done:
            how_many_are_renewed()
            asked = time.time()
            served = kept.token(chance.choice(accounts))
            assert served.expires_at > asked, f"served {asked - served.expires_at:.1f} s past its expiry"
        assert sum(flood.result() for flood in floods) > 2_000, "that was no flood"
        eventually(
            lambda: how_many_are_renewed() == len(accounts), within=180, every=0.2, about="every token is renewed"
        )


def _shown(daemon) -> list[dict]:
    with daemon.control() as control:
        return control.accounts()
