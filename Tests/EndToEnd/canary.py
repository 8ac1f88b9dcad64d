#!/usr/bin/env python3
"""Searches everything a test run left behind for the text that every secret of it contains.

    canary.py DIR...

Exit code 0: searched, and nothing found. 1: found, or nothing there to search. Needs no packages.
"""

import base64
import mmap
import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

CANARY = b"canary-"


def base64_core(text: bytes, shift: int) -> bytes:
    """What of the base64 of `text` is the same whatever stands around it, with `shift` bytes before it."""
    low, high = (base64.b64encode(filler * shift + text + filler * 3) for filler in (b"\x00", b"\xff"))
    same = [left if left == right else 0 for left, right in zip(low, high, strict=False)]
    return max(bytes(same).split(b"\x00"), key=len)


def forms(text: bytes) -> dict[str, bytes]:
    """The guises in which a text may have been written down, each with its name."""
    plain = text.decode()
    percent = "".join(f"%{byte:02X}" for byte in text)
    return {
        "plain": text,
        **{f"base64, shifted by {shift}": base64_core(text, shift) for shift in range(3)},
        "percent-encoded": percent.encode(),
        "percent-encoded, lower case": percent.lower().encode(),
        "percent-encoded where not a letter": quote(plain[:-1]).encode() + b"%2D",
        "percent-encoded where not a letter, lower case": quote(plain[:-1]).encode() + b"%2d",
        "UTF-16, little end first": plain.encode("utf-16-le"),
        "UTF-16, big end first": plain.encode("utf-16-be"),
        "hexadecimal": text.hex().encode(),
        "hexadecimal, upper case": text.hex().upper().encode(),
    }


class Search:
    """Looks through files, and counts what it has looked at."""

    def __init__(self, text: bytes = CANARY) -> None:
        self._forms = {form: name for name, form in forms(text).items()}
        self._pattern = re.compile(b"|".join(re.escape(form) for form in self._forms))
        self.files = 0
        self.bytes = 0
        self.found: list[str] = []

    def folder(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            # Sockets and pipes hold nothing, and a link's target is searched where it is.
            if path.is_file() and not path.is_symlink():
                self.file(path)

    def file(self, path: Path) -> None:
        size = path.stat().st_size
        self.files += 1
        self.bytes += size
        if size == 0:
            return
        with path.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
            if match := self._pattern.search(content):
                # Where, and in which guise; never what stands beside it.
                self.found.append(f"{path}: {self._forms[match.group()]}, at byte {match.start()}")


def prove() -> None:
    """Shows that each guise is found and that innocent bytes are not: a blind search also finds nothing."""
    secret = CANARY + b"at-17"
    guises = {
        **forms(CANARY),
        **{
            f"a basic credential after {before} letters": base64.b64encode(b"x" * before + b":" + secret)
            for before in range(6)
        },
    }
    with tempfile.TemporaryDirectory(prefix="canary-proof-") as scratch:
        planted = Path(scratch) / "planted"
        for name, guise in guises.items():
            planted.write_bytes(b"\x00" * 5000 + guise + b"\xff" * 5000)
            search = Search()
            search.folder(Path(scratch))
            if len(search.found) != 1:
                raise SystemExit(f"canary: the search is blind for {name}")
        planted.write_bytes(b"a canary sang; canaries do. " * 100)
        search = Search()
        search.folder(Path(scratch))
        if search.found:
            raise SystemExit("canary: the search finds what is not there")


def main(folders: list[str]) -> int:
    if not folders:
        print(__doc__, file=sys.stderr)
        return 2
    prove()
    search = Search()
    for folder in map(Path, folders):
        if not folder.is_dir():
            print(f"canary: {folder} is no folder", file=sys.stderr)
            return 1
        search.folder(folder)
    print(f"canary: searched {search.files} files, {search.bytes} bytes in {len(forms(CANARY))} guises")
    for line in search.found:
        print(f"canary: found in {line}")
    if search.found:
        print(f"canary: secrets in {len(search.found)} files", file=sys.stderr)
        return 1
    if search.bytes == 0:
        print("canary: nothing was there to be searched", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
