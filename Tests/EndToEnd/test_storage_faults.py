"""The disk refuses: full, broken, read-only, slow, or not ours (facts, catalogue B).

What is spent already is kept and committed later; nothing more is spent while it could not be kept; reads go on; and
when the fault is over, all is as if it had never been.
"""

import os
import resource
import signal
import sqlite3
from contextlib import ExitStack
from pathlib import Path

import pytest
import varlink

from harness.crash import Order, wake
from harness.disk import FaultySystemCalls, SmallDisk, why_no, why_no_mounts
from harness.scene import Scene
from harness.waiting import eventually, stays

pytestmark = [pytest.mark.crash, pytest.mark.timeout(900)]

CLIENT = "demo"
# The costliest kind: whoever spends and cannot keep has lost.
HABIT = {"rotation": "single_use", "blast": "family"}
# In seconds; only what never happens takes so long.
PATIENCE = 150
TERMS = {"rotation": "S", "blast": "family", "lifetime": 3_600}
ACCOUNTS = [f"{CLIENT}/user-{number}" for number in range(1, 7)]
SPENT, LATER = ACCOUNTS[:3], ACCOUNTS[3:]

needs_strace = pytest.mark.skipif(bool(why_no("strace", "strace")), reason="needs strace")
needs_mounts = pytest.mark.skipif(bool(why_no_mounts()), reason=why_no_mounts() or "")


@pytest.fixture
def faulty(make_daemon, practice):
    """A daemon with grants of single use, which nobody has refreshed yet."""
    return _filled(make_daemon(), practice)


@pytest.fixture
def small_disk(private):
    # The journal takes its room at the start, whatever happens later.
    disk = SmallDisk(private, megabytes=96)
    yield disk
    disk.close()


def _filled(daemon, practice):
    scene = Scene(daemon, practice)
    scene.client(CLIENT, **HABIT)
    scene.sink(CLIENT)
    wake(daemon)
    scene.grants(CLIENT, len(ACCOUNTS), **TERMS)
    eventually(
        lambda: all(record["sink_last_generation"] == 1 for record in practice.grants().values()),
        within=PATIENCE,
        about="the first generation is at the sink",
    )
    # Nothing is on its way to the disk any more.
    eventually(lambda: daemon.status()["deliveries_pending"] == 0, about="the deliveries are written down")
    return scene


def _files(daemon, *names: str) -> list[Path]:
    return [daemon.state / name for name in names]


def _reads_go_on(scene) -> None:
    with scene.daemon.control() as control:
        for account in ACCOUNTS:
            token = control.token(account).access_token
            assert scene.practice.accepts(CLIENT, token), f"{account}: what is served is not good"


def _all_is_well(scene) -> None:
    """Every grant is alive, was spent once for each generation, and has reached the sink."""
    for account in ACCOUNTS:
        scene.daemon.renew(account, within=PATIENCE)
    for account in ACCOUNTS:
        record = scene.practice.grant(account)
        assert record["double_redeems"] == 0, account
        assert record["requests"] == record["generation"] - 1, account
        assert scene.daemon.show(account)["generation"] == record["generation"], account
        assert record["newest_refresh_token_is_good"], account
        assert record["sink_out_of_order"] == 0, account

    def delivered():
        records = scene.practice.grants()
        late = [name for name in ACCOUNTS if records[name]["sink_last_generation"] != records[name]["generation"]]
        assert not late, late
        return True

    eventually(delivered, within=PATIENCE, every=0.2, about="the newest generation is at the sink")


def _order_all(scene, orders: ExitStack, accounts: list[str]) -> None:
    for account in accounts:
        orders.enter_context(Order(scene.daemon, account))


def _requests(scene, accounts: list[str]) -> int:
    records = scene.practice.grants()
    return sum(records[account]["requests"] for account in accounts)


# One call of many fails

ONE_CALL = [
    pytest.param("pwrite64", "ENOSPC", "store.sqlite-wal", id="B02-log-full"),
    pytest.param("pwrite64", "EIO", "store.sqlite-wal", id="B06-log-write"),
    pytest.param("fdatasync,fsync", "EIO", "store.sqlite-wal", id="B06-log-sync"),
    pytest.param("pwrite64,pwritev", "ENOSPC", "escrow", id="B01-journal-full"),
    pytest.param("pwrite64,pwritev", "EIO", "escrow", id="B05-journal-write"),
    pytest.param("fdatasync,fsync", "EIO", "escrow", id="B05-journal-sync"),
]


