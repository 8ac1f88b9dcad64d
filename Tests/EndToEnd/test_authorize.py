"""New authorizations, over the socket.

The varlink library takes arguments by place or by name; of a call that has both it drops the named ones.
"""

from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from harness.control import error_named
from harness.waiting import eventually

ACCOUNT = "demo/alice"
REDIRECT = "https://app.example.com/callback"


@pytest.fixture
def running(scene):
    scene.authorizing_client()
    scene.sink("demo")
    scene.daemon.start()
    return scene


def _begin(control, **more):
    return control.BeginAuthorization(client="demo", account=ACCOUNT, **more)


def _refused(control, word, **arguments):
    with error_named("AuthorizationFailed") as errors:
        control.CompleteAuthorization(**arguments)
    parameters = errors[0].parameters()
    assert parameters["error"] == word
    assert "canary-" not in str(parameters)


def _is_served(running, account=ACCOUNT):
    with running.daemon.control() as control:
        return running.practice.accepts("demo", control.token(account).access_token)


def test_a_site_connects_a_user(running, person):
    with running.daemon.control() as control:
        begun = _begin(control, redirect_uri=REDIRECT, scopes=["files.read", "files.write"])
        asked = parse_qs(urlsplit(begun["url"]).query)
        assert asked["code_challenge_method"] == ["S256"]
        assert asked["state"] == [begun["state"]]
        assert asked["redirect_uri"] == [REDIRECT]
        assert len(begun["state"]) >= 22
        callback = person.visit(begun["url"], login_hint="alice")
        account = control.CompleteAuthorization(state=begun["state"], callback=callback)["account"]
        assert (account["account"], account["state"], account["generation"]) == (ACCOUNT, "fresh", 1)
        assert account["scope"] == ["files.read", "files.write"]
        assert _is_served(running)
        # The same once more: the state is used up, and the code is not sent again.
        _refused(control, "unknown_state", state=begun["state"], callback=callback)
        assert _is_served(running), "the code was sent twice, and the provider took the grant back"
    running.daemon.wait_for(ACCOUNT, state="fresh")
    assert running.daemon.renew(ACCOUNT) == 2


def test_what_comes_back_is_checked(running, person):
    with running.daemon.control() as control:
        begun = _begin(control, redirect_uri=REDIRECT)
        other = _begin(control, redirect_uri=REDIRECT)
        callback = person.visit(begun["url"])
        # Another request's answer says nothing about this one, which stays good.
        _refused(control, "state_mismatch", state=other["state"], callback=callback)
        _refused(control, "malformed_callback", state=begun["state"], callback=f"{REDIRECT}?state={begun['state']}")
        foreign = callback.replace(urlencode({"iss": running.practice.url}), "iss=https%3A%2F%2Fevil.example")
        assert foreign != callback
        _refused(control, "issuer_mismatch", state=begun["state"], callback=foreign)
        _refused(control, "unknown_state", state=begun["state"], callback=callback)
        _refused(control, "invalid_grant", state=other["state"], code="canary-no-such-code")
        _refused(control, "unknown_state", state="guessed", code="canary-no-such-code")
        with error_named("ClientNotFound"):
            control.BeginAuthorization("nobody", "nobody/alice")
        with error_named("org.varlink.service.InvalidParameter"):
            _begin(control, redirect_uri="javascript:alert(1)")
        with error_named("AccountNotFound"):
            control.show(ACCOUNT)


def test_a_person_who_says_no_and_one_who_comes_late(running, person):
    with running.daemon.control() as control:
        begun = _begin(control, redirect_uri=REDIRECT)
        _refused(control, "access_denied", state=begun["state"], callback=person.visit(begun["url"], practice="deny"))
        running.practice.consents(code_lifetime=0)
        begun = _begin(control, redirect_uri=REDIRECT)
        _refused(control, "invalid_grant", state=begun["state"], callback=person.visit(begun["url"]))


def test_an_account_that_is_authorized_again_goes_on(running, person):
    [account] = running.grants()
    running.practice.revoke(account)
    with running.daemon.control() as control:
        control.Refresh(account)
        running.daemon.wait_for(account, state="needs_authorization")
        before = control.show(account)
        begun = control.BeginAuthorization(client="demo", account=account, redirect_uri=REDIRECT)
        after = control.CompleteAuthorization(state=begun["state"], callback=person.visit(begun["url"]))["account"]
    assert (after["state"], after["generation"]) == ("fresh", before["generation"] + 1)
    assert [delivery["sink"] for delivery in after["deliveries"]] == ["uploads"]
    eventually(
        lambda: running.daemon.show(account)["deliveries"][0]["generation"] == after["generation"],
        about="the sink has the new token",
    )
    assert _is_served(running, account)


def test_a_provider_that_only_publishes_its_endpoints(scene, person):
    scene.client(issuer=scene.practice.url)
    scene.daemon.start()
    with scene.daemon.control() as control:
        begun = _begin(control, redirect_uri=REDIRECT)
        assert begun["url"].startswith(f"{scene.practice.url}/oauth2/authorize?")
        callback = person.visit(begun["url"])
        # It has promised to name itself.
        nameless = callback.replace("&" + urlencode({"iss": scene.practice.url}), "")
        assert nameless != callback
        _refused(control, "issuer_mismatch", state=begun["state"], callback=nameless)
        assert control.BeginDeviceAuthorization("demo", ACCOUNT)["user_code"]


def test_a_restart_forgets_what_waits_for_a_person(running, person):
    with running.daemon.control() as control:
        begun = _begin(control, redirect_uri=REDIRECT)
    running.daemon.stop()
    running.daemon.start()
    with running.daemon.control() as control:
        _refused(control, "unknown_state", state=begun["state"], callback=person.visit(begun["url"]))


def test_a_device_is_approved_and_another_is_not(running):
    running.practice.consents(interval=1)
    with running.daemon.control() as control:
        yes = control.BeginDeviceAuthorization("demo", ACCOUNT)
        no = control.BeginDeviceAuthorization("demo", "demo/bob")
        running.practice.decide(yes["user_code"], True)
        running.practice.decide(no["user_code"], False)
        assert control.CompleteAuthorization(yes["state"])["account"]["state"] == "fresh"
        _refused(control, "access_denied", state=no["state"])
    assert _is_served(running)
