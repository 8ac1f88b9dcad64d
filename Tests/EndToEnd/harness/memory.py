"""What a running process has in its memory, read as root."""

import re
from collections.abc import Iterator
from pathlib import Path

_MAPPING = re.compile(r"([0-9a-f]+)-([0-9a-f]+) rw..")


def writable_memory(pid: int) -> Iterator[bytes]:
    """Each writable mapping, one after the other while the process runs on."""
    process = Path(f"/proc/{pid}")
    with (process / "mem").open("rb", buffering=0) as memory:
        for line in (process / "maps").read_text().splitlines():
            if mapping := _MAPPING.match(line):
                begin, end = (int(digits, 16) for digits in mapping.groups())
                try:
                    memory.seek(begin)
                    yield memory.read(end - begin)
                except (OSError, OverflowError):
                    # Unmapped meanwhile, or never to be read, as secret memory is.
                    continue
