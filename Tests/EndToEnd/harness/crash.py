"""Daemons that die: by a kill point of a debug build, or by a signal."""

import json
import os
import random
import select
import signal
import socket
import time

import varlink

from .control import INTERFACE
from .daemon import Daemon
from .waiting import NeverHappened, eventually


def kill_order(point: str, subject: str = "", passage: int = 1) -> dict[str, str]:
    """The environment in which a debug build dies at a kill point."""
    return {"REFRESHD_KILL_AT": f"{point}:{passage}:{subject}" if subject else f"{point}:{passage}"}


def wake(daemon: Daemon, environment: dict[str, str] | None = None, within: float = 180) -> None:
    """Starts the daemon and waits for its socket to say that it is ready.

    Asks over the socket itself: a process for each question would cost more than the start.
    """
    program = daemon.launch(environment)

    def ready() -> bool:
        assert program.is_running, f"refreshd ended with {program.wait()}: {program.log()[-1500:]}"
        try:
            with daemon.control() as control:
                return control.Status()["status"]["state"] == "ready"
        except (OSError, varlink.VarlinkError, varlink.error.ConnectionError) as error:
            raise AssertionError(f"not yet: {type(error).__name__}") from None

    eventually(lambda: not program.is_running or ready(), within=within, every=0.02, about="refreshd is ready")
    assert program.is_running, f"refreshd ended with {program.wait()}: {program.log()[-1500:]}"


def lives(daemon: Daemon, seconds: float) -> None:
    """Lets it work for so long; a daemon that ends by itself meanwhile is a failure."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and daemon.program.is_running:
        time.sleep(0.005)
    assert daemon.program.is_running, f"refreshd ended with {daemon.program.wait()}: {daemon.program.log()[-1500:]}"


def seed_of_run() -> int:
    """Printed by whoever takes it; `REFRESHD_SEED` gives the same again, as far as processes can be made to."""
    given = os.environ.get("REFRESHD_SEED")
    return int(given) if given else random.SystemRandom().randrange(1 << 31)


def dies(daemon: Daemon, within: float = 120) -> bool:
    """Waits for the daemon to be killed; false if it lives on."""
    try:
        code = eventually(
            lambda: None if daemon.program.is_running else (daemon.program.wait(),), within=within, every=0.01
        )[0]
    except NeverHappened:
        return False
    assert code == -signal.SIGKILL, f"refreshd ended with {code}: {daemon.program.log()[-1500:]}"
    return True


class Order:
    """An order to refresh that waits for no answer: the daemon may be dead before there is one."""

    def __init__(self, daemon: Daemon, account: str) -> None:
        call = {"method": f"{INTERFACE}.Refresh", "parameters": {"account": account}}
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        eventually(lambda: self._is_connected(daemon), within=60, about="the daemon takes a connection")
        self._socket.sendall(json.dumps(call).encode() + b"\0")

    @property
    def is_answered(self) -> bool:
        """Whether there is an answer, or nobody left to give one."""
        socket_alone = select.poll()
        socket_alone.register(self._socket, select.POLLIN)
        return bool(socket_alone.poll(0))

    def _is_connected(self, daemon: Daemon) -> bool:
        try:
            self._socket.connect(str(daemon.socket))
        except BlockingIOError:
            # More are waiting to be let in than the system has room for.
            return False
        return True

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Order":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
