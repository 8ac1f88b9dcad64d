"""A store that is older than what was done with it (facts, catalogue B15, B16, B23; T15).

A disk that says it has synced and has not, a log that was deleted, a backup that was put back: after each the store
offers refresh tokens that have been used. The journal's mark tells, at the next start and before any of them is sent.
"""

import shutil
from pathlib import Path

import pytest

from harness.waiting import eventually, stays

SPENT, UNTOUCHED, LASTING = "demo/user-1", "demo/user-2", "lasting/user-1"


def _files_of_store(daemon) -> list[Path]:
    """Without the journal, which is another file and was told the truth."""
    return [path for path in daemon.state.iterdir() if path.name.startswith(daemon.store.name)]


def _no_attempt_is_open(daemon) -> bool:
    # Whatever is in a slot would be applied again, as it should. What is free is zeros.
    slots_start = 4 * 4096
    return not (daemon.state / "escrow").read_bytes()[slots_start:].strip(b"\0")


def _lose_by_restoring(daemon, private: Path) -> None:
    for path in _files_of_store(daemon):
        path.unlink()
    for path in (private / "before").iterdir():
        shutil.copy2(path, daemon.state / path.name)


def _lose_by_deleting(daemon, private: Path) -> None:
    log = daemon.store.with_name(daemon.store.name + "-wal")
    assert log.stat().st_size > 0, "nothing would be lost"
    log.unlink()


LOSSES = {"restored": _lose_by_restoring, "log-deleted": _lose_by_deleting}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_store_that_has_lost_commits_is_noticed_and_spends_nothing(scene, private, loss):
    scene.client(rotation="single_use", blast="family")
    scene.client("lasting", rotation="none")
    daemon, practice = scene.daemon, scene.practice
    daemon.start()
    scene.grants(count=2, rotation="S", blast="family")
    scene.grants("lasting", rotation="N")
    # A clean stop: what there was until here is in the store itself, and not in its log.
    daemon.stop()
    (private / "before").mkdir()
    for path in _files_of_store(daemon):
        shutil.copy2(path, private / "before" / path.name)
    daemon.start()
    assert daemon.renew(SPENT) == 2
    eventually(lambda: _no_attempt_is_open(daemon), about="all is in the store")
    daemon.kill()
    LOSSES[loss](daemon, private)

    daemon.start()
    for account in (SPENT, UNTOUCHED):
        shown = daemon.show(account)
        assert (shown["state"], shown["generation"]) == ("in_doubt", 1), account
        assert shown["failure"]["cause"] == "answer_lost"
        assert "older than its attempt journal" in shown["failure"]["message"]
    assert daemon.show(LASTING)["state"] == "fresh", "what is not spent by use goes on"
    assert "the store is not the one that was left" in daemon.program.log()
    stays(
        lambda: [practice.grant(account)["requests"] for account in (SPENT, UNTOUCHED)] == [1, 0],
        during=2,
        about="no refresh token is sent before a person says so",
    )
    # The next start has not forgotten it.
    daemon.stop()
    daemon.start()
    assert daemon.show(UNTOUCHED)["state"] == "in_doubt"
    # A person says so: this one had not been used.
    assert daemon.renew(UNTOUCHED) == 2
    assert practice.summary()["double_redeems"] == 0
