"""Clients that mean harm, or merely behave as if: a good one is answered all the while."""

import json
import resource
import socket
import threading
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from harness.control import INTERFACE
from harness.users import OUTSIDER, as_user
from harness.waiting import eventually

ACCOUNT = "demo/user-1"
MESSAGE = {"method": f"{INTERFACE}.GetToken", "parameters": {"account": ACCOUNT}}
CALL = json.dumps(MESSAGE).encode() + b"\0"
# Waiting times of a good client on a busy two-core machine with debug builds; a stall is far longer.
PATIENCE = 3


@pytest.fixture
def running(scene):
    scene.client()
    scene.daemon.start()
    scene.grants(count=2)
    return scene


@contextmanager
def a_good_client_is_answered(daemon):
    """Asks for a token over and over, on old and new connections, while the body does its worst."""
    ended = threading.Event()
    waits: list[float] = []
    trouble: list[BaseException] = []

    def ask():
        try:
            with daemon.control(timeout=30) as kept:
                while not ended.wait(0.05):
                    began = time.monotonic()
                    kept.token(ACCOUNT)
                    with daemon.control(timeout=30) as fresh:
                        fresh.token(ACCOUNT)
                    waits.append(time.monotonic() - began)
        except BaseException as error:
            trouble.append(error)

    good = threading.Thread(target=ask, daemon=True)
    good.start()
    eventually(lambda: waits or trouble, about="the good client is answered before the others come")
    try:
        yield
        during = len(waits)
        eventually(lambda: len(waits) >= during + 3 or trouble, about="the good client is answered again")
    finally:
        ended.set()
        good.join(40)
    assert not trouble, repr(trouble[0])
    assert max(waits) < PATIENCE, f"the good client waited {max(waits):.1f} s"


def _connect(path: Path, timeout: float = 20) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(timeout)
    connection.connect(str(path))
    return connection


def _read_to_the_end(connection: socket.socket) -> bytes:
    """What the daemon still says before it closes; `TimeoutError` if it does not close."""
    received = b""
    with suppress(ConnectionError):
        while part := connection.recv(65536):
            received += part
    return received


def _send(connection: socket.socket, content: bytes) -> None:
    with suppress(ConnectionError):
        connection.sendall(content)