@needs_strace
@pytest.mark.parametrize("when", [1, 2, 3])
@pytest.mark.parametrize(("calls", "error", "name"), ONE_CALL)
def test_one_refused_call_costs_nothing(faulty, folder, calls, error, name, when):
    daemon = faulty.daemon
    with (
        FaultySystemCalls(daemon.program, folder, calls, f"error={error}", _files(daemon, name), str(when)),
        ExitStack() as orders,
    ):
        _order_all(faulty, orders, SPENT)
        eventually(
            lambda: all(daemon.show(account)["generation"] == 2 for account in SPENT) or _renew_missing(daemon),
            within=PATIENCE,
            every=0.2,
            about="every refresh came to its end",
        )
        _reads_go_on(faulty)
    _all_is_well(faulty)


def _renew_missing(daemon) -> bool:
    """An attempt that could not be written down is not made: then it is ordered again."""
    for account in SPENT:
        if daemon.show(account)["generation"] == 1:
            daemon.renew(account)
    return True


# Nothing goes any more

NOTHING_GOES = [
    pytest.param("pwrite64", "ENOSPC", ("store.sqlite-wal",), id="B02-log-full"),
    pytest.param("pwrite64,fdatasync,fsync", "EIO", ("store.sqlite-wal", "store.sqlite"), id="B06-store-broken"),
    pytest.param("fdatasync,fsync", "EIO", ("store.sqlite-wal",), id="B06-log-sync"),
    pytest.param("pwrite64", "EROFS", ("store.sqlite-wal", "store.sqlite"), id="B08-store-read-only"),
]


@needs_strace
@pytest.mark.parametrize("end", ["recovers", "killed"])
@pytest.mark.parametrize(("calls", "error", "names"), NOTHING_GOES)
def test_what_the_store_refuses_is_kept_until_it_takes_it(faulty, folder, calls, error, names, end):
    daemon = faulty.daemon
    # What is spent while nobody knows yet that the store refuses must be in the journal and nowhere else.
    for account in SPENT:
        faulty.practice.fault("token", {"kind": "held"}, account=account)
    with ExitStack() as orders:
        _order_all(faulty, orders, SPENT)
        eventually(lambda: _requests(faulty, SPENT) == len(SPENT), about="the provider has committed")
        with FaultySystemCalls(daemon.program, folder, calls, f"error={error}", _files(daemon, *names)):
            faulty.practice.release()
            eventually(
                lambda: all(faulty.practice.grant(account)["answers_delivered"] == 1 for account in SPENT),
                about="the answers are out",
            )
            eventually(lambda: "store" in daemon.program.log(), about="the log tells of the store")
            _order_all(faulty, orders, LATER)
            stays(lambda: _requests(faulty, LATER) == 0, during=3, about="nothing more is spent")
            assert all(record["sink_last_generation"] == 1 for record in faulty.practice.grants().values())
            _reads_go_on(faulty)
            if end == "killed":
                daemon.kill()
    if end == "killed":
        wake(daemon)
    for account in SPENT:
        daemon.wait_for(account, generation=2, within=PATIENCE)
        assert faulty.practice.grant(account)["requests"] == 1, account
    _all_is_well(faulty)


@needs_strace
@pytest.mark.parametrize(
    ("calls", "error"),
    [
        pytest.param("pwrite64,pwritev,openat,fdatasync,fsync,ftruncate,fallocate", "EIO", id="B05-broken"),
        pytest.param("pwrite64,pwritev,openat,ftruncate,fallocate", "ENOSPC", id="B01-full"),
        pytest.param("pwrite64,pwritev,openat,ftruncate,fallocate", "EROFS", id="B08-read-only"),
    ],
)
def test_without_a_journal_nothing_is_spent(faulty, folder, calls, error):
    daemon = faulty.daemon
    names = _files(daemon, "escrow", "escrow.new")
    with FaultySystemCalls(daemon.program, folder, calls, f"error={error}", names), ExitStack() as orders:
        _order_all(faulty, orders, SPENT)
        stays(lambda: _requests(faulty, SPENT) == 0, during=3, about="nothing is spent")
        _reads_go_on(faulty)
    _all_is_well(faulty)


