"""A terminal with somebody in front of it: tmux, driven from outside."""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from .waiting import eventually


class Terminal:
    """One program in a terminal of its own. What is typed goes into no file."""

    def __init__(self, command: Sequence[str | Path], environment: Mapping[str, str]) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="tty-"))
        self._code = self._folder / "code"
        self._modes = self._folder / "modes"
        given = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
        # Wide, so that no line is wrapped.
        size = ["-x", "1500", "-y", "50"]
        shell = [sys.executable, Path(__file__).with_name("terminal_shell.py"), self._folder, *command]
        self._tmux("-f", "/dev/null", "new-session", "-d", "-s", "t", *size, *given, "--", *map(str, shell))

    @property
    def screen(self) -> str:
        """Everything that the terminal has shown."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", "-t", "t").stdout

    def shows(self, text: str) -> str:
        """Waits until the screen shows a text; the screen."""

        def fact() -> str | None:
            screen = self.screen
            assert text in screen, screen.strip()
            return screen

        return eventually(fact, about=f"the terminal shows {text!r}")

    def word_after(self, text: str) -> str:
        """The first word behind a text that the screen comes to show."""

        def fact() -> str | None:
            screen = self.screen
            assert text in screen, screen.strip()
            # What stands behind the word shows that it is whole.
            word = re.match(r"\s*(\S+)\s", screen.split(text, 1)[1])
            return word and word[1]

        return eventually(fact, about=f"the terminal shows a word after {text!r}")

    def type(self, text: str) -> None:
        """Types a text and Enter. It goes through a buffer: on a command line others would see it."""
        self._tmux("load-buffer", "-", given=text)
        self._tmux("paste-buffer", "-d", "-t", "t")
        self.press("Enter")

    def press(self, key: str) -> None:
        self._tmux("send-keys", "-t", "t", key)

    def hang_up(self) -> None:
        """Closes the terminal, as somebody does who closes its window."""
        self._tmux("kill-session", "-t", "t")

    def ended_with(self) -> int:
        """Waits until the program has ended; its exit code."""
        eventually(self._code.exists, about="the program ends")
        return int(self._code.read_text())

    def echoes(self) -> bool:
        """Whether the terminal that the program left behind shows what is typed, and edits it by lines."""
        return self._modes.read_text().split() == ["echo", "icanon"]

    def close(self) -> None:
        self._tmux("kill-server", check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _tmux(self, *words: str, given: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["tmux", "-S", str(self._folder / "tmux"), *words],
            check=False,
            input=given,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 or not check, f"tmux {words[0]}: {done.stderr.strip()[-300:]}"
        return done
