"""Doing something as another user of this machine."""

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

# No user of any machine, and not the overflow uid, which no rule may name.
OUTSIDER = 54321


def as_user(uid: int, gid: int, action: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Runs `action` in a forked child with these ids and no further groups; needs root.

    Forked, because the interpreter may lie where another user cannot read it.
    """
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe(duplex=False)

    def child() -> None:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        try:
            there.send((True, action(*arguments, **named)))
        except BaseException as error:
            there.send((False, f"{type(error).__name__}: {error}"))

    process = context.Process(target=child)
    process.start()
    there.close()
    try:
        succeeded, value = here.recv() if here.poll(60) else (False, "no answer from the child")
    except EOFError:
        succeeded, value = False, "the child ended without an answer"
    process.join(10)
    if process.is_alive():
        process.kill()
        process.join()
    if not succeeded:
        raise RuntimeError(value)
    return value


def others_can_run(path: Path) -> bool:
    """Whether a user without any rights here may run a program, or enter a folder, through all above it."""
    return all(os.stat(step).st_mode & 0o001 for step in [path, *path.parents])
