"""One started program: its logs, its end."""

import os
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from .waiting import eventually


def free_port() -> int:
    """Finds a TCP port of loopback that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Program:
    """A child process whose standard output and error go to files among the artefacts."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        logs: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        **process: Any,
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self.name = name
        # Appended to: a program that is started again in the same test goes on in the same files.
        self.stdout, self.stderr = logs / f"{name}.out", logs / f"{name}.err"
        with self.stdout.open("ab") as output, self.stderr.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                env={**os.environ, **(environment or {})},
                cwd=folder,
                **process,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self, within: float = 30) -> int:
        """Returns the exit code; below zero it is the signal that ended the program."""
        return self._process.wait(timeout=within)

    def stop(self, within: float = 30) -> int:
        """SIGTERM and wait: a clean end is part of what is tested, so nothing is killed quietly."""
        if self.is_running:
            self.send(signal.SIGTERM)
        return self.wait(within)

    def kill(self) -> None:
        if self.is_running:
            self.send(signal.SIGKILL)
        self.wait()

    def slowness(self) -> float:
        """How many times longer its work has taken than it would have on a machine of its own, 1 or more.

        The kernel counts how long each thread ran, and how long it could have run and had to wait. 1 where it does not.
        """
        ran = waited = 0
        for thread in Path(f"/proc/{self.pid}/task").glob("*/schedstat"):
            with suppress(OSError):
                times = thread.read_text().split()
                ran, waited = ran + int(times[0]), waited + int(times[1])
        return (ran + waited) / ran if ran else 1.0

    def log(self) -> str:
        return self.stderr.read_text(errors="replace")

    def wait_until_listening(self, port: int, within: float = 30) -> None:
        def listening() -> bool:
            if not self.is_running:
                raise RuntimeError(f"{self.name} ended with {self.wait()}: {self.log()[-2000:]}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", port)) == 0

        eventually(listening, within=within, about=f"{self.name} listens on {port}")
