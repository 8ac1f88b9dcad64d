"""Every provider that refreshd knows, played as strictly as its documents have it, from its first answer to its end."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest
import varlink

from harness.control import error_named
from harness.waiting import eventually, stays

DAY = 86_400
CALLBACK = "https://localhost/callback"


@dataclass(frozen=True)
class Part:
    """One profile: where its provider is played, and what its client's configuration says beside that."""

    profile: str
    path: str | None = None
    """Of the address at which its tokens are refreshed, in the provider's own words; None for those without one."""
    storage_key: str | None = None
    endpoint: str = "token_endpoint"
    secret: bool = True
    client: dict[str, Any] = field(default_factory=dict)
    scopes: str | None = None
    """What is granted in the end; None for what the provider says of itself."""
    poor_scopes: str | None = None
    """Granted scopes that are too few for the storage key; None where no scope is told or none is needed."""
    lifetime: int | None = 8
    """In seconds, so that the daemon refreshes by itself every few; None for the provider's own: a person asks then."""
    ages: int = 0
    """How many seconds a token must age before the provider refreshes it."""
    rotation: str | None = None
    """For the generic profiles, which are played at the RFC's own doors."""


REFRESHED = [
    Part("box", "oauth2/token", "box"),
    Part("dropbox", "oauth2/token", "dropbox", secret=False),
    Part("gdrive", "token", "gdrive", poor_scopes="https://www.googleapis.com/auth/drive.file"),
    Part(
        "onedrive-live",
        "oauth20_token.srf",
        "skydrive",
        client={"parameters": {"redirect_uri": CALLBACK}},
        poor_scopes="wl.skydrive",
    ),
    Part("onedrive", "common/oauth2/v2.0/token", "skydrive", poor_scopes="User.Read"),
    Part("facebook", "v25.0/oauth/access_token", "facebook", lifetime=None),
    Part(
        "instagram",
        "refresh_access_token",
        "instagram",
        endpoint="refresh_endpoint",
        # The daemon's clock cannot be moved, so the day that a token must age is the provider's alone.
        client={"minimum_age": "1s"},
        lifetime=None,
        ages=DAY,
    ),
    Part("vkid", "oauth2/auth", "vk", secret=False, poor_scopes="friends photos"),
    Part("huddle", "token", "huddle", secret=False),
    Part("ellipsis", "v3/oauth/token"),
    Part("smartfile", "oauth2/token/"),
    Part("gitshare", "oauth2/token/", client={"domain": "files.example.com"}),
    Part("rfc6749", rotation="S"),
    Part("oidc", rotation="N"),
]
STATIC = [
    Part("evernote", storage_key="evernote"),
    Part("flickr", storage_key="flickr"),
    Part("vk-legacy", storage_key="vk"),
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
def test_a_provider_from_its_first_answer_to_the_death_of_its_grant(part, scene):
    account, first = _enrol(part, scene)
    shown = scene.daemon.show(account)
    assert (shown["state"], shown["generation"], shown["profile"]) == ("fresh", 1, part.profile)

    # Three refreshes, each of them delivered.
    _arrives(scene, account, 1)
    for generation in (2, 3, 4):
        if part.lifetime is None:
            _age(part, scene)
            assert scene.daemon.renew(account) == generation
        _arrives(scene, account, generation)
    assert scene.daemon.show(account)["missing_scope"] == []
    with scene.daemon.control() as control:
        token = control.token(account)
    assert token.generation >= 4
    assert token.access_token != first["access_token"]
    assert token.warning is None

    # Its end, which is told in the provider's own way.
    scene.practice.revoke(account)
    _age(part, scene)
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
    account, _ = _enrol(part, scene, scope=part.poor_scopes)

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
    account, first = _enrol(part, scene)
    shown = scene.daemon.show(account)
    assert (shown["state"], shown["generation"], shown.get("refresh_at")) == ("static", 1, None)
    assert (shown.get("expires_at") is not None) == (part.profile == "evernote")
    _arrives(scene, account, 1)
    for _ in range(3):
        with scene.daemon.control() as control:
            assert control.Refresh(account)["account"]["generation"] == 1
    with scene.daemon.control() as control:
        assert control.token(account).access_token == (first.get("oauth_token") or first["access_token"])
    assert scene.practice.summary()["token_requests"] == 0
    assert scene.practice.summary()["client_refusals"] == 0
    if part.profile == "evernote":
        _ends_by_itself(scene, account, first)
    _is_removed(scene, account)


def test_an_instagram_token_is_not_sent_on_its_first_day(scene):
    part = next(part for part in REFRESHED if part.profile == "instagram")
    account, _ = _enrol(part, scene, minimum_age="1d")
    with scene.daemon.control() as control:
        assert control.Refresh(account)["account"]["generation"] == 1
        served = control.token(account, 100 * DAY)
    assert "lives for less" in served.warning
    stays(lambda: scene.practice.summary()["token_requests"] == 0, during=1)
    assert scene.daemon.show(account)["state"] == "fresh"


def test_a_short_lived_instagram_token_is_exchanged(scene):
    part = next(part for part in REFRESHED if part.profile == "instagram")
    account, _ = _enrol(part, scene, minimum_age="1d", terms={"lifetime": 3_600})
    assert scene.daemon.renew(account) == 2
    _is_judged_well(scene, account, generation=2)


def _enrol(part, scene, *, scope=None, terms=None, **client):
    """A client, a sink and an account with the provider's own first answer."""
    daemon, practice = scene.daemon, scene.practice
    method = "client_secret_post" if part.secret else "none"
    secret = practice.add_client("app", method, has_secret=part.secret)
    addresses = {}
    if part.path:
        addresses[part.endpoint] = f"{practice.url}/play/{part.profile}/{part.path}"
    if part.profile == "instagram":
        addresses["exchange_endpoint"] = f"{practice.url}/play/instagram/access_token"
        addresses["token_endpoint"] = f"{practice.url}/play/instagram/oauth/access_token"
    if part.rotation:
        addresses["token_endpoint"] = practice.token_endpoint
    daemon.configuration["clients"]["app"] = {
        "profile": part.profile,
        "client_id": "app",
        "ca_file": practice.authority,
        **({"client_secret": {"file": daemon.private_file("app.secret", secret)}} if part.secret else {}),
        **({"token_endpoint_auth_method": "none"} if not part.secret else {}),
        **addresses,
        **part.client,
        **client,
    }
    scene.sink("app", **({"storage_key": "custom"} if not part.storage_key else {}))
    if part.storage_key:
        del daemon.configuration["sinks"]["uploads"]["storage_key"]
    daemon.start()

    wanted = dict(terms or {})
    if part.lifetime and terms is None and scope is None:
        wanted["lifetime"] = part.lifetime
    if scope is not None:
        wanted["scope"] = scope
    if part.rotation:
        wanted["rotation"] = part.rotation
    else:
        wanted["provider"] = part.profile
    lines = practice.add_grants("app", **wanted)
    line = json.loads(lines.read_text())
    if part.ages and terms is None and "minimum_age" not in client:
        line["issued_at"] -= 2 * DAY
    with daemon.control() as control:
        control.Put(line["account"], line["token"], line["issued_at"])
    return line["account"], line["token"]


def _age(part, scene):
    """Lets the provider's clock run so far that it takes the token, and the daemon's by the second that it wants."""
    if part.ages:
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
    assert record["requests"] == summary["token_requests"] == generation - 1 + refusals
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


def _ends_by_itself(scene, account, first):
    """A moment of expiry in milliseconds, a second or two ahead."""
    soon = str(int((time.time() + 2) * 1_000))
    with scene.daemon.control() as control:
        control.Put(account, {**first, "edam_expires": soon}, int(time.time()))
    dead = scene.daemon.wait_for(account, state="needs_authorization")
    assert dead["failure"]["message"].startswith("the access token has ended")
    with scene.daemon.control() as control, error_named("NeedsAuthorization"):
        control.token(account)


def _is_removed(scene, account):
    with scene.daemon.control() as control:
        control.Remove(account)
        with error_named("AccountNotFound"):
            control.show(account)
