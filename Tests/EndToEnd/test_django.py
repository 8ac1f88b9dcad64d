"""Against django-oauth-toolkit: a server that shares no line with us."""

import json
import time
from contextlib import suppress
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import varlink

from harness.control import error_named
from harness.hidden import Hidden
from harness.person import Person
from harness.waiting import eventually, stays

CLIENTS = {"postapp": "canary-secret-post", "basicapp": "canary-secret-basic:/ +%"}
METHODS = {"postapp": "client_secret_post", "basicapp": "client_secret_basic"}
LIFETIME = 30
REDIRECT = "https://localhost/callback"
REFRESHES = 5


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_two_accounts_live_through_five_refreshes_and_a_revoked_one_ends_alone(make_dot, daemon, private):
    dot = _start(make_dot, daemon, LIFETIME)
    accounts = {name: f"{name}/alice" for name in CLIENTS}
    for name, account in accounts.items():
        _import(daemon, private, account, dot.grant(name, "alice"))

    # Both at the same time, each generation as it comes, by the daemon's own schedule.
    for generation in range(1, REFRESHES + 2):
        for name, account in accounts.items():
            with daemon.control() as control:
                served = eventually(
                    partial(_served_at, control, account, generation),
                    within=LIFETIME + 10,
                    about=f"{account} has generation {generation}",
                )
            assert served.expires_at is None or served.expires_at > time.time()
            answer = dot.introspect(name, served.access_token)
            assert answer["active"], f"{account}: generation {served.generation} is not accepted"
            assert answer["client_id"] == name
            assert answer["username"] == "alice"
    for name in accounts:
        assert dot.grants(name, "alice")["living"] == 1
    assert set(dot.token_requests()) == {200}, "a refresh was refused although nothing was wrong"

    assert dot.revoke("basicapp", "alice") == 1
    dead = daemon.wait_for(accounts["basicapp"], state="needs_authorization", within=LIFETIME + 10)
    assert dead["failure"]["cause"] == "revoked"
    assert dead["failure"]["count"] == 1, "it took more than one attempt"
    assert dot.token_requests().count(400) == 1
    with daemon.control() as control:
        survivor = control.show(accounts["postapp"])["generation"]
        eventually(lambda: control.show(accounts["postapp"])["generation"] > survivor, within=LIFETIME)
        assert dot.introspect("postapp", control.token(accounts["postapp"]).access_token)["active"]
    assert dot.token_requests().count(400) == 1, "the dead grant was sent again"


@pytest.mark.slow
def test_the_servers_own_word_decides_within_one_refresh(make_dot, daemon, private):
    """The quick form of the above: refreshed on request instead of by schedule."""
    dot = _start(make_dot, daemon, 600)
    for name in CLIENTS:
        account = f"{name}/bob"
        first = dot.grant(name, "bob")
        _import(daemon, private, account, first)
        daemon.renew(account)
        with daemon.control() as control:
            assert dot.introspect(name, control.token(account).access_token)["active"]
        assert not dot.introspect(name, first["access_token"])["active"]

    dot.revoke("postapp", "bob")
    dead = eventually(
        partial(_refused, daemon, "postapp/bob"), within=30, every=0.5, about="the server refuses the grant"
    )
    assert dead["failure"]["cause"] == "revoked"
    assert daemon.show("basicapp/bob")["state"] == "fresh"
    stays(lambda: dot.token_requests().count(400) == 1, during=2, about="the dead grant is not sent again")


# Public clients have no secret. SmartFile and GitShare are inferred to run this very software.
PROFILES = {"smartfile": "canary-secret-smart", "gitshare": "canary-secret-git&1", "ellipsis": ""}


