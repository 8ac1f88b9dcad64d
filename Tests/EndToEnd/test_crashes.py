"""What a daemon that dies of a mistake of its own leaves: nothing that a thief could use (facts, catalogue A24)."""

import resource
import signal
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import varlink

from canary import Search
from harness.crash import Order, kill_order
from harness.waiting import eventually

ACCOUNT = "demo/user-1"
# As the unit has it: left to itself, the language's crash tracer prints the memory behind registers.
UNIT = Path(__file__).resolve().parents[2] / "systemd" / "refreshd.service"
QUIET = dict(
    line.removeprefix("Environment=").split("=", 1)
    for line in UNIT.read_text().splitlines()
    if line.startswith("Environment=SWIFT_")
)
# On one kind of processor the language traps by an undefined instruction, on another by a break point.
MANNERS = {"segv": {signal.SIGSEGV}, "trap": {signal.SIGILL, signal.SIGTRAP}}


@pytest.fixture
def single_use(scene):
    scene.client(rotation="single_use", blast="family")
    return scene


def _has_left_no_secret(daemon, folder: Path, before: set[Path]) -> None:
    # Whether a token is among what a tracer prints is a matter of luck.
    assert "Backtrace took" not in daemon.program.log()
    search = Search()
    search.folder(folder)
    assert search.bytes > 0
    assert not search.found, search.found
    # A core file would lie where the program was started.
    assert set(Path.cwd().glob("core*")) == before


@pytest.mark.parametrize("manner", MANNERS)
@pytest.mark.parametrize("point", ["after-answer", "while-parsing", "after-parse"])
def test_a_crash_with_a_token_in_hand_writes_it_nowhere(single_use, folder, point, manner):
    daemon, cores = single_use.daemon, set(Path.cwd().glob("core*"))
    daemon.start(environment={**QUIET, **kill_order(point, ACCOUNT), "REFRESHD_KILL_BY": manner})
    assert resource.prlimit(daemon.program.pid, resource.RLIMIT_CORE) == (0, 0)
    single_use.grants(lifetime=3_600, rotation="S", blast="family")
    with Order(daemon, ACCOUNT):
        eventually(lambda: not daemon.program.is_running, about="it dies")
    assert -daemon.program.wait() in MANNERS[manner]
    assert single_use.practice.grant(ACCOUNT)["generation"] == 2
    _has_left_no_secret(daemon, folder, cores)
    if point == "after-answer":
        return  # the answer had not reached its slot, so it is lost, and that is told elsewhere
    daemon.start()
    daemon.wait_for(ACCOUNT, state="fresh", generation=2)
    assert single_use.practice.grant(ACCOUNT)["requests"] == 1


class Reader(threading.Thread):
    """A client that is given tokens as fast as it can ask, until the daemon is gone."""

    def __init__(self, daemon) -> None:
        super().__init__(name="reader", daemon=True)
        self._daemon = daemon
        self.served = 0

    def run(self) -> None:
        with suppress(OSError, varlink.error.ConnectionError, ValueError), self._daemon.control() as control:
            while True:
                control.token(ACCOUNT)
                self.served += 1


def test_a_signal_while_tokens_are_served_writes_none_of_them(single_use, folder):
    daemon, cores = single_use.daemon, set(Path.cwd().glob("core*"))
    daemon.start(environment=QUIET)
    single_use.grants(lifetime=3_600, rotation="S", blast="family")
    for number in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL):
        if not daemon.program.is_running:
            daemon.start(environment=QUIET)
        readers = [Reader(daemon) for _ in range(3)]
        for reader in readers:
            reader.start()
        eventually(lambda readers=readers: all(reader.served > 50 for reader in readers), about="tokens are served")
        daemon.program.send(number)
        assert daemon.program.wait() == -number
        for reader in readers:
            reader.join(40)
            assert not reader.is_alive()
    _has_left_no_secret(daemon, folder, cores)
    daemon.start()
    assert daemon.renew(ACCOUNT) == 2
