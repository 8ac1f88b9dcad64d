"""Delivered from here, each account has one session at the social host, which ends with the account."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.certificates import make_certificates
from harness.scene import Scene
from harness.social import Social, session_name
from harness.waiting import eventually

FIRST, SECOND = "demo/user-1", "demo/user-2"


@dataclass
class Stage:
    scene: Scene
    social: Social

    def session(self, account: str) -> str:
        """How the social host knows the session of this account's newest token."""
        with self.scene.daemon.control() as control:
            return session_name(control.token(account).access_token)

    def is_known(self, *accounts: str) -> None:
        """Waits until exactly these accounts' newest tokens have a session, one each."""
        expected = sorted(self.session(account) for account in accounts)
        eventually(
            lambda: sorted(self.social.sessions.values()) == expected,
            about=f"{len(expected)} sessions of the newest tokens",
        )


@pytest.fixture
def stage(scene: Scene, private: Path) -> Iterator[Stage]:
    certificates = make_certificates(private / "tls")
    social = Social(certificates)
    scene.client()
    scene.daemon.add_sink(
        "uploads", url=f"https://127.0.0.1:{social.port}", ca_file=certificates.authority, clients=["demo"]
    )
    # What the practice provider grants is not what Google Drive's key needs.
    scene.daemon.configuration["sinks"]["uploads"] |= {"storage_key": "gdrive", "missing_permissions": "deliver"}
    scene.daemon.start()
    scene.grants(count=2)
    stage = Stage(scene, social)
    stage.is_known(FIRST, SECOND)
    try:
        yield stage
    finally:
        social.stop()


def test_each_account_has_one_session_that_goes_on_over_refreshes_and_restarts(stage):
    assert stage.social.seen.cookies == [None, None], "two visitors whom nobody knew"
    before = stage.session(FIRST)
    stage.scene.daemon.renew(FIRST)
    stage.is_known(FIRST, SECOND)
    assert stage.social.seen.cookies[2:] == [before], "the same visitor came again"

    stage.scene.daemon.stop()
    stage.scene.daemon.start()
    before = stage.session(SECOND)
    stage.scene.daemon.renew(SECOND)
    stage.is_known(FIRST, SECOND)
    assert stage.social.seen.cookies[3:] == [before]


def test_the_session_of_a_removed_account_is_closed_when_the_host_can_again(stage):
    gone = stage.session(FIRST)
    stage.social.fail = [503, 500]
    assert stage.scene.daemon.ctl("remove", FIRST).returncode == 0
    eventually(lambda: stage.social.seen.ended == [gone], about="the session is closed")
    stage.is_known(SECOND)


def test_a_session_that_was_not_closed_before_a_kill_is_closed_after_it(stage):
    gone = stage.session(FIRST)
    stage.social.fail = [503] * 1000
    assert stage.scene.daemon.ctl("remove", FIRST).returncode == 0
    eventually(lambda: len(stage.social.fail) < 1000, about="closing was tried")
    stage.scene.daemon.kill()
    stage.social.fail = []
    stage.scene.daemon.start()
    eventually(lambda: stage.social.seen.ended == [gone], about="the session is closed")
    stage.is_known(SECOND)
