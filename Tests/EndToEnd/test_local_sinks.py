"""Sinks on this machine: files that always hold the newest token, and commands that are given it."""

import json
import os
import stat

import pytest

from harness.waiting import eventually

ACCOUNT = "demo/user-1"


@pytest.fixture
def target(private):
    folder = private / "tokens"
    folder.mkdir()
    return folder


def _start(scene, **sink):
    scene.client()
    scene.daemon.configuration["sinks"]["local"] = {"clients": ["demo"], **sink}
    scene.daemon.start()
    scene.grants()


def _delivered(scene, generation):
    def delivered():
        [delivery] = scene.daemon.show(ACCOUNT)["deliveries"]
        assert (delivery["state"], delivery.get("generation")) == ("delivered", generation), delivery["state"]
        return True

    eventually(delivered)


def _current(scene):
    with scene.daemon.control() as control:
        return control.token(ACCOUNT).access_token


def test_a_file_follows_the_token(scene, target):
    _start(scene, type="file", path=str(target / "{account}.env"), format="env", variable="DEMO", mode="0640")
    path = target / "demo%2Fuser-1.env"
    for generation in (1, 2):
        _delivered(scene, generation)
        is_current = path.read_text() == f"DEMO={_current(scene)}\n"
        assert is_current, "the file does not hold the current token"
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert os.listdir(target) == [path.name]
        if generation == 1:
            scene.daemon.renew(ACCOUNT)


def test_a_file_that_could_not_be_written_is_written_after_a_restart(scene, target):
    folder = target / "later"
    _start(scene, type="file", path=str(folder / "{account}"))

    def tried():
        [delivery] = scene.daemon.show(ACCOUNT)["deliveries"]
        assert delivery["state"] == "retrying", delivery["state"]
        assert delivery["failure"]["cause"] == "sink_refused"
        return True

    eventually(tried)
    scene.daemon.kill()
    folder.mkdir()
    scene.daemon.start()
    _delivered(scene, 1)
    is_current = (folder / "demo%2Fuser-1").read_text() == _current(scene)
    assert is_current, "the file does not hold the current token"


def test_a_command_is_given_the_token_and_asked_again_until_it_takes_it(scene, target):
    hook = target / "hook"
    hook.write_text(
        "#!/bin/sh\n"
        f'echo "$REFRESHD_ACCOUNT $*" >> {target}/calls\n'
        f"ls -l /proc/self/fd | tail -n +2 | awk '{{print $NF}}' > {target}/descriptors\n"
        f"cat > {target}/given\n"
        f"[ -e {target}/open ]\n"
    )
    hook.chmod(0o755)
    _start(scene, type="command", command=[str(hook), "word"], format="json")
    eventually(lambda: (target / "calls").exists() and len((target / "calls").read_text().splitlines()) >= 2)
    (target / "open").touch()
    _delivered(scene, 1)
    assert set((target / "calls").read_text().splitlines()) == {f"{ACCOUNT} word"}
    given = json.loads((target / "given").read_text())
    is_current = given["access_token"] == _current(scene)
    assert is_current, "the command was not given the current token"
    assert (given["account"], given["generation"]) == (ACCOUNT, 1)
    others = [
        name
        for name in (target / "descriptors").read_text().splitlines()
        if not name.startswith(("pipe:", "/dev/null", "/proc/", str(target)))
    ]
    assert others == [], "descriptors of the daemon reach the command"
