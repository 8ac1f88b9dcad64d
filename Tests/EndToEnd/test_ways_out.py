"""The ways out: what the provider knows of a grant after its account was removed, and what is told when it is not."""

import pytest

from harness.practice import FOREVER, status

ACCOUNT = "demo/user-1"


@pytest.fixture(params=["client_secret_basic", "client_secret_post"])
def running(scene, request):
    scene.client(method=request.param, revocation_endpoint=f"{scene.practice.url}/oauth2/revoke")
    scene.daemon.start()
    scene.grants(count=2)
    return scene


def _is_gone(scene):
    return [account["account"] for account in scene.daemon.ctl_json("list")] == ["demo/user-2"]


def test_a_revoked_account_is_over_at_the_provider_too(running):
    done = running.daemon.ctl("remove", ACCOUNT, "--revoke")
    assert done.returncode == 0, done.stderr
    assert _is_gone(running)
    assert running.practice.grant(ACCOUNT)["revoked_by"] == "client"
    assert not running.practice.grant("demo/user-2").get("revoked_by")


def test_without_being_told_to_nothing_is_revoked(running):
    assert running.daemon.ctl("remove", ACCOUNT).returncode == 0
    assert _is_gone(running)
    assert not running.practice.grant(ACCOUNT).get("revoked_by")


def test_a_provider_in_trouble_is_asked_again(running):
    running.practice.fault("revoke", status(503, times=2))
    done = running.daemon.ctl("remove", ACCOUNT, "--revoke")
    assert done.returncode == 0, done.stderr
    assert running.practice.grant(ACCOUNT)["revoked_by"] == "client"
    assert _is_gone(running)


def test_a_provider_that_refuses_is_told_and_the_account_stays(running):
    running.practice.fault("revoke", status(403, **FOREVER))
    done = running.daemon.ctl("remove", ACCOUNT, "--revoke")
    assert done.returncode == 1
    assert "not revoked and not removed" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    running.practice.clear_faults()
    assert running.daemon.renew(ACCOUNT) == 2


@pytest.mark.slow
def test_a_provider_that_stays_down_is_told_within_a_minute(scene):
    scene.client(revocation_endpoint=f"{scene.practice.url}/oauth2/revoke")
    scene.daemon.start()
    scene.grants()
    scene.practice.fault("revoke", status(503, **FOREVER))
    done = scene.daemon.ctl("remove", ACCOUNT, "--revoke", timeout=60)
    assert done.returncode == 1
    assert "not revoked and not removed" in done.stderr
    scene.practice.clear_faults()
    assert scene.daemon.renew(ACCOUNT) == 2
    done = scene.daemon.ctl("remove", ACCOUNT, "--revoke")
    assert done.returncode == 0, done.stderr
    assert scene.practice.grant(ACCOUNT)["revoked_by"] == "client"


def test_a_client_without_a_revocation_endpoint_says_so(scene):
    scene.client()
    scene.daemon.start()
    scene.grants()
    done = scene.daemon.ctl("remove", ACCOUNT, "--revoke")
    assert done.returncode == 1
    assert "no revocation endpoint" in done.stderr
    assert scene.daemon.show(ACCOUNT)["state"] == "fresh"
