"""Starts that must be refused: one clear sentence, the right exit code, and not a byte changed."""

import hashlib
import os
import secrets
import sqlite3
from pathlib import Path

import pytest

from harness.processes import Program
from harness.users import OUTSIDER, others_can_run

RUNTIME_FAILURE, CONFIGURATION_ERROR = 1, 78


@pytest.fixture
def filled(scene):
    """A daemon that has stopped cleanly and left a store with some accounts."""
    scene.client()
    scene.daemon.start()
    scene.grants(count=5)
    scene.daemon.stop()
    return scene.daemon


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _is_refused(daemon, code, *words):
    """Starts the daemon, and checks how it ends and what it says about it."""
    before = _digest(daemon.store)
    log = daemon.program.stderr
    already = log.stat().st_size
    program = daemon.launch()
    assert program.wait() == code
    said = log.read_bytes()[already:].decode()
    _one_clear_sentence(said, *words)
    assert _digest(daemon.store) == before, "the store was changed"


def _one_clear_sentence(said, *words):
    errors = [line for line in said.splitlines() if any(word in line.lower() for word in words)]
    assert len(errors) == 1, f"none or more than one line with {words}: {said!r}"
    for noise in ("Fatal error", "Backtrace", "Stack dump", "Thread 0"):
        assert noise not in said


def test_a_wrong_key(filled):
    filled.key.write_bytes(secrets.token_bytes(32))
    _is_refused(filled, RUNTIME_FAILURE, "key")


def test_a_store_of_a_newer_program(filled):
    with sqlite3.connect(filled.store) as store:
        store.execute("INSERT INTO grdb_migrations (identifier) VALUES ('9999-from-a-newer-program')")
    store.close()
    _is_refused(filled, RUNTIME_FAILURE, "newer")


@pytest.mark.parametrize("start", [0, 4096])
def test_a_corrupt_store(filled, start):
    content = bytearray(filled.store.read_bytes())
    content[start : start + 2048] = secrets.token_bytes(2048)
    filled.store.write_bytes(content)
    for beside in ("-wal", "-shm"):
        Path(f"{filled.store}{beside}").unlink(missing_ok=True)
    _is_refused(filled, RUNTIME_FAILURE, "damaged", "not a store")


def test_a_file_that_is_no_store(daemon):
    daemon.store.write_text("This was never a database.\n" * 100)
    daemon.store.chmod(0o600)
    before = _digest(daemon.store)
    program = daemon.launch()
    assert program.wait() == RUNTIME_FAILURE
    assert str(daemon.store) in program.log()
    assert _digest(daemon.store) == before


def test_a_second_daemon_on_one_store(scene, make_daemon):
    scene.client()
    scene.daemon.start()
    scene.grants()
    second = make_daemon("second")
    second.configuration["store"] = scene.daemon.configuration["store"]
    program = second.launch()
    assert program.wait() == RUNTIME_FAILURE
    _one_clear_sentence(program.log(), "another", "in use", "locked")
    assert scene.daemon.show("demo/user-1")["state"] == "fresh"
    assert scene.daemon.renew("demo/user-1") == 2


def test_a_second_daemon_on_one_socket(scene, make_daemon):
    scene.client()
    scene.daemon.start()
    second = make_daemon("second")
    second.configuration["control"] = scene.daemon.configuration["control"]
    program = second.launch()
    assert program.wait() == RUNTIME_FAILURE
    assert str(scene.daemon.socket) in program.log()
    assert scene.daemon.status()["pid"] == scene.daemon.program.pid


@pytest.mark.root
def test_a_folder_that_may_not_be_written(binaries, filled, private):
    if not others_can_run(binaries / "refreshd") or not others_can_run(filled.folder):
        pytest.skip("the programs or the artefacts lie where another user does not reach them")
    # The folder above may be passed through; each test's own folder in it stays closed to others.
    private.parent.chmod(0o711)
    for path in (filled.state, filled.store, private, filled.key, *private.rglob("*")):
        os.chown(path, OUTSIDER, OUTSIDER)
    filled.state.chmod(0o500)
    before = _digest(filled.store)
    program = Program("readonly", filled.command(), filled.folder, user=OUTSIDER, group=OUTSIDER, extra_groups=[])
    assert program.wait() == RUNTIME_FAILURE
    _one_clear_sentence(program.log(), "permission", "read-only", "readonly", "write")
    assert _digest(filled.store) == before


BROKEN = """
[store]
path = 7
colour = "green"

[policy]
margin = "soon"
spread = 3.0

[clients.Demo]
client_id = "x"

[clients.demo]
client_id = "x"
client_secret = "written-in-the-open"
token_endpoint = "http://provider.example/token"

[sinks.uploads]
type = "carrier-pigeon"
"""
FINDINGS = ["store.path", "colour", "margin", "spread", "clients.Demo", "client_secret", "token_endpoint", "uploads"]


def test_check_tells_everything_that_is_wrong_at_once(daemon):
    daemon.write_configuration(BROKEN)
    done = daemon.check()
    assert done.returncode == CONFIGURATION_ERROR
    said = done.stdout + done.stderr
    missing = [finding for finding in FINDINGS if finding not in said]
    assert not missing, said
    assert daemon.configuration_file.name in said
    assert "in-the-open" not in said, "a secret written into the configuration is repeated"


def test_a_start_with_a_broken_configuration_is_refused(daemon):
    daemon.write_configuration(BROKEN)
    program = Program("broken", daemon.command(), daemon.folder)
    assert program.wait() == CONFIGURATION_ERROR
    assert not daemon.socket.exists()
    assert not daemon.store.exists()
    assert "in-the-open" not in program.log()


@pytest.mark.parametrize("text", ["[store\n", "\x00", "[clients.demo]\nclient_id = 'x'\nclient_id = 'y'\n"])
def test_check_survives_what_is_no_toml(daemon, text):
    daemon.write_configuration(text)
    assert daemon.check().returncode == CONFIGURATION_ERROR


def test_check_of_a_good_configuration_is_content(scene):
    scene.client()
    scene.sink("demo")
    scene.daemon.write_configuration()
    assert scene.daemon.check().returncode == 0
