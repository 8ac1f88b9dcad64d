"""A site with users: its pages behind nginx, as the README tells a site to be."""

import os
import shutil
import threading
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from string import Template
from urllib.parse import quote

from .certificates import Certificates
from .processes import Program, free_port

NGINX = Template("""\
daemon off;
pid $folder/nginx.pid;
error_log $logs/nginx-error.log info;
worker_processes 1;
$user
events { worker_connections 64; }
http {
    access_log $logs/nginx-access.log combined;
    client_body_temp_path $folder/body;
    proxy_temp_path $folder/proxy;
    fastcgi_temp_path $folder/fastcgi;
    uwsgi_temp_path $folder/uwsgi;
    scgi_temp_path $folder/scgi;
    server {
        listen 127.0.0.1:$port ssl;
        ssl_certificate $certificate;
        ssl_certificate_key $key;
        location /handoff/ { proxy_pass http://unix:$socket; }
        location / { proxy_pass http://127.0.0.1:$application; }
    }
}
""")

# With a ticket the widget is opened once the image has settled, whether there was an image in it or not.
PAGE = Template("""<!doctype html>
<meta charset="utf-8">
<title>uploads of $user</title>
<p id="widget">waiting</p>
$image
<script>
    addEventListener("message", (event) => {
        const widget = document.getElementById("widget");
        widget.textContent = event.data;
        widget.dataset.said = "yes";
    });
    function openWidget() {
        const frame = document.createElement("iframe");
        frame.src = "$widget";
        document.body.append(frame);
    }
    const handoff = document.getElementById("handoff");
    if (handoff && !handoff.complete) handoff.onload = handoff.onerror = openWidget; else openWidget();
</script>
""")


class Site:
    """`https://site.example:PORT/USER` is that user's page, `/guest` nobody's.

    `ticket` says with what image a user's page begins, if with any.
    """

    def __init__(
        self,
        folder: Path,
        logs: Path,
        certificates: Certificates,
        handoff_socket: Path,
        widget: str,
        ticket: Callable[[str], str | None],
    ) -> None:
        folder.mkdir(parents=True)
        handler = type("Handler", (_Page,), {"ticket": staticmethod(ticket), "widget": widget})
        self._application = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._application.daemon_threads = True
        threading.Thread(target=self._application.serve_forever, daemon=True).start()
        self.port = free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            NGINX.substitute(
                folder=folder,
                logs=logs,
                # Only root may name another user, and then its workers must reach the test's folders.
                user="user root;" if os.geteuid() == 0 else "",
                port=self.port,
                certificate=certificates.certificate,
                key=certificates.key,
                socket=handoff_socket,
                application=self._application.server_address[1],
            )
        )
        self.access_log = logs / "nginx-access.log"
        program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
        assert program, "nginx is not there; Tests/run installs it"
        self._nginx = Program("nginx", [program, "-e", logs / "nginx-start.log", "-c", configuration], logs)
        self._nginx.wait_until_listening(self.port)

    def stop(self) -> None:
        self._nginx.stop()
        self._application.shutdown()
        self._application.server_close()


class _Page(BaseHTTPRequestHandler):
    ticket: Callable[[str], str | None]
    widget: str

    def do_GET(self) -> None:
        user = self.path.lstrip("/")
        if user not in ("alice", "bob", "guest"):
            return self.send_error(404)
        path = None if user == "guest" else self.ticket(user)
        image = f'<img id="handoff" src="{escape(quote(path))}" alt="" width="1" height="1">' if path else ""
        content = PAGE.substitute(user=user, image=image, widget=self.widget).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *_: object) -> None:
        """nginx writes them down."""