@needs_strace
def test_an_answer_that_neither_journal_takes_still_reaches_the_store(faulty, folder):
    """B05: the answer is in memory, its access token is served, and nothing more is spent."""
    daemon = faulty.daemon
    for account in SPENT:
        faulty.practice.fault("token", {"kind": "held"}, account=account)
    names = _files(daemon, "escrow", "escrow.new")
    calls = "pwrite64,pwritev,openat,fdatasync,fsync,ftruncate,fallocate"
    with ExitStack() as orders:
        _order_all(faulty, orders, SPENT)
        eventually(lambda: _requests(faulty, SPENT) == len(SPENT), about="the provider has committed")
        with FaultySystemCalls(daemon.program, folder, calls, "error=EIO", names):
            faulty.practice.release()
            for account in SPENT:
                daemon.wait_for(account, generation=2, within=PATIENCE)
            _order_all(faulty, orders, LATER)
            stays(lambda: _requests(faulty, LATER) == 0, during=3, about="nothing more is spent")
            _reads_go_on(faulty)
    _all_is_well(faulty)


@needs_strace
def test_a_slow_disk_makes_batches_and_no_queue(faulty, folder):
    """B20: each sync takes a second; a hundred refreshes wait for a few of them, not for a hundred."""
    daemon = faulty.daemon
    accounts = faulty.grants(CLIENT, 100, **{**TERMS, "prefix": "many-"})
    eventually(
        lambda: daemon.status()["deliveries_pending"] == 0, within=PATIENCE, about="the deliveries are written down"
    )
    names = _files(daemon, "escrow", "store.sqlite-wal", "store.sqlite")
    with (
        FaultySystemCalls(daemon.program, folder, "fdatasync,fsync", "delay_enter=1000000", names),
        ExitStack() as orders,
    ):
        _order_all(faulty, orders, accounts)

        def renewed():
            _reads_go_on(faulty)
            with daemon.control() as control:
                behind = [a["account"] for a in control.accounts() if a["account"] in accounts and a["generation"] < 2]
            assert not behind, len(behind)
            return True

        # One after the other they would take two hundred seconds and more.
        eventually(renewed, within=PATIENCE, every=1, about="all are renewed")
    _all_is_well(faulty)
    assert faulty.practice.summary()["double_redeems"] == 0


# A full disk


@needs_mounts
@pytest.mark.root
@pytest.mark.parametrize("end", ["recovers", "killed"])
def test_on_a_full_disk_what_is_spent_is_kept(make_daemon, practice, small_disk, end):
    """B01, B02: the journal's room was taken beforehand."""
    daemon = make_daemon()
    small_disk.carry(daemon)
    scene = _filled(daemon, practice)
    for account in SPENT:
        practice.fault("token", {"kind": "held"}, account=account)
    try:
        with ExitStack() as orders:
            _order_all(scene, orders, SPENT)
            eventually(lambda: _requests(scene, SPENT) == len(SPENT), about="the provider has committed")
            small_disk.fill()
            practice.release()
            eventually(
                lambda: all(practice.grant(account)["answers_delivered"] == 1 for account in SPENT),
                about="the answers are out",
            )
            _spend_until_the_log_is_full(scene)
            _reads_go_on(scene)
            if end == "killed":
                daemon.kill()
            small_disk.clear()
            if end == "killed":
                wake(daemon)
        for account in SPENT:
            daemon.wait_for(account, generation=2, within=PATIENCE)
        _all_is_well(scene)
    finally:
        daemon.kill()


def _spend_until_the_log_is_full(scene) -> None:
    """The log may have room left from before: it is used up by what changes nothing at the provider."""

    def refused():
        with scene.daemon.control(timeout=2) as control:
            try:
                for _ in range(20):
                    control.Pause(LATER[0])
                    control.Resume(LATER[0])
            except (OSError, varlink.VarlinkError):
                return True
        return "store" in scene.daemon.program.log()

    eventually(refused, within=PATIENCE, about="the store refuses")


@needs_mounts
@pytest.mark.root
def test_without_inodes_the_work_goes_on(make_daemon, practice, small_disk):
    """B04: at work no file is made."""
    daemon = make_daemon()
    small_disk.carry(daemon)
    scene = _filled(daemon, practice)
    try:
        small_disk.take_inodes()
        for account in ACCOUNTS:
            assert daemon.renew(account, within=PATIENCE) == 2
        daemon.kill()
        wake(daemon)
        small_disk.clear()
        _all_is_well(scene)
    finally:
        daemon.kill()


