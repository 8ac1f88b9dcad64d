"""A user's browser: Chromium without a window, with a profile of its own, told what to do over a pipe."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from .processes import Program
from .waiting import eventually

# A test's user may be root, and a container may have no user namespaces for the sandbox; the rest keeps it quiet.
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--password-store=basic",
    "--ignore-certificate-errors",
    "--host-resolver-rules=MAP *.example 127.0.0.1",
    "--remote-debugging-pipe",
)


class Browser:
    """DevTools speaks over descriptors 3 and 4: JSON and a NUL byte, both ways."""

    def __init__(self, profile: Path, name: str, logs: Path) -> None:
        program = shutil.which("chromium")
        assert program, "chromium is not there; Tests/run installs it"
        self._name = name
        self._logs = logs
        self._pages = 0
        self._number = 0
        self._unread = b""
        self._allow_cookies_of_frames(profile)
        theirs_in, self._to = self._pipe()
        self._from, theirs_out = self._pipe()
        self._program = Program(
            name,
            [
                *("bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "browser"),
                *(program, *SWITCHES, f"--user-data-dir={profile}", "about:blank"),
            ],
            logs,
            pass_fds=(theirs_in, theirs_out),
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def widget(self, address: str, within: float = 90) -> str:
        """Loads a page, waits until its widget has said something, and returns that.

        The page as it is then is kept among the artefacts.
        """
        target = self._call("Target.createTarget", {"url": address}, within=within)["targetId"]
        attached = self._call("Target.attachToTarget", {"targetId": target, "flatten": True})
        session = attached["sessionId"]

        def ask(script: str) -> Any:
            answer = self._call("Runtime.evaluate", {"expression": script}, session)
            return answer["result"].get("value")

        said = eventually(
            lambda: ask('(document.querySelector("#widget[data-said]") || {}).textContent'),
            within=within,
            every=0.2,
            about=f"the widget in {self._name}'s browser says something",
        )
        self._pages += 1
        (self._logs / f"{self._name}-{self._pages}.html").write_text(ask("document.documentElement.outerHTML"))
        self._call("Target.closeTarget", {"targetId": target})
        return said

    def __enter__(self) -> "Browser":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        os.close(self._to)
        os.close(self._from)
        try:
            self._program.stop(within=20)
        except subprocess.TimeoutExpired:
            self._program.kill()

    def _call(self, method: str, parameters: Any, session: str | None = None, within: float = 60) -> Any:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + within
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer.get('error')}"
                return answer["result"]

    def _read(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._from], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"{self._name}'s browser does not answer"
            part = os.read(self._from, 1 << 20)
            assert part, f"{self._name}'s browser has ended: {self._program.log()[-500:]}"
            self._unread += part
        message, _, self._unread = self._unread.partition(b"\0")
        return json.loads(message)

    @staticmethod
    def _allow_cookies_of_frames(profile: Path) -> None:
        """The widget is a frame of another site, and needs its cookies there."""
        settings = profile / "Default" / "Preferences"
        settings.parent.mkdir(parents=True)
        settings.write_text(json.dumps({"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": False}}))

    @staticmethod
    def _pipe() -> tuple[int, int]:
        """Descriptors that are neither 3 nor 4 themselves."""
        moved = []
        for end in os.pipe():
            moved.append(fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10))
            os.close(end)
        return moved[0], moved[1]
