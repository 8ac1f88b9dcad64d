#!/usr/bin/env python3
"""Searches everything a test run left behind for the text that every secret of it contains.

    canary.py DIR...

Exit code 0: searched, and nothing found. 1: found, or nothing there to search. Needs no packages.
"""

import base64
import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

CANARY = b"canary-"

BLOCK = 64 << 10
ZEROS = bytes(BLOCK)


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
    """Looks through files, and counts what it has looked at.

    Most of what a run leaves is room that a journal has taken and not written yet. A block of zeros holds no guise, but
    for its ends: those in UTF-16 begin or end with a zero.
    """

    def __init__(self, text: bytes = CANARY) -> None:
        self._forms = {form: name for name, form in forms(text).items()}
        self._reach = max(map(len, self._forms)) - 1
        self.files = 0
        self.bytes = 0
        self.found: list[str] = []

    def folder(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*")):
            # Sockets and pipes hold nothing, and a link's target is searched where it is.
            if path.is_file() and not path.is_symlink():
                self.file(path)

    def file(self, path: Path) -> None:
        self.files += 1
        with path.open("rb", buffering=0) as opened:
            self.bytes += os.fstat(opened.fileno()).st_size
            if first := self._first(opened.fileno()):
                place, form = first
                # Where, and in which guise; never what stands beside it.
                self.found.append(f"{path}: {self._forms[form]}, at byte {place}")

    def _first(self, file: int) -> tuple[int, bytes] | None:
        # What of the blocks before may be the beginning of a guise.
        tail = b""
        for offset, block in _blocks(file):
            # `==` compares as fast as memory is read, which none of the searches below does.
            is_empty = block == ZEROS[: len(block)]
            window = tail + (block[: self._reach] if is_empty else block)
            if any(window) and (hits := [(at, form) for form in self._forms if (at := window.find(form)) >= 0]):
                at, form = min(hits)
                return offset - len(tail) + at, form
            tail = (tail + block)[-self._reach :]
        return None


def _blocks(file: int) -> Iterator[tuple[int, bytes]]:
    """Each block of a file with its place; of a hole no more than the first and the last."""
    offset, end = 0, os.fstat(file).st_size
    while offset < end:
        data = _next_data(file, offset, end)
        if data - offset > 2 * BLOCK:
            yield offset, ZEROS
            yield data - BLOCK, ZEROS
            offset = data
            continue
        block = os.pread(file, BLOCK, offset)
        if not block:
            return
        yield offset, block
        offset += len(block)


def _next_data(file: int, offset: int, end: int) -> int:
    """Where a file next holds anything, at or behind a place; that place itself where nobody knows."""
    try:
        return os.lseek(file, offset, os.SEEK_DATA)
    except OSError as error:
        return end if error.errno == errno.ENXIO else offset


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
            for place in _places(len(guise)):
                # Between zeros one guise in UTF-16 is also the other: so each side has zeros alone, too.
                for before, after in (b"\x00\x00", b"\x00\xff", b"\xff\x00", b"\xff\xff"):
                    planted.write_bytes(bytes([before]) * place + guise + bytes([after]) * 5000)
                    _prove_found(planted, f"{name} at {place}")
            for place in (16 * BLOCK, 17 * BLOCK - 1, 17 * BLOCK - len(guise), 17 * BLOCK - len(guise) + 1):
                for before, after in (b"", b""), (b"\xff", b""), (b"", b"\xff"):
                    with planted.open("wb") as sparse:
                        sparse.truncate(32 * BLOCK)
                        sparse.seek(place - len(before))
                        sparse.write(before + guise + after)
                    _prove_found(planted, f"{name} at {place} between holes")
            # Its last byte is in the hole behind it, or its first in the one before: files end and begin so.
            for hole in ("behind", "before"):
                with planted.open("wb") as sparse:
                    sparse.truncate(32 * BLOCK)
                    if hole == "behind":
                        sparse.seek(17 * BLOCK - 5000)
                        sparse.write((b"\xff" * 5000 + guise.rstrip(b"\x00"))[-5000:])
                    else:
                        sparse.seek(17 * BLOCK)
                        sparse.write(guise.lstrip(b"\x00") + b"\xff" * 5000)
                _prove_found(planted, f"{name} with a hole {hole} it")
        for innocent in (b"a canary sang; canaries do. " * 10_000, bytes(3 * BLOCK), b""):
            planted.write_bytes(innocent)
            search = Search()
            search.folder(Path(scratch))
            if search.found or search.bytes != len(innocent):
                raise SystemExit("canary: the search finds what is not there")


def _places(length: int) -> list[int]:
    """Where a guise may stand that a search in blocks might cut: at every seam, and away from them."""
    return [0, 5000, *range(BLOCK - length, BLOCK + 1), 2 * BLOCK - 1]


def _prove_found(planted: Path, where: str) -> None:
    search = Search()
    search.folder(planted.parent)
    if len(search.found) != 1:
        raise SystemExit(f"canary: the search is blind for {where}")


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
