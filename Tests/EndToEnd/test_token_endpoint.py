"""What an account becomes when its provider answers badly, or not at all."""

import socket
import threading
import time

import pytest
import varlink

from harness.certificates import make_certificates
from harness.control import error_named
from harness.practice import FOREVER, oauth_error, status
from harness.waiting import eventually, stays

ACCOUNT = "demo/user-1"


def _one_account(scene, settings=None, **terms):
    scene.client(**(settings or {}))
    scene.daemon.start()
    scene.grants(**terms)


def _try_to_refresh(daemon, account=ACCOUNT):
    """One attempt, whatever comes of it: what it did to the account is looked at afterwards."""
    with daemon.control() as control:
        try:
            control.Refresh(account)
        except varlink.VarlinkError as error:
            return error.error()
    return None


def _failure(daemon, account=ACCOUNT):
    """Waits for a failure and returns (state, cause)."""

    def failed():
        shown = daemon.show(account)
        assert shown.get("failure"), shown["state"]
        return shown["state"], shown["failure"]["cause"]

    return eventually(failed)


def _still_serves(scene, generation=1):
    with scene.daemon.control() as control:
        served = control.token(ACCOUNT)
    assert served.generation == generation
    assert served.warning, "a token of an account in trouble comes with a warning"
    assert scene.practice.accepts("demo", served.access_token)


def test_retry_after_closes_the_lane_of_that_client_and_no_other(scene):
    scene.client("busy")
    scene.client("calm")
    scene.daemon.start()
    wait = 8
    scene.practice.fault("token", status(503, headers={"Retry-After": str(wait)}), client="busy")
    scene.grants("busy", count=3, lifetime=12)
    scene.grants("calm", lifetime=4)

    def requests(client):
        return sum(record["requests"] for record in scene.practice.grants().values() if record["client"] == client)

    eventually(lambda: scene.practice.summary()["faults_done"] == 1, every=0.02)
    told = time.monotonic()
    # What was on its way when the answer came may still arrive.
    eventually(lambda: time.monotonic() > told + 0.7, within=2)
    sent, calm = requests("busy"), requests("calm")
    stays(
        lambda: requests("busy") == sent,
        during=told + wait - 1 - time.monotonic(),
        about="nothing is sent for the client that was told to wait",
    )
    assert requests("calm") > calm, "the other client had to wait too"
    eventually(lambda: all(scene.daemon.show(f"busy/user-{number}")["generation"] >= 2 for number in (1, 2, 3)))
    assert scene.practice.summary()["double_redeems"] == 0


def test_a_rate_limit_is_told_as_one(scene):
    _one_account(scene)
    scene.practice.fault("token", status(429, headers={"Retry-After": "600"}), account=ACCOUNT)
    _try_to_refresh(scene.daemon)
    assert _failure(scene.daemon) == ("retrying", "rate_limited")
    failure = scene.daemon.show(ACCOUNT)["failure"]
    assert failure["retry_at"] >= failure["at"] + 590
    _still_serves(scene)


def test_a_server_error_is_tried_again(scene):
    _one_account(scene)
    scene.practice.fault("token", status(503, **FOREVER), account=ACCOUNT)
    _try_to_refresh(scene.daemon)
    assert _failure(scene.daemon) == ("retrying", "server_error")
    _still_serves(scene)
    scene.practice.clear_faults()
    eventually(lambda: scene.daemon.show(ACCOUNT)["state"] == "fresh", within=60, about="it recovers by itself")
    assert scene.daemon.show(ACCOUNT)["generation"] == 2


def test_a_dead_grant_needs_a_person_and_is_not_sent_again(scene):
    _one_account(scene, lifetime=8)
    scene.practice.revoke(ACCOUNT)
    dead = scene.daemon.wait_for(ACCOUNT, state="needs_authorization")
    assert dead["failure"]["cause"] == "revoked"
    assert dead["failure"]["count"] == 1
    assert scene.practice.grant(ACCOUNT)["refusals"] == 1

    def asked():
        with scene.daemon.control() as control, error_named("NeedsAuthorization") as errors:
            control.token(ACCOUNT)
        return errors[0].parameters()

    # The token is served until it expires, with a warning; then there is none.
    def expired():
        try:
            return asked()
        except AssertionError:
            return None

    told = eventually(expired, within=20)
    assert told == {"account": ACCOUNT, "cause": "revoked"}
    stays(lambda: scene.practice.grant(ACCOUNT)["requests"] == 1, during=3)


