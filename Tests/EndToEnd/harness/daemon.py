"""refreshd as a process with a folder of its own, and refreshctl against it."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import varlink

from .control import Control
from .processes import Program
from .toml import to_toml
from .waiting import eventually


class Daemon:
    """One daemon: its configuration, its files, its life.

    `folder` (logs, configuration, store) is searched for secrets at the end of a run; `private` holds
    what legitimately contains them.
    """

    def __init__(self, binaries: Path, folder: Path, private: Path, name: str = "refreshd") -> None:
        self._binaries = binaries
        self._private = private
        self._name = name
        self.folder = folder
        self.state = folder / f"{name}-state"
        self.store = self.state / "store.sqlite"
        self.state.mkdir(parents=True, mode=0o700)
        private.mkdir(parents=True, exist_ok=True)
        # The path of a Unix socket holds 107 bytes, and those of test folders are longer. Others may pass
        # through, so that it is the daemon that refuses them, not the folder.
        self._sockets = Path(tempfile.mkdtemp(prefix="refreshd-"))
        self._sockets.chmod(0o755)
        self.socket = self._sockets / "control.sock"
        self.key = private / f"{name}-store.key"
        self._write_private(self.key, secrets.token_bytes(32))
        self.configuration: dict[str, Any] = {
            "store": {"path": self.store, "key": {"file": self.key}},
            "control": {"socket": self.socket},
            "clients": {},
            "sinks": {},
            "access": [],
        }
        self.configuration_file = folder / f"{name}.toml"
        self.started_through: list[str | Path] = []
        """A command that runs another one in its place, on another host for instance."""
        self._program: Program | None = None

    # Configuration

    def add_client(self, name: str, secret: str, *, token_endpoint: str, **more: Any) -> None:
        secret_file = self._private / f"{self._name}-{name}.secret"
        self._write_private(secret_file, secret.encode())
        self.configuration["clients"][name] = {
            "token_endpoint": token_endpoint,
            "client_id": name,
            "client_secret": {"file": secret_file},
            **more,
        }

    def private_file(self, name: str, content: str) -> Path:
        """A file with a secret, beside the artefacts."""
        path = self._private / f"{self._name}-{name}"
        self._write_private(path, content.encode())
        return path

    def add_sink(self, name: str, *, url: str, ca_file: Path, clients: list[str], **more: Any) -> None:
        self.configuration["sinks"][name] = {
            "type": "set-keys",
            "url": url,
            "public_key": "demopublickey",
            "storage_key": "practice",
            "clients": clients,
            "ca_file": ca_file,
            **more,
        }

    def add_access(self, **rule: list[str]) -> None:
        self.configuration["access"].append(rule)

    def write_configuration(self, text: str | None = None) -> None:
        filled = {name: table for name, table in self.configuration.items() if table}
        self.configuration_file.write_text(to_toml(filled) if text is None else text)

    def copy_of_configuration(self) -> dict[str, Any]:
        return deepcopy(self.configuration)

    # Life

    @property
    def program(self) -> Program:
        assert self._program is not None, "not started"
        return self._program

    def command(self, verb: str = "run") -> list[str | Path]:
        return [self._binaries / "refreshd", verb, "--config", self.configuration_file]

    def launch(self, environment: Mapping[str, str] | None = None) -> Program:
        """Starts the program and waits for nothing: for starts that ought to fail."""
        self.write_configuration()
        command = [*self.started_through, *self.command()]
        self._program = Program(self._name, command, self.folder, environment)
        return self._program

    def start(self, within: float = 60, environment: Mapping[str, str] | None = None) -> None:
        """Starts it and waits until it says over its socket that it is ready."""
        program = self.launch(environment)

        def ready() -> bool:
            if not program.is_running:
                raise RuntimeError(f"refreshd ended with {program.wait()}: {program.log()[-2000:]}")
            try:
                return self.status()["state"] == "ready"
            except (AssertionError, json.JSONDecodeError):
                return False

        eventually(ready, within=within, every=0.1, about="refreshd is ready")

    def stop(self, within: float = 30) -> None:
        code = self.program.stop(within)
        assert code == 0, f"refreshd ended with {code}: {self.program.log()[-2000:]}"

    def kill(self) -> None:
        self.program.kill()

    def reload(self) -> None:
        self.program.send(signal.SIGHUP)

    def close(self) -> None:
        """After a test, whatever became of it. A daemon that will not stop is a failure too."""
        try:
            if self._program and self._program.is_running:
                self.stop()
        finally:
            if self._program:
                self._program.kill()
            shutil.rmtree(self._sockets, ignore_errors=True)

    def check(self) -> subprocess.CompletedProcess[str]:
        return self._run(self.command("check"))

    # Talking to it

    def ctl(self, *words: str | Path, given: str | None = None, **process: Any) -> subprocess.CompletedProcess[str]:
        """Runs refreshctl; its output may hold a token and stays in memory."""
        return self._run([self._binaries / "refreshctl", *words], given, **process)

    def ctl_json(self, *words: str | Path) -> list[dict[str, Any]]:
        """The objects that `refreshctl --json` writes, one a line."""
        done = self.ctl(*words, "--json")
        assert done.returncode == 0, f"refreshctl {words[0]}: {done.returncode}: {done.stderr}"
        return [json.loads(line) for line in done.stdout.splitlines() if line.strip()]

    def status(self) -> dict[str, Any]:
        answers = self.ctl_json("status")
        assert len(answers) == 1, f"refreshctl status --json wrote {len(answers)} lines"
        return answers[0]

    def control(self, timeout: float = 30) -> Control:
        return Control(self.socket, timeout)

    def import_file(self, lines: Path) -> None:
        done = self.ctl("import", lines, timeout=120)
        assert done.returncode == 0, f"import: {done.returncode}: {done.stderr}"

    def show(self, account: str) -> dict[str, Any]:
        with self.control() as control:
            return control.show(account)

    def wait_for(self, account: str, *, within: float = 30, **expected: Any) -> dict[str, Any]:
        """Waits until the account's members have these values, and returns it."""

        def matches() -> dict[str, Any]:
            shown = self.show(account)
            found = {name: shown.get(name) for name in expected}
            assert found == expected, f"{account}: {found}, failure {shown.get('failure')}"
            return shown

        return eventually(matches, within=within, every=0.1, about=f"{account} has {expected}")

    def renew(self, account: str, within: float = 30) -> int:
        """Asks for a refresh until the account has a newer generation, which is returned."""
        before = self.show(account)["generation"]

        def renewed() -> int:
            with self.control() as control:
                try:
                    shown = control.Refresh(account)["account"]
                except varlink.VarlinkError as error:
                    raise AssertionError(error.error()) from None
            assert shown["generation"] > before, f"{account}: {shown['state']}, {shown.get('failure')}"
            return shown["generation"]

        return eventually(renewed, within=within, every=0.5, about=f"{account} is renewed")

    # Helpers

    def _run(
        self, command: list[str | Path], given: str | None = None, timeout: float = 60, **process: Any
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in command],
            check=False,
            input=given or "",
            capture_output=True,
            text=True,
            timeout=timeout,
            env=self._environment(process.pop("environment", {})),
            **process,
        )

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "REFRESHD_SOCKET": str(self.socket), "NO_COLOR": "1", **more}

    @staticmethod
    def _write_private(path: Path, content: bytes) -> None:
        path.touch(mode=0o600)
        path.write_bytes(content)
