"""What whoever gets hold of the daemon's memory finds in it (facts, threat T8)."""

import re
from collections import Counter

import pytest

from harness.memory import writable_memory
from harness.waiting import eventually

# As the practice provider makes them.
TOKEN = re.compile(rb"canary-(?:at|rt)-\d+-\d+-[0-9a-f]{32}")


def _tokens_in(program) -> Counter[bytes]:
    return Counter(found for part in writable_memory(program.pid) for found in TOKEN.findall(part))


def _is_held_once(program, expected: set[bytes]) -> None:
    """Says how many, never which."""

    def holds() -> bool:
        found = _tokens_in(program)
        assert found.keys() == expected, (
            f"{len(found - Counter(expected))} tokens too many, {len(expected - found.keys())} missing"
        )
        assert set(found.values()) == {1}, f"copies of each: {sorted(found.values())}"
        return True

    eventually(holds, within=15, every=0.25, about="each token in use is in memory once, and no other")


@pytest.mark.root
def test_memory_holds_a_token_in_use_once_and_one_that_is_over_not_at_all(scene):
    scene.client()
    scene.sink("demo")
    scene.daemon.start()
    accounts = scene.grants(count=3, lifetime=3_600)
    for account in accounts:
        assert scene.daemon.renew(account) == 2

    def in_use() -> dict[str, bytes]:
        with scene.daemon.control() as control:
            return {account: control.token(account).access_token.encode() for account in accounts}

    eventually(
        lambda: all(scene.practice.grant(account)["sink_last_generation"] == 2 for account in accounts),
        about="each is delivered",
    )
    tokens = in_use()
    # Imported, sent, received, journaled, committed, delivered and served: what is left is the token table.
    _is_held_once(scene.daemon.program, set(tokens.values()))
    gone = accounts.pop()
    with scene.daemon.control() as control:
        control.Remove(gone)
    _is_held_once(scene.daemon.program, {tokens[account] for account in accounts})
