"""Two hosts with a link of a test's own between them: packets can be late, lost, or go nowhere.

The calling thread moves to the provider's host, and with it all that it starts; the daemon is started on the other one.
Neither host sees the machine's real network. Needs root.
"""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path

_CLONE_NEWNET = 0x4000_0000
_TUNSETIFF = 0x4004_54CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_LINK = "link0"
_PROVIDER_SIDE, _DAEMON_SIDE = "10.77.0.1", "10.77.0.2"

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _present_host() -> int:
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _ip(*words: str) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    done = subprocess.run(
        ["ip", *words], check=False, capture_output=True, text=True, timeout=30, env={**os.environ, "PATH": path}
    )
    if done.returncode != 0:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _new_host(address: str) -> tuple[int, int]:
    """Moves this thread to a host with nothing but one end of a link; returns the host and that end."""
    _check(_libc.unshare(_CLONE_NEWNET))
    settings = Path("/proc/sys/net/ipv4/conf")
    for name in ("all", "default"):
        # The provider's certificate is for 127.0.0.1, so that is the address it has on the link, too.
        (settings / name / "route_localnet").write_text("1")
        (settings / name / "rp_filter").write_text("0")
    link = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    fcntl.ioctl(link, _TUNSETIFF, struct.pack("16sH22x", _LINK.encode(), _IFF_TUN | _IFF_NO_PI))
    _ip("addr", "add", f"{address}/24", "dev", _LINK)
    _ip("link", "set", _LINK, "up")
    return _present_host(), link


class Network:
    """The link and its weather, which is fine at first."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.delay = 0.0
        """Seconds that a packet takes, one way."""
        self.loss = 0.0
        """The share of packets that are lost; of one side never more than two in a row, so that all ends some time."""
        self.is_cut = False
        """Whether packets go nowhere."""
        self.dropped = 0
        self._home = _present_host()
        try:
            self._daemon_host, daemon_end = _new_host(_DAEMON_SIDE)
            self._route_to_provider()
            self._provider_host, provider_end = _new_host(_PROVIDER_SIDE)
            _ip("link", "set", "lo", "up")
        except OSError:
            self._go(self._home)
            raise
        self._ends = {daemon_end: provider_end, provider_end: daemon_end}
        self._lost_in_a_row = dict.fromkeys(self._ends, 0)
        self._ended = threading.Event()
        self._carrier = threading.Thread(target=self._carry, name="network", daemon=True)
        self._carrier.start()

    @property
    def daemon_side(self) -> list[str]:
        """What a program is started through that belongs on the daemon's host."""
        return ["nsenter", f"--net=/proc/{os.getpid()}/fd/{self._daemon_host}", "--"]

    def interface_down(self) -> None:
        self._on_daemon_side(lambda: _ip("link", "set", _LINK, "down"))

    def interface_up(self, address: str = _DAEMON_SIDE) -> None:
        """Brings it back, perhaps with another address: as when a host moves to another network."""

        def change() -> None:
            _ip("addr", "flush", "dev", _LINK)
            _ip("addr", "add", f"{address}/24", "dev", _LINK)
            _ip("link", "set", _LINK, "up")
            self._route_to_provider()

        self._on_daemon_side(change)

    def close(self) -> None:
        self._ended.set()
        self._carrier.join(10)
        self._go(self._home)
        for descriptor in (*self._ends, self._daemon_host, self._provider_host, self._home):
            os.close(descriptor)

    @staticmethod
    def _route_to_provider() -> None:
        _ip("route", "replace", "127.0.0.1/32", "dev", _LINK)

    def _on_daemon_side(self, action) -> None:
        self._go(self._daemon_host)
        try:
            action()
        finally:
            self._go(self._provider_host)

    @staticmethod
    def _go(host: int) -> None:
        _check(_libc.setns(host, _CLONE_NEWNET))

    # The link

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._ended.is_set():
            soon = waiting[0][0] - time.monotonic() if waiting else 0.1
            for end in select.select(list(self._ends), [], [], min(max(soon, 0), 0.1))[0]:
                with suppress(OSError):
                    packet = os.read(end, 65_536)
                    if self._is_taken(end, packet):
                        count += 1
                        heapq.heappush(waiting, (time.monotonic() + self.delay, count, self._ends[end], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, end, packet = heapq.heappop(waiting)
                # An interface that is down takes nothing.
                with suppress(OSError):
                    os.write(end, packet)

    def _is_taken(self, end: int, packet: bytes) -> bool:
        if packet[0] >> 4 != 4:
            return False
        is_lost = self._lost_in_a_row[end] < 2 and self._random.random() < self.loss
        self._lost_in_a_row[end] = self._lost_in_a_row[end] + 1 if is_lost else 0
        if is_lost or self.is_cut:
            self.dropped += 1
            return False
        return True
