"""Waiting for facts: a condition is asked again and again until a deadline, never slept for."""

import time
from collections.abc import Callable
from typing import TypeVar

Value = TypeVar("Value")


class NeverHappened(AssertionError):
    """A fact did not come about before its deadline."""


def eventually(fact: Callable[[], Value], *, within: float = 20, every: float = 0.05, about: str = "") -> Value:
    """Returns the first true value of `fact`.

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


def stays(fact: Callable[[], object], *, during: float, every: float = 0.1, about: str = "") -> None:
    """Checks that `fact` holds for the whole of a span: for claims that something does not happen."""
    deadline = time.monotonic() + during
    while time.monotonic() < deadline:
        assert fact(), f"did not stay so: {about or fact}"
        time.sleep(every)
