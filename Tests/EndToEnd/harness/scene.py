"""What most tests begin with: a daemon and a practice provider."""

from typing import Any

from .daemon import Daemon
from .practice import Practice


class Scene:
    """A daemon and a practice provider that know the same clients."""

    def __init__(self, daemon: Daemon, practice: Practice) -> None:
        self.daemon = daemon
        self.practice = practice

    def client(self, name: str = "demo", method: str = "client_secret_basic", **more: Any) -> None:
        secret = self.practice.add_client(name, method)
        self.daemon.add_client(
            name,
            secret,
            token_endpoint=self.practice.token_endpoint,
            token_endpoint_auth_method=method,
            **self.practice.trust,
            **more,
        )

    def authorizing_client(self) -> None:
        """The client `demo`, with the provider's own pages for authorizations."""
        url = self.practice.url
        self.client(
            authorization_endpoint=f"{url}/oauth2/authorize",
            device_authorization_endpoint=f"{url}/oauth2/device",
            issuer=url,
            scopes=["files.read"],
        )

    def sink(self, *clients: str, name: str = "uploads", **more: Any) -> None:
        self.daemon.add_sink(
            name, url=self.practice.url, ca_file=self.practice.authority, clients=list(clients), **more
        )

    def grants(self, client: str = "demo", count: int = 1, **terms: Any) -> list[str]:
        """Makes grants, imports them, and returns the accounts' names."""
        self.daemon.import_file(self.practice.add_grants(client, count, **terms))
        prefix = terms.get("prefix", "user-")
        return [f"{client}/{prefix}{number}" for number in range(1, count + 1)]