def test_a_refused_client_is_a_matter_of_configuration(scene):
    _one_account(scene)
    scene.practice.fault("token", oauth_error("invalid_client", 401, **FOREVER), client="demo")
    _try_to_refresh(scene.daemon)
    assert _failure(scene.daemon) == ("misconfigured", "client_rejected")
    _still_serves(scene)


NOT_A_TOKEN = {
    "html": status(200, "<!doctype html><title>Sign in</title>", content_type="text/html"),
    "empty": status(200, ""),
    "not-an-object": status(200, "[]"),
    "no-token": status(200, '{"token_type":"Bearer"}'),
    "token-with-a-line-break": status(200, '{"access_token":"canary-a\\r\\nb","token_type":"Bearer"}'),
    "deep": status(200, "[" * 10_000),
    "oversize": {"kind": "oversize", "bytes": 8_000_000},
}


@pytest.mark.parametrize("kind", NOT_A_TOKEN)
def test_an_answer_that_is_no_token_is_malformed_and_asked_for_again(scene, kind):
    """Where a refresh token outlives its use, trying again costs nothing."""
    _one_account(scene, settings={"rotation": "none"}, rotation="N")
    scene.practice.fault("token", {**NOT_A_TOKEN[kind], **FOREVER}, account=ACCOUNT)
    _try_to_refresh(scene.daemon)
    # What was cut off at the limit is no complete answer.
    state = "in_doubt" if kind == "oversize" else "retrying"
    assert _failure(scene.daemon) == (state, "malformed_answer")
    _still_serves(scene)
    scene.practice.clear_faults()
    assert scene.daemon.wait_for(ACCOUNT, state="fresh", within=60)["generation"] == 2


LOST = {
    "html": status(200, "<!doctype html><title>Sign in</title>", content_type="text/html", commit=True),
    "truncated": {"kind": "truncate", "bytes": 40},
    "dropped": {"kind": "drop_after_commit"},
}


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_answer_leaves_an_unknown_provider_alone(scene, kind):
    """The server committed. One more use of the old token could end every grant of that user."""
    _one_account(scene, rotation="S", blast="clientUser")
    scene.practice.fault("token", LOST[kind], account=ACCOUNT)
    _try_to_refresh(scene.daemon)
    assert _failure(scene.daemon) == ("in_doubt", "answer_lost")
    assert scene.practice.grant(ACCOUNT)["generation"] == 2
    stays(
        lambda: scene.practice.grant(ACCOUNT)["requests"] == 1,
        during=3,
        about="a token that may be spent is not sent once more",
    )


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(scene, code):
    _one_account(scene)
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        callers: list[object] = []
        threading.Thread(target=_note_callers, args=(elsewhere, callers), daemon=True).start()
        target = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/token"
        scene.practice.fault("token", status(code, "", headers={"Location": target}, **FOREVER), account=ACCOUNT)
        _try_to_refresh(scene.daemon)
        assert _failure(scene.daemon) == ("misconfigured", "client_rejected")
        stays(lambda: not callers, during=1, about="nobody came to where the redirect points")
    _still_serves(scene)


def _note_callers(server, callers):
    try:
        while True:
            callers.append(server.accept()[1])
    except OSError:
        return  # the test is over and the socket closed


def test_a_provider_that_is_gone_is_a_network_failure(scene):
    _one_account(scene)
    scene.practice.stop()
    _try_to_refresh(scene.daemon)
    assert _failure(scene.daemon) == ("retrying", "network")
    with scene.daemon.control() as control:
        assert control.token(ACCOUNT).warning


def test_a_certificate_of_a_stranger_ends_the_attempt_before_a_byte_of_it(scene, private):
    stranger = make_certificates(private / "stranger")
    scene.client()
    scene.daemon.configuration["clients"]["demo"]["ca_file"] = stranger.authority
    scene.daemon.start()
    scene.grants()
    _try_to_refresh(scene.daemon)
    assert _failure(scene.daemon) == ("retrying", "tls")
    assert scene.practice.summary()["token_requests"] == 0