@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("lifetime", [36_000, 40], ids=["ten-hours", "short"])
def test_smartfile_gitshare_and_ellipsis_by_their_profiles(make_dot, daemon, private, lifetime):
    dot = make_dot(PROFILES, lifetime)
    for name, secret in PROFILES.items():
        daemon.configuration["clients"][name] = {
            "profile": name,
            "domain": f"localhost:{dot.port}",
            "client_id": name,
            "ca_file": dot.authority,
            **({"client_secret": {"file": daemon.private_file(f"{name}.secret", secret)}} if secret else {}),
            **({} if secret else {"token_endpoint_auth_method": "none"}),
        }
    daemon.start()
    accounts = {name: f"{name}/alice" for name in PROFILES}
    firsts = {name: dot.grant(name, "alice") for name in PROFILES}
    for name, account in accounts.items():
        _import(daemon, private, account, firsts[name])
    for name, account in accounts.items():
        if lifetime > 60:
            daemon.renew(account)
            daemon.renew(account)
        answer = eventually(partial(_accepted_at, daemon, dot, account, 3), within=90, about=f"{account} is renewed")
        assert (answer["client_id"], answer["username"]) == (name, "alice")
        # Rotated without grace: one refresh token lives, and the first access token went with the first refresh.
        assert dot.grants(name, "alice")["living"] == 1
        assert not dot.introspect("smartfile", firsts[name]["access_token"])["active"]
    assert set(dot.token_requests()) == {200}, "a refresh was refused although nothing was wrong"

    dot.revoke("gitshare", "alice")
    eventually(partial(_refused, daemon, accounts["gitshare"]), within=40, every=0.5, about="the grant is refused")
    assert daemon.show(accounts["smartfile"]).get("failure") is None
    assert daemon.show(accounts["ellipsis"]).get("failure") is None


@pytest.fixture
def person(request):
    somebody = []

    def make(dot):
        somebody.append(Person(dot.authority))
        return somebody[-1]

    yield make
    for each in somebody:
        each.close()


def test_a_site_connects_a_user_and_the_grant_is_refreshed(make_dot, daemon, person):
    dot = _start(make_dot, daemon, 600)
    with daemon.control() as control:
        begun = control.BeginAuthorization(client="postapp", account="postapp/carol", redirect_uri=REDIRECT)
        callback = person(dot).visit(begun["url"], login_hint="carol")
        assert control.CompleteAuthorization(state=begun["state"], callback=callback)["account"]["generation"] == 1
        answer = dot.introspect("postapp", control.token("postapp/carol").access_token)
        assert (answer["active"], answer["username"]) == (True, "carol")
        assert daemon.renew("postapp/carol") == 2
        assert dot.introspect("postapp", control.token("postapp/carol").access_token)["active"]

        # A code can be used once, and the server takes back what came of it.
        again = control.BeginAuthorization(client="postapp", account="postapp/carol", redirect_uri=REDIRECT)
        with error_named("AuthorizationFailed") as errors:
            control.CompleteAuthorization(state=again["state"], code=_code(callback))
        assert errors[0].parameters()["error"] == "invalid_grant"


def test_a_code_that_is_shown_is_pasted(make_dot, daemon, person):
    """As SmartFile has it: no redirect URI in either request."""
    dot = _start(make_dot, daemon, 600)
    with daemon.control() as control:
        begun = control.BeginAuthorization("basicapp", "basicapp/dave")
        assert "redirect_uri" not in begun["url"]
        code = _code(person(dot).visit(begun["url"], login_hint="dave"))
        assert control.CompleteAuthorization(state=begun["state"], code=code)["account"]["state"] == "fresh"
        assert dot.introspect("basicapp", control.token("basicapp/dave").access_token)["username"] == "dave"
    assert daemon.renew("basicapp/dave") == 2


def _code(address):
    return Hidden(parse_qs(urlsplit(address).query)["code"][0])


def _start(make_dot, daemon, lifetime):
    dot = make_dot(CLIENTS, lifetime)
    for name, secret in CLIENTS.items():
        daemon.add_client(
            name,
            secret,
            token_endpoint=dot.token_endpoint,
            ca_file=dot.authority,
            token_endpoint_auth_method=METHODS[name],
            authorization_endpoint=f"{dot.base}/o/authorize/",
            scopes=["read", "write"],
        )
    daemon.start()
    return dot


def _served_at(control, account, generation):
    served = control.token(account)
    return served if served.generation >= generation else None


def _accepted_at(daemon, dot, account, generation):
    """What the server says of a token that is at least so new; a refresh may come between the two questions."""
    with daemon.control() as control:
        served = _served_at(control, account, generation)
    answer = served and dot.introspect("smartfile", served.access_token)
    return answer if answer and answer["active"] else None


def _refused(daemon, account):
    """Asks again as long as the refresh before is too young for another one; the account once its grant is dead."""
    with daemon.control() as control, suppress(varlink.VarlinkError):
        control.Refresh(account)
    shown = daemon.show(account)
    return shown if shown["state"] == "needs_authorization" else None


def _import(daemon, private, account, token):
    lines = private / f"import-{account.replace('/', '-')}.jsonl"
    lines.write_text(json.dumps({"account": account, "token": token, "issued_at": int(time.time())}) + "\n")
    daemon.import_file(lines)
