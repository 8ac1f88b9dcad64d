"""The practice provider as a process: grants, faults, and the judge's record."""

import json
from pathlib import Path
from typing import Any

import requests

from .processes import Program, free_port

Fault = dict[str, Any]


def status(code: int, body: str | None = None, **more: Any) -> Fault:
    fault = {"kind": "status", "status": code, **more}
    return fault if body is None else {**fault, "body": body}


def oauth_error(error: str, code: int = 400, **more: Any) -> Fault:
    return status(code, json.dumps({"error": error}), **more)


FOREVER = {"times": 0}


class Practice:
    """One server. Its directory and import lines hold tokens and keys, so they are private."""

    def __init__(self, binaries: Path, private: Path, logs: Path, *, is_plain: bool = False) -> None:
        """With `is_plain` it speaks http without TLS, which costs a debug build most of what a redeem does."""
        private.mkdir(parents=True, exist_ok=True)
        port = free_port()
        self.url = f"{'http' if is_plain else 'https'}://127.0.0.1:{port}"
        self.authority = None if is_plain else private / "ca.pem"
        self._private = private
        self._secrets: dict[str, str] = {}
        words = ["--plain-http"] if is_plain else ["--directory", private]
        self._program = Program(
            private.name, [binaries / "refresh-practice", "serve", "--port", str(port), *words], logs
        )
        self._program.wait_until_listening(port)
        self._http = requests.Session()
        self._http.verify = self.authority is None or str(self.authority)
        self._http.trust_env = False

    @property
    def trust(self) -> dict[str, Any]:
        """What a client's table says, so that the daemon trusts this server."""
        return {"insecure_loopback": True} if self.authority is None else {"ca_file": self.authority}

    @property
    def token_endpoint(self) -> str:
        return f"{self.url}/oauth2/token"

    def stop(self) -> None:
        self._http.close()
        self._program.stop()

    def add_client(self, name: str, method: str = "client_secret_basic", *, has_secret: bool = True) -> str:
        """Registers a client and returns its secret, which is empty for a public one."""
        secret = f"canary-secret-{name}" if has_secret else ""
        self._post("clients", {"id": name, "method": method, **({"secret": secret} if has_secret else {})})
        self._secrets[name] = secret
        return secret

    def add_grants(self, client: str, count: int = 1, **terms: Any) -> Path:
        """Makes `client/PREFIX1…` and returns the file of import lines.

        The terms are the server's own names: `prefix`, `lifetime`, `rotation`, `blast`, …
        """
        answer = self._post("grants", {"client": client, "count": count, **terms})
        lines = self._private / f"import-{client}-{terms.get('prefix', 'user-')}.jsonl"
        lines.write_bytes(answer.content)
        lines.chmod(0o600)
        return lines

    def fault(self, endpoint: str, *faults: Fault, **scope: str) -> None:
        """Queues faults for a whole endpoint, or for one client, account or storage key of it."""
        self._post("faults", {"endpoint": endpoint, **scope, "faults": list(faults)})

    def clear_faults(self) -> None:
        self._http.delete(f"{self.url}/practice/faults", timeout=20).raise_for_status()

    def revoke(self, account: str) -> None:
        self._post("revoke", {"account": account})

    def advance(self, seconds: float) -> None:
        """Moves the provider's clock, and nobody else's."""
        self._post("clock", {"advance": seconds})

    def consents(self, **habits: Any) -> None:
        """How people and codes behave from now on: `denies`, `code_lifetime`, `device_lifetime`, `interval`, …"""
        self._post("consents", habits)

    def decide(self, user_code: str, approve: bool) -> None:
        """The person at the other device says yes or no."""
        self._post("device", {"user_code": user_code, "approve": approve})

    def release(self) -> None:
        self._post("release", {})

    def grant(self, account: str) -> dict[str, Any]:
        """One account's record; what the sink has never seen is `None`, not absent."""
        return {"sink_last_generation": None, **self._get("grant", account=account).json()}

    def grants(self) -> dict[str, dict[str, Any]]:
        """Every account's record."""
        records = (json.loads(line) for line in self._get("grants").text.splitlines() if line)
        return {record["account"]: {"sink_last_generation": None, **record} for record in records}

    def summary(self) -> dict[str, Any]:
        return self._get("summary").json()

    def deliveries(self) -> list[dict[str, Any]]:
        return self._get("deliveries").json()

    def accepts(self, client: str, access_token: str) -> bool:
        """Asks the judge about a token; asking is no use of it and spends nothing."""
        answer = self._http.post(
            f"{self.url}/oauth2/introspect",
            data={"token": access_token},
            auth=(client, self._secrets[client]),
            timeout=20,
        )
        answer.raise_for_status()
        return bool(answer.json()["active"])

    def _get(self, what: str, **query: str) -> requests.Response:
        answer = self._http.get(f"{self.url}/practice/{what}", params=query, timeout=30)
        answer.raise_for_status()
        return answer

    def _post(self, what: str, body: dict[str, Any]) -> requests.Response:
        answer = self._http.post(f"{self.url}/practice/{what}", json=body, timeout=60)
        assert answer.ok, f"{what}: {answer.status_code}"
        return answer
