"""Secrets in a test's hands, which a failing assertion must not print."""


class Hidden(str):
    """A text that is itself in every use but the one: being shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "‹hidden›"
