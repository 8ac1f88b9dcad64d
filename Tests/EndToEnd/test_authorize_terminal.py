"""New authorizations with `refreshctl authorize`, by a person at a terminal."""

import shutil
import signal

import pytest

from harness.processes import free_port
from harness.terminal import Terminal

ACCOUNT = "demo/alice"
REDIRECT = "https://app.example.com/callback"

at_a_terminal = pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
# What each way shows when it has come to wait for the person.
WAYS = {"--port": "grant access:", "--paste": "(it is not shown):", "--device": "approved in time."}


@pytest.fixture
def running(scene):
    scene.authorizing_client()
    scene.daemon.start()
    return scene


@pytest.fixture
def authorize(running, binaries):
    terminals = []

    def begin(*words):
        program = [binaries / "refreshctl", "authorize", ACCOUNT, *words]
        terminals.append(Terminal(program, {"REFRESHD_SOCKET": str(running.daemon.socket), "NO_COLOR": "1"}))
        return terminals[-1]

    yield begin
    for terminal in terminals:
        terminal.close()


def _is_served(running):
    with running.daemon.control() as control:
        return running.practice.accepts("demo", control.token(ACCOUNT).access_token)


def _has_granted(terminal):
    assert terminal.ended_with() == 0, terminal.screen
    _is_clean(terminal, terminal.shows("fresh"))


def _has_failed(terminal, line):
    assert terminal.ended_with() == 1
    screen = terminal.shows(f"refreshctl: {line}")
    assert screen.count("refreshctl:") == 1, "the reason is one line"
    _is_clean(terminal, screen)


def _is_clean(terminal, screen):
    assert terminal.echoes(), "the terminal shows nothing any more"
    assert "canary-" not in screen, "a code is on the screen"


@at_a_terminal
def test_loopback(running, person, authorize):
    terminal = authorize()
    callback = person.visit(terminal.word_after("grant access:"))
    assert callback.startswith("http://127.0.0.1:")
    # A page that is not ours may knock at the port too.
    assert person.come_back(f"{callback.split('?')[0]}?code=canary-x&state=guessed") == 404
    assert person.come_back(callback) == 200
    _has_granted(terminal)
    assert _is_served(running)
    # Once more for an account that is there: it goes on.
    terminal = authorize("--scope", "files.read", "--scope", "files.write", "--json")
    assert person.come_back(person.visit(terminal.word_after("grant access:"))) == 200
    assert terminal.ended_with() == 0
    shown = running.daemon.show(ACCOUNT)
    assert (shown["generation"], shown["scope"]) == (2, ["files.read", "files.write"])
    assert _is_served(running)


@at_a_terminal
def test_loopback_with_a_person_who_says_no(person, authorize):
    terminal = authorize()
    assert person.come_back(person.visit(terminal.word_after("grant access:"), practice="deny")) == 400
    _has_failed(terminal, "authorization failed: the user said no (access_denied)")


@at_a_terminal
def test_paste(running, person, authorize):
    terminal = authorize("--paste")
    url = terminal.word_after("grant access:")
    terminal.shows(WAYS["--paste"])
    terminal.type(person.read_code(url))
    _has_granted(terminal)
    assert _is_served(running)
    # The address that a browser elsewhere ends at; this one is longer than a terminal's own line.
    terminal = authorize("--paste", "--redirect-uri", REDIRECT)
    url = terminal.word_after("grant access:")
    terminal.shows(WAYS["--paste"])
    terminal.type(f"{person.visit(url)}&session={'x' * 6000}")
    _has_granted(terminal)
    assert running.daemon.show(ACCOUNT)["generation"] == 2


@at_a_terminal
def test_paste_of_what_is_no_good(running, person, authorize):
    failed = "authorization failed: "
    bad_code = f"{failed}the code is wrong, was used before, or has expired: begin again (invalid_grant)"
    bad_state = f"{failed}the address answers another request than this one (state_mismatch)"
    running.practice.consents(code_lifetime=0)
    for paste, line in (
        (lambda _: "canary-wrong", bad_code),
        (person.read_code, bad_code),
        (lambda _: f"{REDIRECT}?code=canary-c&state=other", bad_state),
        (lambda _: "", "nothing was entered; the authorization is given up"),
    ):
        terminal = authorize("--paste")
        url = terminal.word_after("grant access:")
        terminal.shows(WAYS["--paste"])
        terminal.type(paste(url))
        _has_failed(terminal, line)
    assert running.daemon.status()["accounts"] == 0


@at_a_terminal
@pytest.mark.parametrize("decision", ["approved", "denied", "too late"])
def test_device(running, authorize, decision):
    running.practice.consents(interval=1, device_lifetime=3 if decision == "too late" else 300)
    terminal = authorize("--device")
    code = terminal.word_after("enter the code")
    if decision == "too late":
        _has_failed(terminal, "authorization failed: nobody approved in time: begin again (expired_token)")
        return
    running.practice.decide(code, decision == "approved")
    if decision == "approved":
        _has_granted(terminal)
        assert _is_served(running)
    else:
        _has_failed(terminal, "authorization failed: access was denied (access_denied)")


@at_a_terminal
def test_ctrl_c(running, authorize):
    for way, prompt in WAYS.items():
        terminal = authorize(way, *([str(free_port())] if way == "--port" else []))
        terminal.shows(prompt)
        terminal.press("C-c")
        _has_failed(terminal, "interrupted")
    assert running.daemon.status()["accounts"] == 0


@at_a_terminal
def test_a_terminal_that_is_closed(running, person, authorize):
    port = str(free_port())
    for way, prompt in WAYS.items():
        terminal = authorize(way, *([port] if way == "--port" else []))
        terminal.shows(prompt)
        terminal.hang_up()
        # Told by the kernel and by its shell: a second signal that comes before the end is the end.
        assert terminal.ended_with() in (1, -signal.SIGHUP)
    assert running.daemon.status()["accounts"] == 0
    # Neither the port nor the account is taken by what was left.
    terminal = authorize("--port", port)
    assert person.come_back(person.visit(terminal.word_after("grant access:"))) == 200
    _has_granted(terminal)
    assert _is_served(running)


@at_a_terminal
def test_a_line_being_entered_is_not_put_aside(running, person, authorize):
    terminal = authorize("--paste")
    url = terminal.word_after("grant access:")
    terminal.shows(WAYS["--paste"])
    terminal.press("C-z")
    terminal.type(person.read_code(url))
    _has_granted(terminal)


def test_without_a_terminal(running):
    ctl = running.daemon.ctl
    done = ctl("authorize", ACCOUNT, "--paste", given="canary-wrong\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("refreshctl: authorization failed: the code is wrong")
    assert "canary-" not in done.stderr
    done = ctl("authorize", ACCOUNT, "--paste", given="")
    assert (done.returncode, "nothing was entered" in done.stderr) == (1, True)
    for words, code, line in (
        ((ACCOUNT, "--paste", "--device"), 2, "exclude each other"),
        (("nobody/alice",), 1, "there is no client nobody"),
        ((ACCOUNT, "--scope", "a b"), 1, "does not take this value for 'scopes'"),
    ):
        done = ctl("authorize", *words)
        assert (done.returncode, line in done.stderr) == (code, True), done.stderr
    running.practice.stop()
    done = ctl("authorize", ACCOUNT, "--paste", given="canary-code\n")
    assert (done.returncode, "the provider could not be asked (network)" in done.stderr) == (1, True), done.stderr
    running.daemon.stop()
    assert ctl("authorize", ACCOUNT).returncode == 3
