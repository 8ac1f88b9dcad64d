"""Against django-oauth-toolkit: a server that shares no line with us."""

import json
import time
from contextlib import suppress
from functools import partial

import pytest
import varlink

from harness.waiting import eventually, stays

CLIENTS = {"postapp": "canary-secret-post", "basicapp": "canary-secret-basic:/ +%"}
METHODS = {"postapp": "client_secret_post", "basicapp": "client_secret_basic"}
LIFETIME = 30
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
    dead = eventually(partial(_refused, daemon, "postapp/bob"), within=30, every=0.5, about="the server refuses the grant")
    assert dead["failure"]["cause"] == "revoked"
    assert daemon.show("basicapp/bob")["state"] == "fresh"
    stays(lambda: dot.token_requests().count(400) == 1, during=2, about="the dead grant is not sent again")


def _start(make_dot, daemon, lifetime):
    dot = make_dot(CLIENTS, lifetime)
    for name, secret in CLIENTS.items():
        daemon.add_client(
            name,
            secret,
            token_endpoint=dot.token_endpoint,
            ca_file=dot.authority,
            token_endpoint_auth_method=METHODS[name],
        )
    daemon.start()
    return dot


def _served_at(control, account, generation):
    served = control.token(account)
    return served if served.generation >= generation else None


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
