"""Fixtures: the binaries, a folder for what each test leaves behind, and the programs."""

import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.daemon import Daemon
from harness.dot import DotServer
from harness.person import Person
from harness.practice import Practice
from harness.scene import Scene


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: with several workers the whole run then takes as long as the longest."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)
    if os.environ.get("REFRESHD_LONG") != "1":
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="takes hours; REFRESHD_LONG=1 wants it"))
    if os.geteuid() != 0:
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root, to act as another user"))


@pytest.fixture(scope="session")
def binaries() -> Path:
    """The folder with refreshd, refreshctl and refresh-practice."""
    folder = os.environ.get("REFRESHD_BIN")
    if not folder:
        pytest.exit("REFRESHD_BIN does not name the folder with the built programs", returncode=2)
    path = Path(folder).resolve()
    missing = [name for name in ("refreshd", "refreshctl", "refresh-practice") if not (path / name).exists()]
    if missing:
        pytest.exit(f"not in {path}: {', '.join(missing)}", returncode=2)
    return path


@pytest.fixture(scope="session")
def artefacts_root() -> Path:
    given = os.environ.get("REFRESHD_ARTEFACTS")
    if given:
        return Path(given).resolve()
    made = Path(tempfile.mkdtemp(prefix="refreshd-")) / "artefacts"
    made.parent.chmod(0o755)
    return made


@pytest.fixture
def folder(artefacts_root: Path, request: pytest.FixtureRequest) -> Path:
    """This test's logs, configuration and stores. Searched for secrets when all is done."""
    return _own_folder(artefacts_root, request)


@pytest.fixture
def private(artefacts_root: Path, request: pytest.FixtureRequest) -> Path:
    """Where this test's secrets may lie: beside the artefacts, not among them."""
    path = _own_folder(artefacts_root.with_name(artefacts_root.name + "-private"), request)
    path.chmod(0o700)
    return path


def _own_folder(root: Path, request: pytest.FixtureRequest) -> Path:
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", f"{request.path.stem}.{request.node.name}")[:100]
    # Two cases of one test may differ in nothing but what a file name cannot hold.
    path = root / f"{name}.{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:6]}"
    path.mkdir(parents=True)
    return path


@pytest.fixture
def _cleanup() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def make_daemon(binaries: Path, folder: Path, private: Path, _cleanup: ExitStack) -> Callable[..., Daemon]:
    def make(name: str = "refreshd") -> Daemon:
        daemon = Daemon(binaries, folder, private, name)
        _cleanup.callback(daemon.close)
        return daemon

    return make


@pytest.fixture
def daemon(make_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon with an empty configuration, not yet started."""
    return make_daemon()


@pytest.fixture
def practice(binaries: Path, folder: Path, private: Path, _cleanup: ExitStack) -> Practice:
    server = Practice(binaries, private / "practice", folder)
    _cleanup.callback(server.stop)
    return server


@pytest.fixture
def make_dot(folder: Path, private: Path, _cleanup: ExitStack) -> Callable[[dict[str, str], int], DotServer]:
    def make(clients: dict[str, str], access_seconds: int) -> DotServer:
        server = DotServer(private / "dot", folder, clients, access_seconds)
        _cleanup.callback(server.stop)
        return server

    return make


@pytest.fixture
def scene(practice: Practice, daemon: Daemon) -> Scene:
    return Scene(daemon, practice)


@pytest.fixture
def person(practice: Practice) -> Iterator[Person]:
    """Whose browser visits the provider's pages."""
    somebody = Person(practice.authority)
    yield somebody
    somebody.close()
