"""Killed in the middle of upkeep: a checkpoint, a migration, a backup, a reload (facts, catalogue A17 to A20)."""

import sqlite3
import threading
from contextlib import closing, suppress

import pytest
import varlink

from harness.crash import dies, kill_order, wake
from harness.waiting import eventually

pytestmark = [pytest.mark.crash, pytest.mark.timeout(180)]

ACCOUNTS = [f"demo/user-{number}" for number in range(1, 6)]
# What the first schema had; every later one is made from it.
FIRST_MIGRATION = "0001-initial"
FIRST_SCHEMA = {
    "account": {
        *("name", "profile", "standing", "paused", "generation", "revision", "token_type", "scope", "issued_at"),
        *("expires_at", "grant_expires_at", "due_at", "failure_cause", "failure_message", "failure_at"),
        *("failure_retry_at", "failure_count", "sealed_token", "sealed_grant"),
    },
    "outbox": {
        *("account", "sink", "state", "generation", "accepted", "at", "failure_cause", "failure_message"),
        *("failure_at", "failure_retry_at", "failure_count"),
    },
    "meta": {"one", "store", "key_check", "revision"},
}


def _filled(scene):
    scene.client(rotation="single_use", blast="family")
    wake(scene.daemon)
    scene.grants(count=5, rotation="S", blast="family")
    for account in ACCOUNTS[:3]:
        scene.daemon.renew(account)
    return _everything(scene.daemon)


def _everything(daemon):
    with daemon.control() as control:
        return {
            account["account"]: (account["state"], account["generation"], account["issued_at"], account["expires_at"])
            for account in control.accounts()
        }


def _is_whole(path) -> bool:
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as store:
        return store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _goes_on(scene, before):
    wake(scene.daemon)
    assert _everything(scene.daemon) == before
    assert scene.daemon.renew(ACCOUNTS[0]) == before[ACCOUNTS[0]][1] + 1
    assert scene.practice.summary()["double_redeems"] == 0


def _restart_with(scene, point, passage=1):
    scene.daemon.stop()
    scene.daemon.launch(kill_order(point, passage=passage))


def test_killed_in_a_checkpoint(scene):
    """A17: nothing that was acknowledged is missing."""
    before = _filled(scene)
    _restart_with(scene, "in-checkpoint")
    # What a removed account left is overwritten and its log emptied at once; a clean stop empties it as well.
    with suppress(OSError, varlink.VarlinkError, varlink.error.ConnectionError):
        eventually(lambda: scene.daemon.ctl("status").returncode == 0 or not scene.daemon.program.is_running)
        with scene.daemon.control() as control:
            control.Remove(ACCOUNTS[4])
    assert dies(scene.daemon)
    wake(scene.daemon)
    after = _everything(scene.daemon)
    # It was not acknowledged: it may be gone, or there.
    before.pop(ACCOUNTS[4])
    after.pop(ACCOUNTS[4], None)
    assert after == before
    scene.daemon.stop()
    assert _is_whole(scene.daemon.store)
    wake(scene.daemon)
    assert scene.daemon.renew(ACCOUNTS[0]) == before[ACCOUNTS[0]][1] + 1


def _make_old(path):
    """Takes away whatever a later migration has added."""
    with closing(sqlite3.connect(path)) as store:
        for kind, name in store.execute(
            "SELECT type, name FROM sqlite_master WHERE type IN ('index', 'trigger', 'view') AND sql IS NOT NULL"
        ).fetchall():
            store.execute(f'DROP {kind} "{name}"')
        kept = {*FIRST_SCHEMA, "grdb_migrations"}
        for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            if name not in kept and not name.startswith("sqlite_"):
                store.execute(f'DROP TABLE "{name}"')
        for table, columns in FIRST_SCHEMA.items():
            for row in store.execute(f"PRAGMA table_info({table})").fetchall():
                if row[1] not in columns:
                    store.execute(f'ALTER TABLE {table} DROP COLUMN "{row[1]}"')
        store.execute("DELETE FROM grdb_migrations WHERE identifier <> ?", (FIRST_MIGRATION,))
        store.commit()


def test_killed_in_a_migration_at_every_statement(scene):
    """A18: the old schema or the new one, never half of one; the data are equal."""
    before = _filled(scene)
    scene.daemon.stop()
    _make_old(scene.daemon.store)
    # The journal is younger than that schema.
    for other in scene.daemon.state.glob("escrow*"):
        other.unlink()
    passages = 0
    while True:
        scene.daemon.launch(kill_order("in-migration", passage=passages + 1))
        eventually(lambda: not scene.daemon.program.is_running or scene.daemon.ctl("status").returncode == 0, within=60)
        if scene.daemon.program.is_running:
            break
        assert dies(scene.daemon)
        passages += 1
        assert passages < 100
    assert passages >= 6, "the kill point was not passed at every statement"
    scene.daemon.stop()
    assert _is_whole(scene.daemon.store)
    _goes_on(scene, before)


@pytest.mark.parametrize("passage", [1, 2, 3])
def test_killed_in_a_backup(scene, folder, passage):
    """A19: the copy is absent or complete, and the store is as it was."""
    before = _filled(scene)
    _restart_with(scene, "in-backup", passage)
    eventually(lambda: scene.daemon.ctl("status").returncode == 0, within=60)
    copy = folder / "copy.sqlite"
    done = threading.Thread(target=scene.daemon.ctl, args=("backup", copy), daemon=True)
    done.start()
    if dies(scene.daemon, within=10):
        done.join(20)
        assert not copy.exists() or _is_whole(copy)
    else:
        # A small store is copied in fewer steps than that.
        done.join(20)
        assert passage > 1
        assert _is_whole(copy)
        scene.daemon.stop()
    _goes_on(scene, before)


def test_killed_in_a_reload(scene):
    """A20: the next start reads the configuration that is there, and has lost nothing."""
    before = _filled(scene)
    _restart_with(scene, "in-reload")
    eventually(lambda: scene.daemon.ctl("status").returncode == 0, within=60)
    scene.client("second")
    scene.daemon.write_configuration()
    scene.daemon.reload()
    assert dies(scene.daemon)
    _goes_on(scene, before)
    assert "second" in [client["client"] for client in scene.daemon.status()["clients"]]


def test_killed_in_a_reload_that_would_have_failed(scene):
    """A20: with a file that cannot be used the reload dies, the start says why, and the good file is all it takes."""
    before = _filled(scene)
    good = scene.daemon.configuration_file.read_text()
    scene.daemon.write_configuration(good + "\n[nonsense]\nworth = 1\n")
    scene.daemon.reload()
    eventually(lambda: "nonsense" in scene.daemon.program.log(), about="the log names the key that is wrong")
    scene.daemon.kill()
    assert scene.daemon.check().returncode == 78
    _goes_on(scene, before)
