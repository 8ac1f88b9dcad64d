"""A person with a browser, who goes where a program sends them and comes back with what was found there."""

import re
from pathlib import Path
from urllib.parse import urlencode

import requests

from .hidden import Hidden


class Person:
    def __init__(self, authority: Path) -> None:
        self._http = requests.Session()
        self._http.verify = str(authority)
        self._http.trust_env = False

    def visit(self, url: str, **more: str) -> Hidden:
        """Opens an authorization address; where the browser is sent then. `login_hint` says as whom."""
        answer = self._open(url, more)
        assert answer.status_code == 302, f"the authorization endpoint answers {answer.status_code}"
        return Hidden(answer.headers["Location"])

    def read_code(self, url: str, **more: str) -> Hidden:
        """Opens an authorization address; the code that the page shows."""
        answer = self._open(url, more)
        assert answer.status_code == 200, f"the authorization endpoint answers {answer.status_code}"
        shown = re.search(r"<code>([^<]+)</code>", answer.text)
        assert shown, "the page shows no code"
        return Hidden(shown[1])

    def come_back(self, address: str) -> int:
        """Follows the browser's way back to a program on this machine; the status of the page it gets."""
        return self._http.get(address, timeout=30).status_code

    def close(self) -> None:
        self._http.close()

    def _open(self, url: str, more: dict[str, str]) -> requests.Response:
        full = f"{url}&{urlencode(more)}" if more else url
        return self._http.get(full, timeout=30, allow_redirects=False)
