"""The ways in from other programs' files, and the ways to a token for programs that cannot ask."""

import base64
import json
import time

import pytest

ACCOUNT = "demo/user-1"


@pytest.fixture
def running(scene):
    scene.client()
    scene.daemon.start()
    return scene


def _grant(scene):
    """A grant that the daemon has not seen, as the practice provider made it."""
    lines = scene.practice.add_grants("demo", 1)
    token = json.loads(lines.read_text().splitlines()[0])["token"]
    lines.unlink()
    return token


def _import(scene, private, text, *words):
    path = private / "foreign"
    path.write_text(text)
    done = scene.daemon.ctl("import", *words, path)
    assert "canary" not in done.stdout + done.stderr
    return done


def _is_served(scene, account=ACCOUNT):
    token = scene.daemon.ctl("token", account).stdout.removesuffix("\n")
    return bool(token) and scene.practice.accepts("demo", token)


def test_googles_credentials_begin_with_a_refresh(running, private):
    token = _grant(running)
    credentials = {
        "type": "authorized_user",
        "client_id": "demo",
        "client_secret": "canary-not-ours",
        "refresh_token": token["refresh_token"],
    }
    done = _import(running, private, json.dumps(credentials), "--from", "google", "--account", ACCOUNT)
    assert done.returncode == 0, done.stderr
    assert _is_served(running)
    assert running.daemon.wait_for(ACCOUNT, state="fresh")["generation"] == 2


def test_a_grant_of_another_client_is_refused(running, private):
    token = _grant(running)
    credentials = {"client_id": "another", "refresh_token": token["refresh_token"]}
    done = _import(running, private, json.dumps(credentials), "--from", "google", "--account", ACCOUNT)
    assert done.returncode == 1
    assert "client_id" in done.stderr
    assert running.daemon.ctl_json("list") == []


@pytest.mark.parametrize("left", [3000, -3000])
def test_rclones_configuration_is_taken_with_a_living_token_or_without(running, private, left):
    token = _grant(running)
    expiry = time.strftime("%Y-%m-%dT%H:%M:%S.123456789Z", time.gmtime(time.time() + left))
    kept = {"access_token": token["access_token"], "token_type": "Bearer", "expiry": expiry}
    kept["refresh_token"] = token["refresh_token"]
    text = f"[user-1]\ntype = drive\nclient_id = demo\ntoken = {json.dumps(kept)}\n[disk]\ntype = local\n"
    done = _import(running, private, text, "--from", "rclone", "--client", "demo")
    assert done.returncode == 0, done.stderr
    assert _is_served(running)
    assert running.daemon.wait_for(ACCOUNT, state="fresh")["generation"] == (1 if left > 0 else 2)


def test_a_table_is_imported(running, private):
    token = _grant(running)
    text = (
        "account,access_token,refresh_token,expires_in\n"
        f"user-1,{token['access_token']},{token['refresh_token']},3600\nuser-2,,,\n"
    )
    done = _import(running, private, text, "--from", "csv", "--client", "demo")
    assert done.returncode == 1
    assert ":3: demo/user-2: " in done.stderr
    assert _is_served(running)


def test_the_forms_of_a_token(running):
    running.grants()
    token = running.daemon.ctl("token", ACCOUNT).stdout.removesuffix("\n")
    query = running.daemon.ctl("token", "--query", ACCOUNT).stdout
    assert query.startswith("access_token=")
    mail = running.daemon.ctl("token", "--xoauth2", "alice@example.com", ACCOUNT).stdout
    is_right = base64.b64decode(mail) == f"user=alice@example.com\x01auth=Bearer {token}\x01\x01".encode()
    assert is_right, "not what a mail server takes"


def test_a_command_is_run_with_the_token_and_ends_as_it_ends(running):
    running.grants()
    token = running.daemon.ctl("token", ACCOUNT).stdout.removesuffix("\n")
    script = 'printf %s "$DEMO"; trap - PIPE; kill -s PIPE $$; exit 3'
    done = running.daemon.ctl("token", "--env", "DEMO", ACCOUNT, "--", "sh", "-c", 'printf %s "$DEMO"; exit 7')
    assert done.returncode == 7
    is_given = done.stdout == token
    assert is_given, "the command was not given the token"
    # Neither blocked nor ignored.
    assert running.daemon.ctl("token", "--env", "DEMO", ACCOUNT, "--", "sh", "-c", script).returncode == -13
    listed = running.daemon.ctl("token", "--env", "DEMO", ACCOUNT, "--", "ls", "/proc/self/fd").stdout.split()
    assert listed == ["0", "1", "2", "3"], "descriptors of refreshctl are left open"
    missing = running.daemon.ctl("token", "--env", "DEMO", ACCOUNT, "--", "no-such-program")
    assert missing.returncode == 1
    assert "cannot run no-such-program" in missing.stderr


def test_a_forecast_counts_what_is_to_come(running):
    running.grants(count=3, lifetime=3600)
    [forecast] = running.daemon.ctl_json("forecast", "--period", "4h", "--step", "1h")
    assert forecast["step"] == 3600
    [lane] = forecast["lanes"]
    assert (lane["clients"], lane["accounts"]) == (["demo"], 3)
    assert lane["refreshes"][0] == 3
    assert 12 <= sum(lane["refreshes"]) <= 18
    shown = running.daemon.ctl("forecast")
    assert shown.returncode == 0
    assert shown.stdout.startswith("CLIENTS\t")
    assert running.daemon.ctl("forecast", "--client", "nobody").returncode == 1
    assert running.daemon.ctl("forecast", "--step", "0s").returncode == 2
