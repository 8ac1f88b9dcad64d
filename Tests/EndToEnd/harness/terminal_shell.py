"""What runs a program in a terminal: `terminal_shell.py FOLDER PROGRAM [WORD…]`.

Like a shell it passes on that the terminal is closed. Unlike one it stays, to write down with what the program ended,
and how it left the terminal; an open one is kept open, so that its screen can be looked at.
"""

import signal
import subprocess
import sys
import termios
from pathlib import Path


def main(folder: Path, command: list[str]) -> None:
    child = subprocess.Popen(command)
    # Ctrl-C is for the program, which is in the same group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, lambda number, _: child.send_signal(number))
    code = child.wait()
    try:
        modes = termios.tcgetattr(0)[3]
    except termios.error:
        modes = None
    else:
        words = [word for word, bit in (("echo", termios.ECHO), ("icanon", termios.ICANON)) if modes & bit]
        (folder / "modes").write_text(" ".join(words))
    (folder / "code.new").write_text(str(code))
    (folder / "code.new").rename(folder / "code")
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    while modes is not None:
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
