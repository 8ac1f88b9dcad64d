"""Stopping, reloading, being killed, and starting again."""

import hashlib
import signal
import threading

import varlink

from harness.waiting import eventually, stays

ACCOUNT = "demo/user-1"


def _hold_a_refresh(scene):
    """A refresh under way whose answer the provider has committed and keeps back."""
    scene.client()
    scene.daemon.start()
    scene.grants()
    scene.practice.fault("token", {"kind": "held"}, account=ACCOUNT)
    threading.Thread(target=_refresh, args=(scene.daemon,), daemon=True).start()
    eventually(lambda: scene.practice.grant(ACCOUNT)["generation"] == 2, about="the provider has committed")


def _refresh(daemon):
    try:
        with daemon.control() as control:
            control.Refresh(ACCOUNT)
    except (varlink.VarlinkError, OSError):
        pass  # the daemon may close the connection while it stops: what became of the refresh is the question


def test_a_stop_waits_for_the_refresh_under_way(scene):
    _hold_a_refresh(scene)
    scene.daemon.program.send(signal.SIGTERM)
    stays(lambda: scene.daemon.program.is_running, during=2, about="the daemon waits for the answer")
    scene.practice.release()
    assert scene.daemon.program.wait() == 0
    record = scene.practice.grant(ACCOUNT)
    assert record["answers_delivered"] == 1
    assert record["undelivered"] == []

    scene.daemon.start()
    shown = scene.daemon.show(ACCOUNT)
    assert (shown["state"], shown["generation"]) == ("fresh", 2)
    with scene.daemon.control() as control:
        assert scene.practice.accepts("demo", control.token(ACCOUNT).access_token)
    record = scene.practice.grant(ACCOUNT)
    assert (record["requests"], record["double_redeems"]) == (1, 0)


def test_a_broken_configuration_changes_nothing_and_is_told(scene):
    scene.client()
    scene.daemon.start()
    scene.grants()
    before = scene.daemon.status()
    good = scene.daemon.configuration_file.read_text()

    scene.daemon.write_configuration(good + "\n[nonsense]\nworth = 1\n")
    scene.daemon.reload()
    eventually(lambda: "nonsense" in scene.daemon.program.log(), about="the log names the key that is wrong")
    done = scene.daemon.ctl("reload")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    after = scene.daemon.status()
    assert (after["pid"], after["started_at"], after["state"]) == (before["pid"], before["started_at"], "ready")
    assert scene.daemon.renew(ACCOUNT) == 2

    scene.client("second")
    scene.daemon.write_configuration()
    scene.daemon.reload()
    eventually(
        lambda: "second" in [client["client"] for client in scene.daemon.status()["clients"]],
        about="the mended configuration is taken up",
    )
    assert scene.daemon.show(ACCOUNT)["generation"] == 2
    scene.grants("second")
    assert scene.daemon.renew("second/user-1") == 2


def test_a_kill_loses_nothing(scene):
    scene.client()
    scene.client("second")
    scene.daemon.start()
    scene.grants(count=25)
    scene.grants("second", count=25)
    for number in range(1, 11):
        scene.daemon.renew(f"demo/user-{number}")
    with scene.daemon.control() as control:
        control.Pause("demo/user-25")
    before = _everything(scene.daemon)

    scene.daemon.kill()
    scene.daemon.start()
    assert _everything(scene.daemon) == before
    assert scene.daemon.show("demo/user-25")["state"] == "paused"
    assert scene.daemon.renew("demo/user-1") == 3
    assert scene.daemon.renew("second/user-25") == 2
    assert scene.practice.summary()["double_redeems"] == 0


def _everything(daemon):
    """Each account with what must outlive the process, its token as a digest."""
    kept = ("state", "generation", "scope", "issued_at", "expires_at")
    with daemon.control() as control:
        return {
            account["account"]: (
                *(account.get(name) for name in kept),
                hashlib.sha256(control.token(account["account"]).access_token.encode()).hexdigest(),
            )
            for account in control.accounts()
        }
