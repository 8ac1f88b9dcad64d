"""Every provider that refreshd knows, played as strictly as its documents have it, from the person's yes to the end."""

import json
import time
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pytest
import varlink

from harness.control import error_named
from harness.person import Person
from harness.waiting import eventually, stays

DAY = 86_400
CALLBACK = "https://localhost/callback"


@dataclass(frozen=True)
class Part:
    """One profile: where its provider is played, and what its client's configuration says beside that.

    Paths are those of the provider's own addresses, in its own words; None for what it does not have.
    """

    profile: str
    authorize: str | None = None
    path: str | None = None
    """Where its tokens are refreshed."""
    revoke: str | None = None
    storage_key: str | None = None
    secret: bool = True
    more: dict[str, str] = field(default_factory=dict)
    """Further endpoints of its client, by key."""
    client: dict[str, Any] = field(default_factory=dict)
    poor_scopes: str | None = None
    """Granted scopes that are too few for the storage key; None where no scope is told or none is needed."""
    lifetime: int | None = 8
    """In seconds, so that the daemon refreshes by itself every few; None for the provider's own: a person asks then."""
    ages: int = 0
    """How many seconds a token must age before the provider refreshes it."""
    rotation: str | None = None
    """For the generic profiles, which are played at the RFC's own doors."""

    @property
    def is_by_code(self) -> bool:
        """Whether there is an authorization that refreshd can begin: what comes of OAuth 1.0a is put."""
        return self.authorize is not None or self.rotation is not None


REFRESHED = [
    Part("box", "api/oauth2/authorize", "oauth2/token", "oauth2/revoke", "box"),
    Part("dropbox", "oauth2/authorize", "oauth2/token", "2/auth/token/revoke", "dropbox", secret=False),
    Part(
        "gdrive",
        "o/oauth2/v2/auth",
        "token",
        "revoke",
        "gdrive",
        poor_scopes="https://www.googleapis.com/auth/drive.file",
    ),
    Part(
        "onedrive-live",
        "oauth20_authorize.srf",
        "oauth20_token.srf",
        storage_key="skydrive",
        poor_scopes="wl.skydrive",
    ),
    Part(
        "onedrive",
        "common/oauth2/v2.0/authorize",
        "common/oauth2/v2.0/token",
        storage_key="skydrive",
        poor_scopes="User.Read",
    ),
    Part(
        "facebook",
        "v25.0/dialog/oauth",
        "v25.0/oauth/access_token",
        "v25.0/me/permissions",
        "facebook",
        lifetime=None,
    ),
    Part(
        "instagram",
        "oauth/authorize",
        "oauth/access_token",
        storage_key="instagram",
        more={"exchange_endpoint": "access_token", "refresh_endpoint": "refresh_access_token"},
        lifetime=None,
        ages=DAY,
    ),
    Part("vkid", "authorize", "oauth2/auth", "oauth2/revoke", "vk", secret=False, poor_scopes="friends photos"),
    Part("huddle", "request", "token", storage_key="huddle", secret=False),
    Part("ellipsis", "v3/oauth/authorize", "v3/oauth/token"),
    Part("smartfile", "oauth2/authorize/", "oauth2/token/"),
    Part("gitshare", "oauth2/authorize/", "oauth2/token/", client={"domain": "files.example.com"}),
    Part("rfc6749", rotation="S"),
    Part("oidc", rotation="N"),
]
STATIC = [
    # OAuth 1.0a: signed requests, which refreshd does not make. Whoever makes them puts what comes of it.
    Part("evernote", storage_key="evernote"),
    Part("flickr", storage_key="flickr"),
    Part("vk-legacy", "authorize", "access_token", storage_key="vk"),
]
NAMES = [part.profile for part in REFRESHED + STATIC]


