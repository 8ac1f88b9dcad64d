"""The control socket, through a varlink client that nobody of this project wrote."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import varlink

from .hidden import Hidden

INTERFACE = "org.refreshd.Control"


@dataclass(frozen=True)
class Served:
    """One answer of GetToken."""

    access_token: Hidden
    token_type: str
    expires_at: int | None
    generation: int
    warning: str | None


class Control:
    """One connection; methods of the interface are attributes, as the library makes them."""

    def __init__(self, path: Path, timeout: float = 30) -> None:
        # The client is made without an address, for with one it connects at once, without a time limit.
        self._client = varlink.Client()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(str(path))
        self.interface = self._client.get_interface(INTERFACE, socket_connection=self._socket)
        self._handler = self._client.open(INTERFACE, connection=self._socket)

    def __enter__(self) -> "Control":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getattr__(self, method: str) -> Any:
        return getattr(self._handler, method)

    def close(self) -> None:
        with suppress(OSError):
            self._handler.close()

    def token(self, account: str, min_valid: int | None = None) -> Served:
        answer = self._handler.GetToken(account, min_valid)
        token = answer["token"]
        return Served(
            Hidden(token["access_token"]),
            token["token_type"],
            token.get("expires_at"),
            token["generation"],
            answer.get("warning"),
        )

    def show(self, account: str) -> dict[str, Any]:
        return self._handler.Show(account)["account"]

    def accounts(self, **filters: Any) -> list[dict[str, Any]]:
        return [answer["account"] for answer in self._handler.List(_more=True, **filters) if "account" in answer]

    def events(self, **filters: Any) -> Iterator[dict[str, Any]]:
        """Follows the daemon; ends with `TimeoutError` when nothing comes within the connection's limit."""
        for answer in self._handler.Watch(_more=True, **filters):
            yield answer["event"]

    def service(self) -> Any:
        """The methods of `org.varlink.service` on this connection."""
        return self._client.open("org.varlink.service", connection=self._socket)


@contextmanager
def error_named(name: str) -> Iterator[list[varlink.VarlinkError]]:
    """Expects exactly one of the interface's errors, named in full or within our interface."""
    full = name if "." in name else f"{INTERFACE}.{name}"
    caught: list[varlink.VarlinkError] = []
    try:
        yield caught
    except varlink.VarlinkError as error:
        caught.append(error)
    names = [error.error() for error in caught]
    assert names == [full], f"{names or 'no error'} instead of {full}"