def test_a_file_size_limit_does_not_end_the_daemon(faulty):
    """B03: the signal is ignored, and what the limit refuses is kept."""
    daemon = faulty.daemon
    pid = daemon.program.pid
    limit = (daemon.state / "store.sqlite-wal").stat().st_size
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    # Below the journal's own size its slots could not be written either.
    journal = (daemon.state / "escrow").stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (max(min(limit, journal), 1), hard))
    with ExitStack() as orders:
        _order_all(faulty, orders, SPENT)
        stays(lambda: daemon.program.is_running, during=3, about="the daemon lives")
        _reads_go_on(faulty)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard, hard))
    _all_is_well(faulty)


# A store that is not ours


def test_a_store_that_another_program_holds_is_told_with_its_holder(faulty):
    """B09: at the start; a running daemon holds it alone."""
    daemon = faulty.daemon
    with sqlite3.connect(daemon.store, timeout=0) as outside, pytest.raises(sqlite3.OperationalError, match="locked"):
        outside.execute("SELECT count(*) FROM account")
    outside.close()
    daemon.stop()
    holder = sqlite3.connect(daemon.store, isolation_level=None)
    try:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        program = daemon.launch()
        assert program.wait(within=PATIENCE) not in (0, -signal.SIGKILL)
        assert str(os.getpid()) in program.log().splitlines()[-1]
    finally:
        holder.close()
    wake(daemon)
    _all_is_well(faulty)


@pytest.mark.parametrize("how", ["unlinked", "replaced"])
def test_nothing_is_spent_when_the_store_is_gone(faulty, how):
    """B18: noticed before a grant is spent that could not be kept."""
    daemon = faulty.daemon
    aside = daemon.store.with_name("aside")
    daemon.store.rename(aside)
    if how == "replaced":
        daemon.store.write_bytes(aside.read_bytes())
        daemon.store.chmod(0o600)
    try:
        with ExitStack() as orders:
            _order_all(faulty, orders, SPENT)
            stays(lambda: _requests(faulty, SPENT) == 0, during=3, about="nothing is spent")
            _reads_go_on(faulty)
        assert any(word in daemon.program.log() for word in ("ERROR", "CRITICAL")), "nobody was told"
    finally:
        # What it spent and cannot commit it would hold on to for ever.
        daemon.kill()
    aside.rename(daemon.store)
    wake(daemon)
    _all_is_well(faulty)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("store.sqlite", 0o644), ("store.sqlite", 0o660), ("store.sqlite-wal", 0o604), ("escrow", 0o640), ("", 0o777)],
)
def test_files_that_others_may_open_are_refused(faulty, name, mode):
    """B24: with the path and the mode; nothing is changed."""
    daemon = faulty.daemon
    daemon.kill()
    path = daemon.state / name
    before = path.stat().st_mode & 0o777
    path.chmod(mode)
    try:
        program = daemon.launch()
        assert program.wait(within=PATIENCE) not in (0, -signal.SIGKILL)
        said = program.log().splitlines()[-1]
        assert str(path).rstrip("/") in said
    finally:
        path.chmod(before)
    wake(daemon)
    _all_is_well(faulty)


@needs_mounts
@pytest.mark.root
def test_a_read_only_store_is_read_and_spends_nothing(make_daemon, practice, small_disk):
    """B08: started on a file system that has turned read-only."""
    daemon = make_daemon()
    small_disk.carry(daemon)
    scene = _filled(daemon, practice)
    try:
        daemon.stop()
        small_disk.make_read_only(True)
        program = daemon.launch()
        eventually(lambda: not program.is_running or daemon.socket.exists(), about="it has started or ended")
        if program.is_running:
            eventually(lambda: daemon.status()["state"] == "ready", about="refreshd is ready")
            _reads_go_on(scene)
            with ExitStack() as orders:
                _order_all(scene, orders, SPENT)
                stays(lambda: _requests(scene, ACCOUNTS) == 0, during=3, about="nothing is spent")
        else:
            assert program.wait() not in (0, -signal.SIGKILL)
            assert str(daemon.state) in program.log().splitlines()[-1]
            assert _requests(scene, ACCOUNTS) == 0
        daemon.kill()
        small_disk.make_read_only(False)
        wake(daemon)
        _all_is_well(scene)
    finally:
        daemon.kill()