def test_every_built_in_profile_is_played(daemon):
    daemon.configuration["clients"]["x"] = {"profile": "no-such-profile", "client_id": "x"}
    daemon.write_configuration()
    known = daemon.check().stderr + daemon.check().stdout
    words = known.split("use one of ")[1].splitlines()[0].split(", ")
    assert sorted(word.strip() for word in words) == sorted(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("part", REFRESHED, ids=lambda part: part.profile)
def test_a_provider_from_the_authorization_to_the_death_of_its_grant(part, scene):
    account = _enrol(part, scene, lifetime=part.lifetime)
    with scene.daemon.control() as control:
        first = control.token(account).access_token

    # Three refreshes, each of them delivered.
    _arrives(scene, account, 1)
    for generation in (2, 3, 4):
        if part.lifetime is None:
            _age(part, scene, generation)
            assert scene.daemon.renew(account) == generation
        _arrives(scene, account, generation)
    assert scene.daemon.show(account)["missing_scope"] == []
    with scene.daemon.control() as control:
        token = control.token(account)
    assert token.generation >= 4
    assert token.access_token != first
    assert token.warning is None

    # Its end, which is told in the provider's own way.
    scene.practice.revoke(account)
    _age(part, scene, 5)
    if part.lifetime is None:
        eventually(lambda: _refused(scene, account), within=30, every=0.5, about="the grant is told to be dead")
    dead = scene.daemon.wait_for(account, state="needs_authorization")
    assert dead["failure"]["cause"] == "revoked"

    # What the provider and the sink have seen from first to last.
    _is_judged_well(scene, account, generation=dead["generation"], refusals=1)
    [delivery] = scene.practice.deliveries()
    assert delivery["storage_key"] == (part.storage_key or "custom")
    assert delivery["accepted"] >= 4
    assert (delivery["out_of_order"], delivery["with_refresh_token"]) == (0, 0)
    _is_removed(scene, account)


@pytest.mark.parametrize("part", [part for part in REFRESHED if part.poor_scopes], ids=lambda part: part.profile)
def test_a_grant_that_lacks_a_scope_is_held_back_and_says_which(part, scene):
    account = _enrol(part, scene, scope=part.poor_scopes)

    def held_back():
        [delivery] = scene.daemon.show(account)["deliveries"]
        assert delivery["state"] == "refused", delivery["state"]
        return delivery

    assert eventually(held_back)["failure"]["cause"] == "missing_permissions"
    assert scene.daemon.show(account)["missing_scope"]
    assert scene.practice.deliveries() == []
    # Its token is served all the same, and refreshed.
    assert scene.daemon.renew(account) == 2


@pytest.mark.parametrize("part", STATIC, ids=lambda part: part.profile)
def test_a_provider_without_refreshes_is_served_delivered_and_watched(part, scene):
    account = _enrol(part, scene)
    shown = scene.daemon.show(account)
    assert (shown["state"], shown["generation"], shown.get("refresh_at")) == ("static", 1, None)
    assert (shown.get("expires_at") is not None) == (part.profile == "evernote")
    _arrives(scene, account, 1)
    with scene.daemon.control() as control:
        first = control.token(account).access_token
        for _ in range(3):
            assert control.Refresh(account)["account"]["generation"] == 1
        assert control.token(account).access_token == first
    assert scene.practice.summary()["token_requests"] == (1 if part.is_by_code else 0)
    assert scene.practice.summary()["client_refusals"] == 0
    if part.profile == "evernote":
        _ends_by_itself(scene, account)
    _is_removed(scene, account)


@pytest.mark.parametrize("part", REFRESHED + STATIC, ids=lambda part: part.profile)
def test_a_removal_ends_the_grant_in_the_providers_own_way_or_says_that_there_is_none(part, scene):
    account = _enrol(part, scene)
    if part.revoke or part.rotation:
        with scene.daemon.control() as control:
            control.Remove(account, True)
        _is_unknown(scene, account)
        assert scene.practice.grant(account)["revoked_by"] == "client"
    else:
        with scene.daemon.control() as control, error_named("RemovalFailed") as errors:
            control.Remove(account, True)
        assert "no revocation endpoint" in errors[0].parameters()["message"]
        assert scene.daemon.show(account)["generation"] == 1
        _is_removed(scene, account)
        assert not scene.practice.grant(account).get("revoked_by")
    assert scene.practice.summary()["client_refusals"] == 0, "a request was not as the provider wants it"


@pytest.mark.parametrize("name", ["ellipsis", "smartfile", "gitshare"])
def test_a_provider_of_which_it_is_not_known_whether_it_rotates_may_keep_its_refresh_token(name, scene):
    part = next(part for part in REFRESHED if part.profile == name)
    account = _enrol(part, scene, rotation="N")
    assert scene.daemon.renew(account) == 2
    _is_judged_well(scene, account, generation=2)
    assert scene.practice.grant(account)["issued_refresh_tokens"] == 1


def test_an_instagram_token_of_one_hour_is_exchanged_and_the_next_one_not_sent_on_its_first_day(scene):
    part = next(part for part in REFRESHED if part.profile == "instagram")
    account = _enrol(part, scene)
    # The answer does not say that it lives for an hour.
    assert scene.daemon.show(account)["expires_at"] <= time.time() + 3_600
    assert scene.daemon.renew(account) == 2
    with scene.daemon.control() as control:
        assert control.Refresh(account)["account"]["generation"] == 2
        served = control.token(account, 100 * DAY)
    assert "lives for less" in served.warning
    # One for the code, one for the exchange.
    stays(lambda: scene.practice.summary()["token_requests"] == 2, during=1)
    assert scene.daemon.show(account)["state"] == "fresh"
    _is_judged_well(scene, account, generation=2)


def _enrol(part, scene, *, lifetime=None, scope=None, rotation=None):
    """A client, a sink and an account: authorized by a person where the provider has an authorization."""
    daemon, practice = scene.daemon, scene.practice
    secret = practice.add_client("app", "client_secret_post" if part.secret else "none", has_secret=part.secret)
    daemon.configuration["clients"]["app"] = {
        "profile": part.profile,
        "client_id": "app",
        "ca_file": practice.authority,
        **({"client_secret": {"file": daemon.private_file("app.secret", secret)}} if part.secret else {}),
        **({"token_endpoint_auth_method": "none"} if not part.secret else {}),
        **_endpoints(part, practice),
        **part.client,
    }
    scene.sink("app", **({"storage_key": "custom"} if not part.storage_key else {}))
    if part.storage_key:
        del daemon.configuration["sinks"]["uploads"]["storage_key"]
    daemon.start()
    if not part.is_by_code:
        return _put(part, scene)
    return _authorized(scene, part, lifetime=lifetime, scope=scope, rotation=rotation or part.rotation)


def _endpoints(part, practice):
    url = f"{practice.url}/play/{part.profile}"
    if part.rotation:
        generic = {"token_endpoint": practice.token_endpoint, "revocation_endpoint": f"{practice.url}/oauth2/revoke"}
        if part.profile == "oidc":
            return {**generic, "issuer": practice.url}
        return {**generic, "authorization_endpoint": f"{practice.url}/oauth2/authorize"}
    paths = {
        "authorization_endpoint": part.authorize,
        "token_endpoint": part.path,
        "revocation_endpoint": part.revoke,
        **part.more,
    }
    return {key: f"{url}/{path}" for key, path in paths.items() if path}


def _authorized(scene, part, **wanted):
    """Through the person's browser and back."""
    scene.practice.consents(**{name: value for name, value in wanted.items() if value is not None})
    account = "app/user"
    with scene.daemon.control() as control, closing(Person(scene.practice.authority)) as person:
        begun = control.BeginAuthorization(client="app", account=account, redirect_uri=CALLBACK)
        callback = person.visit(begun["url"])
        assert callback.startswith(f"{CALLBACK}?code=")
        shown = control.CompleteAuthorization(state=begun["state"], callback=callback)["account"]
    assert (shown["generation"], shown["profile"]) == (1, part.profile)
    assert shown["state"] == ("static" if part in STATIC else "fresh")
    return account


def _put(part, scene):
    [line] = scene.practice.add_grants("app", provider=part.profile).read_text().splitlines()
    entry = json.loads(line)
    with scene.daemon.control() as control:
        control.Put(entry["account"], entry["token"], entry["issued_at"])
    return entry["account"]


def _age(part, scene, generation):
    """Lets the provider's clock run so far that it takes the token, and the daemon's by the second that it wants."""
    if not part.ages or generation == 2:
        # The token of a code is exchanged, at any age.
        return
    if generation == 3:
        # The daemon's clock cannot be moved, so from here on the day that a token must age is the provider's alone.
        scene.daemon.configuration["clients"]["app"]["minimum_age"] = "1s"
        scene.daemon.write_configuration()
        scene.daemon.reload()
    scene.practice.advance(part.ages)
    time.sleep(1.1)


def _arrives(scene, account, generation):
    eventually(
        lambda: (scene.practice.grant(account)["sink_last_generation"] or 0) >= generation,
        within=30,
        about=f"generation {generation} is at the sink",
    )


def _is_judged_well(scene, account, *, generation, refusals=0):
    summary, record = scene.practice.summary(), scene.practice.grant(account)
    assert summary["client_refusals"] == 0, "a request was not as the provider wants it"
    assert record["generation"] == generation
    assert record["requests"] == generation - 1 + refusals
    assert summary["token_requests"] == record["requests"] + 1, "one for the code"
    assert record["refusals"] == refusals
    assert record["double_redeems"] == 0


def _refused(scene, account):
    """Asks until the last refresh is old enough for another; the account once its grant is dead."""
    with scene.daemon.control() as control:
        try:
            control.Refresh(account)
        except varlink.VarlinkError:
            return None
    shown = scene.daemon.show(account)
    return shown if shown["state"] == "needs_authorization" else None


def _ends_by_itself(scene, account):
    """A moment of expiry in milliseconds, a second or two ahead."""
    soon = str(int((time.time() + 2) * 1_000))
    with scene.daemon.control() as control:
        token = {"oauth_token": control.token(account).access_token, "oauth_token_secret": "", "edam_expires": soon}
        control.Put(account, token, int(time.time()))
    dead = scene.daemon.wait_for(account, state="needs_authorization")
    assert dead["failure"]["message"].startswith("the access token has ended")
    with scene.daemon.control() as control, error_named("NeedsAuthorization"):
        control.token(account)


def _is_removed(scene, account):
    with scene.daemon.control() as control:
        control.Remove(account)
    _is_unknown(scene, account)


def _is_unknown(scene, account):
    with scene.daemon.control() as control, error_named("AccountNotFound"):
        control.show(account)
