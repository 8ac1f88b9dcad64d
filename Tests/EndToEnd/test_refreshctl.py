"""The client from a shell's point of view: exit codes, and what it writes where."""

import json

import pytest

from harness.users import OUTSIDER, others_can_run
from harness.waiting import eventually

ACCOUNT = "demo/user-1"
DONE, FAILED, USAGE, UNREACHABLE, NEEDS_AUTHORIZATION, NOT_ALLOWED = range(6)


@pytest.fixture
def running(scene):
    scene.client()
    scene.daemon.start()
    scene.grants(count=2)
    return scene


def _fails(done, code):
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    if code != USAGE:
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr


@pytest.mark.parametrize(
    "words",
    [["status"], ["list"], ["show", ACCOUNT], ["explain", ACCOUNT], ["metrics"], ["reload"]],
    ids=lambda words: words[0],
)
def test_done(running, words):
    done = running.daemon.ctl(*words)
    assert done.returncode == DONE, done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("verb", ["pause", "resume", "deliver", "refresh", "remove"])
def test_done_to_an_account(running, verb):
    assert running.daemon.ctl(verb, ACCOUNT).returncode == DONE


def test_a_token_is_all_that_is_written(running):
    plain = running.daemon.ctl("token", ACCOUNT)
    assert plain.returncode == DONE
    assert plain.stderr == ""
    token = plain.stdout.removesuffix("\n")
    accepted = running.practice.accepts("demo", token)
    assert accepted, "refreshctl token writes something else than a good token"
    header = running.daemon.ctl("token", ACCOUNT, "--header").stdout
    matches = header == f"Authorization: Bearer {token}\n"
    assert matches, "not the header line of that token"
    longer = running.daemon.ctl("token", ACCOUNT, "--min-valid", "60s")
    assert longer.returncode == DONE


def test_json_is_the_interfaces_own_objects(running):
    listed = running.daemon.ctl_json("list")
    assert [account["account"] for account in listed] == ["demo/user-1", "demo/user-2"]
    assert all(account["state"] == "fresh" and account["generation"] == 1 for account in listed)
    [shown] = running.daemon.ctl_json("show", ACCOUNT)
    assert shown == listed[0]
    status = running.daemon.status()
    assert (status["state"], status["accounts"]) == ("ready", 2)


def test_an_account_is_added_from_standard_input(running):
    answer = json.dumps({"access_token": "canary-added", "token_type": "Bearer", "expires_in": 300})
    assert running.daemon.ctl("add", "demo/added", given=answer).returncode == DONE
    is_served = running.daemon.ctl("token", "demo/added").stdout == "canary-added\n"
    assert is_served


def test_an_import_says_what_became_of_each_line(running, private):
    lines = private / "mixed.jsonl"
    good = {"access_token": "canary-imported", "token_type": "Bearer", "expires_in": 300}
    lines.write_text(
        "\n".join(
            [
                json.dumps({"account": "demo/good", "token": good}),
                json.dumps({"account": "nobody/bad", "token": good}),
                "this is no JSON",
            ]
        )
    )
    done = running.daemon.ctl("import", lines)
    assert done.returncode == FAILED
    assert "canary-" not in done.stdout + done.stderr
    assert running.daemon.show("demo/good")["generation"] == 1
    assert len(running.daemon.ctl_json("list")) == 3


def test_refused(running):
    _fails(running.daemon.ctl("show", "demo/nobody"), FAILED)


@pytest.mark.parametrize(
    "words", [["nonsense"], ["show"], ["token", ACCOUNT, "--min-valid", "soon"], ["list", "--what"]]
)
def test_wrong_usage(running, words):
    _fails(running.daemon.ctl(*words), USAGE)


def test_no_daemon(daemon):
    _fails(daemon.ctl("status"), UNREACHABLE)


def test_needs_authorization(scene):
    scene.client()
    scene.daemon.start()
    scene.grants(lifetime=4)
    scene.practice.revoke(ACCOUNT)
    eventually(lambda: scene.daemon.ctl("token", ACCOUNT).returncode == NEEDS_AUTHORIZATION, every=0.5)
    _fails(scene.daemon.ctl("token", ACCOUNT), NEEDS_AUTHORIZATION)


@pytest.mark.root
def test_not_allowed(running, binaries):
    if not others_can_run(binaries / "refreshctl"):
        pytest.skip("the programs lie where another user cannot run them")
    # Group 0 opens the socket file to this user; the daemon sees the user behind it.
    done = running.daemon.ctl("token", ACCOUNT, user=OUTSIDER, group=0, extra_groups=[])
    _fails(done, NOT_ALLOWED)
