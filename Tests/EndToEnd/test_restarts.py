"""What a daemon must not forget when it ends, and what it says when it has to end too early."""

import signal
import time

import pytest
import varlink

from harness.practice import status
from harness.waiting import eventually, stays

ACCOUNT = "demo/user-1"


def _requests(scene) -> int:
    return sum(record["requests"] for record in scene.practice.grants().values())


@pytest.mark.slow
def test_a_wait_that_was_asked_for_outlives_a_crash_loop(scene):
    """I09, V6: a provider that has asked for peace is not asked again because somebody restarts."""
    scene.client()
    scene.daemon.start()
    wait = 25
    scene.practice.fault("token", status(429, headers={"Retry-After": str(wait)}), client="demo")
    scene.grants(count=3, lifetime=12)
    eventually(lambda: scene.practice.summary()["faults_done"] == 1, every=0.02)
    told = time.monotonic()
    # What was on its way when the answer came may still arrive.
    eventually(lambda: time.monotonic() > told + 0.7, within=2)
    sent = _requests(scene)
    for _ in range(3):
        scene.daemon.kill()
        scene.daemon.start()
        sent_now = _requests(scene)
        if time.monotonic() > told + wait - 1:
            break  # so slow a machine that the wait is over
        assert sent_now == sent, "a restart made it forget"
    # A clean stop keeps it as well.
    scene.daemon.stop()
    scene.daemon.start()
    lines = scene.daemon.ctl("explain", ACCOUNT).stdout
    assert "the provider asked us to wait" in lines or time.monotonic() > told + wait
    stays(
        lambda: _requests(scene) == sent,
        during=min(2, told + wait - 1 - time.monotonic()),
        about="nothing is sent",
    )
    eventually(
        lambda: all(scene.daemon.show(f"demo/user-{number}")["generation"] >= 2 for number in (1, 2, 3)),
        within=60,
        about="it goes on when the wait is over",
    )
    assert scene.practice.summary()["double_redeems"] == 0


def test_the_second_client_secret_is_used_when_the_first_is_refused(scene, private):
    """C07: the secret was changed at the provider; nobody loses a grant by it."""
    scene.client()
    client = scene.daemon.configuration["clients"]["demo"]
    good = client.pop("client_secret")
    stale = private / "stale.secret"
    stale.touch(mode=0o600)
    stale.write_text("canary-secret-stale")
    client["client_secrets"] = [{"file": stale}, good]
    scene.daemon.start()
    accounts = scene.grants(count=5)
    # The refusal ends the first attempt; the next follows by itself.
    _refresh(scene.daemon)
    scene.daemon.wait_for(ACCOUNT, state="fresh", generation=2)
    for account in accounts[1:]:
        assert scene.daemon.renew(account) == 2
    assert all(scene.daemon.show(account)["state"] == "fresh" for account in accounts)
    told = scene.daemon.program.log()
    assert told.count("the next one of client_secrets is tried") == 1
    assert "canary-secret" not in told


@pytest.mark.slow
def test_a_stop_that_gets_no_answer_says_so_and_the_next_start_sees_to_it(scene):
    """I05: with a hung provider the stop ends at the answer's own limit, and says how many it leaves in doubt."""
    # Half of the grace is how long an answer is waited for.
    scene.client(rotation="grace", grace="30s", blast="family")
    scene.daemon.start()
    scene.practice.fault("token", {"kind": "held"}, client="demo")
    # Due at half of its life, by itself: a client that waits for the refresh would be waited for as well.
    scene.grants(rotation="G", grace=30, lifetime=6)
    eventually(lambda: scene.practice.grant(ACCOUNT)["generation"] == 2, about="the provider has committed")
    scene.daemon.program.send(signal.SIGTERM)
    assert scene.daemon.program.wait(within=60) == 0
    log = scene.daemon.program.log()
    assert "stopped before the provider had answered" in log
    assert "refreshes=1" in log
    scene.practice.clear_faults()
    scene.daemon.start()
    # The old refresh token is still good: the replay brings the pair that was lost, or a newer one.
    eventually(lambda: scene.daemon.show(ACCOUNT)["state"] == "fresh", within=40, about="it is renewed")
    assert scene.daemon.show(ACCOUNT)["generation"] >= 2


def _refresh(daemon):
    try:
        with daemon.control() as control:
            control.Refresh(ACCOUNT)
    except (varlink.VarlinkError, OSError):
        pass  # the daemon may close the connection while it stops
