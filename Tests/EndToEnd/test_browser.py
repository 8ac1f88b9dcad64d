"""A token that is handed off reaches the browser of its owner, and nothing and nobody else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from canary import Search
from harness.browser import Browser
from harness.certificates import make_certificates
from harness.control import error_named
from harness.scene import Scene
from harness.site import Site
from harness.social import Social, session_name

ACCOUNTS = {"alice": "demo/user-1", "bob": "demo/user-2"}
NOBODY = "nobody is logged in"
pytestmark = pytest.mark.timeout(420)


@dataclass
class Stage:
    scene: Scene
    social: Social
    site: Site
    certificates_authority: Path

    def address(self, user: str) -> str:
        return f"https://site.example:{self.site.port}/{user}"

    def session(self, user: str) -> str:
        """How the social host knows the session of this user's newest token."""
        with self.scene.daemon.control() as control:
            return session_name(control.token(ACCOUNTS[user]).access_token)

    def delivery(self, user: str) -> tuple[str, int | None]:
        [delivery] = self.scene.daemon.show(ACCOUNTS[user])["deliveries"]
        return delivery["state"], delivery.get("generation")

    def ticket(self, user: str) -> str:
        with self.scene.daemon.control() as control:
            return control.IssueHandoff(ACCOUNTS[user])["path"]

    def handoff(self, path: str, method: str = "GET") -> requests.Response:
        return requests.request(
            method,
            f"https://127.0.0.1:{self.site.port}{path}",
            verify=str(self.certificates_authority),
            allow_redirects=False,
            timeout=20,
        )


@pytest.fixture
def stage(scene: Scene, folder: Path, private: Path) -> Iterator[Stage]:
    certificates = make_certificates(private / "tls")
    social = Social(certificates)
    socket = scene.daemon.socket.with_name("handoff.sock")
    scene.client()
    scene.daemon.configuration["handoff"] = {"socket": socket}
    scene.daemon.add_sink(
        "uploads",
        url=f"https://social.example:{social.port}",
        ca_file=certificates.authority,
        clients=["demo"],
        delivery="handoff",
    )
    # What the practice provider grants is not what Google Drive's key needs.
    scene.daemon.configuration["sinks"]["uploads"] |= {"storage_key": "gdrive", "missing_permissions": "deliver"}
    scene.daemon.start()
    scene.grants(count=2)

    def ticket(user: str) -> str | None:
        """What a site does: an image with a ticket while the browser's copy is not the newest."""
        with scene.daemon.control() as control:
            [delivery] = control.show(ACCOUNTS[user])["deliveries"]
            return control.IssueHandoff(ACCOUNTS[user])["path"] if delivery["state"] == "pending" else None

    site = Site(
        private / "site",
        folder,
        certificates,
        socket,
        f"https://social.example:{social.port}/window4/gdrive",
        ticket,
    )
    try:
        yield Stage(scene, social, site, certificates.authority)
    finally:
        site.stop()
        social.stop()


def test_each_browser_has_the_session_of_its_own_users_newest_token(stage, private, folder):
    with Browser(private / "alice", "alice", folder) as alice, Browser(private / "bob", "bob", folder) as bob:
        assert stage.delivery("alice") == ("pending", None)
        assert alice.widget(stage.address("alice")) == stage.session("alice")
        assert stage.delivery("alice") == ("handoff", 1)
        assert stage.delivery("bob") == ("pending", None)
        assert bob.widget(stage.address("guest")) == NOBODY, "what one browser was given, no other has"

        assert bob.widget(stage.address("bob")) == stage.session("bob")
        first = stage.session("alice")
        assert stage.session("bob") != first

        assert stage.scene.daemon.renew(ACCOUNTS["alice"]) == 2
        assert stage.session("alice") != first
        assert stage.delivery("alice") == ("pending", 1), "the browser's copy is old, and the site is told"
        assert alice.widget(stage.address("alice")) == stage.session("alice")
        assert stage.delivery("alice") == ("handoff", 2)
        assert bob.widget(stage.address("bob")) == stage.session("bob"), "a page without a ticket changes nothing"

    seen = stage.social.seen
    assert seen.refused == []
    assert seen.cookies == [None, None, first], "the second load came from a browser that was known"
    assert seen.referrers == []
    tickets = [line for line in stage.site.access_log.read_text().splitlines() if " /handoff/" in line]
    assert len(tickets) == 3

    # The pages as the browsers had them, nginx's logs and the daemon's are among the artefacts.
    search = Search()
    search.folder(folder)
    assert search.files > 5
    assert search.found == []


def test_a_ticket_works_once_for_whoever_comes_first(stage):
    path = stage.ticket("alice")
    assert stage.handoff(path, "HEAD").status_code == 405
    first = stage.handoff(path)
    assert first.status_code == 302
    assert first.headers["Cache-Control"] == "no-store"
    assert first.headers["Referrer-Policy"] == "no-referrer"
    leads_on = first.headers["Location"].startswith(f"https://social.example:{stage.social.port}/gdrive/set_keys?")
    assert leads_on, "the redirect leads elsewhere"
    again, unknown = stage.handoff(path), stage.handoff("/handoff/" + "0" * 32)
    assert (again.status_code, again.content) == (unknown.status_code, unknown.content) == (404, b"")
    assert stage.social.seen.set_keys == [], "the call is the browser's, not the daemon's"

    outdated = stage.ticket("alice")
    stage.scene.daemon.renew(ACCOUNTS["alice"])
    assert stage.handoff(outdated).status_code == 404

    with stage.scene.daemon.control() as control, error_named("AccountNotFound"):
        control.IssueHandoff("demo/nobody")
    done = stage.scene.daemon.ctl("handoff", ACCOUNTS["bob"])
    assert done.returncode == 0, done.stderr
    assert stage.handoff(done.stdout.strip()).status_code == 302