def _resident(pid: int) -> int:
    """The process's resident memory in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


def test_a_message_of_16_mb_is_cut_off(running):
    daemon = running.daemon
    before = _resident(daemon.program.pid)
    with a_good_client_is_answered(daemon), _connect(daemon.socket) as hostile:
        _send(hostile, b'{"method":"' + b"a" * 16_000_000)
        assert ACCOUNT.encode() not in _read_to_the_end(hostile)
    assert _resident(daemon.program.pid) - before < 12_000_000, "the message was kept in memory"


def test_ten_thousand_levels_of_nesting_are_refused(running):
    with a_good_client_is_answered(running.daemon), _connect(running.daemon.socket) as hostile:
        _send(hostile, b'{"method":"x","parameters":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}\0")
        hostile.shutdown(socket.SHUT_WR)
        answer = _read_to_the_end(hostile)
        assert not answer or b'"error"' in answer


@pytest.mark.parametrize(
    "content",
    [
        b"\0",
        b"{}\0",
        b"null\0",
        b"[]\0",
        b"\xff\xfe\0",
        b"GET / HTTP/1.1\r\n\r\n\0",
        b'{"method":1}\0',
        b'{"method":""}\0',
    ],
)
def test_what_is_no_call_gets_an_error_or_nothing(running, content):
    with a_good_client_is_answered(running.daemon), _connect(running.daemon.socket) as hostile:
        _send(hostile, content)
        hostile.shutdown(socket.SHUT_WR)
        answer = _read_to_the_end(hostile)
        assert not answer or b'"error"' in answer


def test_half_a_message_does_not_keep_its_connection(running):
    with a_good_client_is_answered(running.daemon), _connect(running.daemon.socket, timeout=45) as hostile:
        _send(hostile, CALL[:20])
        assert _read_to_the_end(hostile) == b""


def _hold_many(path: str, count: int) -> int:
    """Opens as many connections as are let in, each with half a message; how many are still open?"""
    with ExitStack() as stack:
        opened, refused = [], 0
        while len(opened) < count and refused < 20:
            try:
                # Briefly: a connection that is not taken in waits in the kernel's queue until that is full.
                connection = stack.enter_context(_connect(Path(path), timeout=0.1))
                connection.sendall(CALL[:20])
                opened.append(connection)
            except OSError:
                refused += 1
        deadline = time.monotonic() + 3
        for connection in opened:
            connection.settimeout(max(0.001, (deadline - time.monotonic()) / len(opened)))
        return sum(1 for connection in opened if _is_open(connection))


def _is_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


@pytest.mark.root
def test_many_connections_of_one_user_leave_room_for_others(running):
    with a_good_client_is_answered(running.daemon):
        # Group 0 opens the socket file to this user; the daemon sees the user behind it.
        held = as_user(OUTSIDER, 0, _hold_many, str(running.daemon.socket), 900)
    assert held < 900, "one user may hold any number of connections"
    descriptors = Path(f"/proc/{running.daemon.program.pid}/fd")
    eventually(lambda: len(list(descriptors.iterdir())) < 200, about="the descriptors are given back")


def test_who_never_reads_is_dropped_and_slows_nobody(running):
    daemon = running.daemon
    before = _resident(daemon.program.pid)
    with a_good_client_is_answered(daemon), ExitStack() as stack:
        for _ in range(8):
            hostile = stack.enter_context(_connect(daemon.socket, timeout=2))
            # Calls without end, answers never fetched: sooner or later the daemon must stop reading.
            with suppress(OSError):
                for _ in range(20_000):
                    hostile.sendall(CALL)
        assert _resident(daemon.program.pid) - before < 48_000_000, "answers pile up in memory"


@pytest.mark.slow
def test_a_watcher_that_never_reads_holds_up_no_renewal(running):
    daemon = running.daemon
    with a_good_client_is_answered(daemon), ExitStack() as stack:
        for _ in range(5):
            watcher = stack.enter_context(_connect(daemon.socket))
            call = {"method": f"{INTERFACE}.Watch", "parameters": {}, "more": True}
            _send(watcher, json.dumps(call).encode() + b"\0")
        for _ in range(5):
            daemon.renew(ACCOUNT)
            daemon.renew("demo/user-2")


def _ask_as_a_stranger(path: str, method: str, **parameters: object) -> str:
    """What a caller without any rule gets: "closed", or the name of the error."""
    try:
        with _connect(Path(path)) as connection:
            call = {"method": f"{INTERFACE}.{method}", "parameters": parameters}
            connection.sendall(json.dumps(call).encode() + b"\0")
            connection.shutdown(socket.SHUT_WR)
            answer = _read_to_the_end(connection)
    except (PermissionError, ConnectionError):
        return "closed"
    if not answer:
        return "closed"
    message = json.loads(answer.split(b"\0")[0])
    return message.get("error", "served").removeprefix(f"{INTERFACE}.")


@pytest.mark.root
@pytest.mark.parametrize("gid", [OUTSIDER, 0])
def test_a_user_without_a_rule_gets_nothing(running, gid):
    path = str(running.daemon.socket)
    calls = [
        ("GetToken", {"account": ACCOUNT}),
        ("GetToken", {"account": "demo/does-not-exist"}),
        ("Show", {"account": ACCOUNT}),
        ("Refresh", {"account": ACCOUNT}),
        ("Remove", {"account": ACCOUNT}),
        ("Reload", {}),
    ]
    for method, parameters in calls:
        answer = as_user(OUTSIDER, gid, _ask_as_a_stranger, path, method, **parameters)
        assert answer in ("closed", "NotAllowed"), f"{method}: {answer}"
    assert running.daemon.show(ACCOUNT)["generation"] == 1


@pytest.mark.root
def test_a_rule_gives_what_it_says_and_no_more(scene):
    scene.client()
    scene.daemon.add_access(users=[str(OUTSIDER)], accounts=[ACCOUNT], allow=["token"])
    scene.daemon.start()
    scene.grants(count=2)
    path = str(scene.daemon.socket)

    def ask(method, **parameters):
        return as_user(OUTSIDER, 0, _ask_as_a_stranger, path, method, **parameters)

    assert ask("GetToken", account=ACCOUNT) == "served"
    # One answer for what is not his and for what is not there.
    assert ask("GetToken", account="demo/user-2") == "NotAllowed"
    assert ask("GetToken", account="demo/user-3") == "NotAllowed"
    assert ask("Refresh", account=ACCOUNT) == "NotAllowed"
    assert ask("Remove", account=ACCOUNT) == "NotAllowed"
