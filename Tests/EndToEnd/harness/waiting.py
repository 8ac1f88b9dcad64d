"""Waiting for facts: a condition is asked again and again until a deadline, never slept for."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class NeverHappened(AssertionError):
    """A fact did not come about before its deadline."""


def eventually(fact: Callable[[], Value], *, within: float = 60, every: float = 0.05, about: str = "") -> Value:
    """Returns the first true value of `fact`.

    `within` is for what never happens: on a busy machine everything takes its time, and that is no failure.

    A failed assertion inside `fact` counts as "not yet"; the last one is told when time runs out.
    """
    deadline = time.monotonic() + within
    last: object = None
    while True:
        try:
            value = fact()
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        if time.monotonic() >= deadline:
            raise NeverHappened(f"not within {within:g} s: {about or fact}; last: {last!r}")
        time.sleep(every)


def settles(left: Callable[[], int], *, stalled: float = 180, every: float = 0.5, about: str = "") -> None:
    """Returns when nothing is left to be done; fails when none of it was done for `stalled` seconds.

    For much work on a machine that may be busy: how long all of it takes says nothing.
    """
    least = None
    while (now := left()) > 0:
        if least is None or now < least:
            least, since = now, time.monotonic()
        elif time.monotonic() - since > stalled:
            raise NeverHappened(f"nothing moved for {stalled:g} s: {about or left}; left: {now}")
        time.sleep(every)


def stays(fact: Callable[[], object], *, during: float, every: float = 0.1, about: str = "") -> None:
    """Checks that `fact` holds for the whole of a span: for claims that something does not happen."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        assert fact(), f"did not stay so: {about or fact}"
        time.sleep(every)
