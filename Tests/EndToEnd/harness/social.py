"""A strict stand-in for the third party's social host: what the fact sheet knows of it, and nothing more forgiving."""

import hashlib
import json
import secrets
import ssl
import threading
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from .certificates import Certificates

SOURCES = ("gdrive", "dropbox")
PARAMETERS = {"public_key", "access_token", "token_type"}
# A frame of the widget: asks whose session this browser has, and tells the page around it.
WINDOW = """<!doctype html><title>window</title><script>
fetch("/{source}/source/root", {{credentials: "include"}})
    .then((answer) => answer.json())
    .then((answer) => parent.postMessage(answer.session || answer.error, "*"));
</script>"""


def session_name(access_token: str) -> str:
    """By what a session is known without telling its token."""
    return "session-" + hashlib.sha256(access_token.encode()).hexdigest()[:16]


@dataclass
class Seen:
    """What reached the host, for a test to look at."""

    set_keys: list[str] = field(default_factory=list)
    cookies: list[str | None] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    # Those of `set_keys`, and any with a query in it; the query itself is left out.
    referrers: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)


class Social:
    """One host on loopback; `fail` makes the next answers to DELETE this status."""

    def __init__(self, certificates: Certificates) -> None:
        self.seen = Seen()
        self.sessions: dict[str, str] = {}
        self.fail: list[int] = []
        self._lock = threading.Lock()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificates.certificate, certificates.key)
        handler = type("Handler", (_Handler,), {"social": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, source: str, rest: str, query: str, cookie: str | None) -> tuple[int, dict, str]:
        """The status, headers and body for one request to `/{source}/{rest}`."""
        with self._lock:
            match (method, rest):
                case ("GET", "set_keys"):
                    return self._set_keys(source, query, cookie)
                case ("GET", "source/root"):
                    session = self.sessions.get(cookie or "")
                    told = {"session": session} if session else {"obj_type": "error", "error": "nobody is logged in"}
                    return 200, {}, json.dumps(told)
                case ("DELETE", "session"):
                    if self.fail:
                        return self.fail.pop(0), {}, ""
                    session = self.sessions.pop(cookie or "", None)
                    if session is None:
                        return 404, {}, json.dumps({"obj_type": "error", "error": "no such session"})
                    self.seen.ended.append(session)
                    return 204, {}, ""
        return 404, {}, ""

    def _set_keys(self, source: str, query: str, cookie: str | None) -> tuple[int, dict, str]:
        parameters = parse_qs(query, keep_blank_values=True, strict_parsing=True)
        if set(parameters) != PARAMETERS or any(len(values) != 1 for values in parameters.values()):
            self.seen.refused.append("other parameters than the three, each once")
            return 400, {}, json.dumps({"obj_type": "error", "error": "bad parameters"})
        if parameters["public_key"] != ["demopublickey"] or parameters["token_type"] != ["Bearer"]:
            self.seen.refused.append("another public key or type")
            return 400, {}, json.dumps({"obj_type": "error", "error": "bad values"})
        name = session_name(parameters["access_token"][0])
        self.seen.set_keys.append(name)
        self.seen.cookies.append(self.sessions.get(cookie or ""))
        # A visitor who is known keeps the session; anybody else begins one.
        key = cookie if cookie in self.sessions else "canary-session-" + secrets.token_hex(16)
        self.sessions[key] = name
        attributes = f"Path=/{source}/; Max-Age=31536000; Secure; HttpOnly; SameSite=None"
        return 200, {"Set-Cookie": f"auth={key}; {attributes}"}, "{}"


class _Handler(BaseHTTPRequestHandler):
    social: Social
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def _answer(self) -> None:
        target = urlsplit(self.path)
        first, _, rest = target.path.lstrip("/").partition("/")
        if first == "window4" and rest in SOURCES:
            return self._send(200, {"Content-Type": "text/html"}, WINDOW.format(source=rest))
        if first not in SOURCES:
            return self._send(404, {}, "")
        if (referrer := self.headers.get("Referer")) and (rest == "set_keys" or "?" in referrer):
            self.social.seen.referrers.append(referrer.partition("?")[0])
        answer = self.social.answer(self.command, first, rest, target.query, self._cookie())
        return self._send(*answer)

    def _cookie(self) -> str | None:
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get("auth")
        except CookieError:
            return None
        return morsel.value if morsel else None

    def _send(self, status: int, headers: dict[str, str], body: str) -> None:
        content = body.encode()
        self.send_response(status)
        fields = {"Content-Type": "application/json", "Cache-Control": "no-store", **headers}
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Says nothing: its addresses hold tokens."""
