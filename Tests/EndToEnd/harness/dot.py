"""The django-oauth-toolkit server as a process, and what a test does at it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import requests

from .certificates import make_certificates
from .processes import Program, free_port

END_TO_END = Path(__file__).resolve().parent.parent


class DotServer:
    """One server over HTTPS on loopback.

    Its state and its import lines legitimately hold tokens, so they live in `private`; its logs hold
    none, so they are artefacts.
    """

    def __init__(self, private: Path, logs: Path, clients: dict[str, str], access_seconds: int) -> None:
        private.mkdir(parents=True, exist_ok=True)
        self._clients = clients
        self._certificates = make_certificates(private / "tls")
        self._environment = {
            "DOT_STATE": str(private),
            "DOT_ACCESS_SECONDS": str(access_seconds),
            "PYTHONPATH": str(END_TO_END),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._manage("prepare", given=clients)
        self.port = free_port()
        self._access_log = logs / "dot-access.log"
        self._program = Program(
            "dot",
            [
                sys.executable, "-m", "gunicorn",
                "--bind", f"127.0.0.1:{self.port}",
                "--workers", "1", "--threads", "8", "--no-control-socket",
                "--certfile", self._certificates.certificate,
                "--keyfile", self._certificates.key,
                "--access-logfile", self._access_log,
                # Method, path without query, status: no word of a request's body or headers.
                "--access-logformat", "%(m)s %(U)s %(s)s",
                "dot_server.wsgi",
            ],
            logs,
            self._environment,
            private,
        )  # fmt: skip
        self._program.wait_until_listening(self.port)

    @property
    def base(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def token_endpoint(self) -> str:
        return f"{self.base}/o/token/"

    @property
    def authority(self) -> Path:
        return self._certificates.authority

    def stop(self) -> None:
        self._program.stop()

    def grant(self, client_id: str, user: str) -> dict[str, object]:
        """Returns a token endpoint's answer for a fresh consent."""
        return self._manage("grant", client_id, user)

    def revoke(self, client_id: str, user: str) -> int:
        return self._manage("revoke", client_id, user)["revoked"]

    def grants(self, client_id: str, user: str) -> dict[str, int]:
        return self._manage("grants", client_id, user)

    def token_requests(self) -> list[int]:
        """The status of every request to the token endpoint so far, in order."""
        lines = self._access_log.read_text().splitlines() if self._access_log.exists() else []
        requests = (line.split() for line in lines)
        return [
            int(status) for method, path, status in requests if method == "POST" and path.rstrip("/").endswith("/token")
        ]

    def introspect(self, client_id: str, access_token: str) -> dict[str, object]:
        """Asks the server itself what it thinks of a token (RFC 7662), as the client that is named."""
        answer = requests.post(
            f"{self.base}/o/introspect/",
            data={"token": access_token},
            # Form-encoded inside the header, as RFC 6749 §2.3.1 has it: a secret may hold a colon.
            auth=(quote(client_id, safe=""), quote(self._clients[client_id], safe="")),
            verify=str(self.authority),
            timeout=20,
        )
        assert answer.status_code == 200, answer.status_code
        return answer.json()

    def _manage(self, *words: str, given: object = None) -> dict:
        done = subprocess.run(
            [sys.executable, "-m", "dot_server.manage", *words],
            check=False,
            input=json.dumps(given),
            env={**os.environ, **self._environment},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)
