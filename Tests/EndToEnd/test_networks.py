"""Networks that fail in mid-request (facts, catalogue E07, E16, E19)."""

from contextlib import ExitStack

import pytest

from harness.crash import Order, seed_of_run
from harness.network import Network
from harness.practice import FOREVER
from harness.scene import Scene
from harness.waiting import eventually, stays

pytestmark = [pytest.mark.root, pytest.mark.slow, pytest.mark.timeout(300)]

ACCOUNT = "demo/user-1"
SINGLE_USE = ({"rotation": "single_use", "blast": "family"}, {"rotation": "S", "blast": "family"})
# An answer is waited for until half of the grace is over.
GRACE = 20
IN_GRACE = (
    {"rotation": "grace", "blast": "family", "grace": f"{GRACE}s"},
    {"rotation": "G", "blast": "family", "grace": GRACE},
)
PATIENCE = 120


@pytest.fixture
def network():
    seed = seed_of_run()
    print(f"seed {seed}")
    try:
        network = Network(seed)
    except OSError as error:
        pytest.skip(f"no network of its own on this machine: {error}")
    yield network
    network.close()


@pytest.fixture
def apart(network, request):
    """A daemon and a provider on two hosts."""
    scene = Scene(request.getfixturevalue("make_daemon")(), request.getfixturevalue("practice"))
    scene.daemon.started_through = network.daemon_side
    return scene


def _start(scene, habit, count=1, **limits) -> list[str]:
    settings, terms = habit
    scene.client(**settings, **limits)
    scene.daemon.start()
    return scene.grants(count=count, lifetime=3_600, **terms)


def _answer_is_held(scene) -> None:
    """The provider has redeemed the refresh token, and its answer has not left yet."""
    eventually(lambda: scene.practice.grant(ACCOUNT)["generation"] == 2, about="the provider redeems")


def _sockets(scene) -> int:
    folder = f"/proc/{scene.daemon.program.pid}/net/tcp"
    with open(folder) as table:
        # Those that a process still holds: what the kernel goes on with alone has no inode.
        return sum(1 for line in list(table)[1:] if line.split()[9] != "0")


def _was_in_doubt(scene) -> bool:
    # In the log, for the state itself lasts no longer than until the next try.
    return "a refresh was sent and no answer came" in scene.daemon.program.log()


@pytest.mark.parametrize("trouble", ["silence", "interface"])
def test_an_answer_that_is_held_up_on_the_way_is_adopted_however_late(apart, network, trouble):
    """E07, E19: what is under way is not given up while the answer may still come."""
    _start(apart, SINGLE_USE)
    apart.practice.fault("token", {"kind": "held"}, account=ACCOUNT)
    with Order(apart.daemon, ACCOUNT):
        _answer_is_held(apart)
        if trouble == "silence":
            network.is_cut = True
        else:
            network.interface_down()
        apart.practice.release()
        stays(
            lambda: apart.daemon.show(ACCOUNT)["state"] == "refreshing",
            during=3,
            about="nothing is known, and the answer may still come",
        )
        network.is_cut = False
        network.interface_up()
        apart.daemon.wait_for(ACCOUNT, state="fresh", generation=2, within=PATIENCE)
    record = apart.practice.grant(ACCOUNT)
    assert record["requests"] == 1, "it was sent again"
    assert not _was_in_doubt(apart)
    eventually(lambda: _sockets(apart) == 0, about="the connection is closed")


@pytest.mark.parametrize("trouble", ["silence", "address"])
def test_an_answer_that_never_comes_leaves_the_grant_in_doubt_and_is_asked_for_again(apart, network, trouble):
    """E07, E19: the connection is given back, and the same refresh token sent again while that is allowed."""
    _start(apart, IN_GRACE)
    apart.practice.fault("token", {"kind": "held"}, account=ACCOUNT)
    with Order(apart.daemon, ACCOUNT):
        _answer_is_held(apart)
        if trouble == "silence":
            network.is_cut = True
        else:
            # What is on its way to the old address finds nobody there.
            network.interface_down()
            network.interface_up("10.77.0.3")
        apart.practice.release()
        eventually(lambda: _was_in_doubt(apart), within=PATIENCE, about="nobody waits for the answer any more")
        network.is_cut = False
        apart.daemon.wait_for(ACCOUNT, state="fresh", generation=2, within=PATIENCE)
    record = apart.practice.grant(ACCOUNT)
    assert (record["requests"], record["replays"], record["double_redeems"]) == (2, 1, 0)
    assert record["newest_refresh_token_is_good"]
    eventually(lambda: _sockets(apart) == 0, about="the connections are closed")


@pytest.mark.slow
def test_a_slow_and_lossy_network_makes_nothing_unknown(apart, network):
    """E16: with 30 % loss and two seconds for a round trip, nothing that was sent is given up."""
    accounts = _start(apart, SINGLE_USE, count=8)
    apart.practice.fault("token", {"kind": "none", "answer_delay": 4, **FOREVER})
    network.delay = 0.4
    with ExitStack() as orders:
        for account in accounts:
            orders.enter_context(Order(apart.daemon, account))
        # In such weather from the start most connections would not come about in time, and so nothing would be sent.
        eventually(
            lambda: all(record["generation"] == 2 for record in apart.practice.grants().values()),
            within=PATIENCE,
            about="every refresh token is redeemed",
        )
        network.delay, network.loss = 1.0, 0.3
        for account in accounts:
            apart.daemon.wait_for(account, state="fresh", generation=2, within=PATIENCE)
    assert network.dropped > 0
    for account, record in apart.practice.grants().items():
        assert (record["requests"], record["replays"]) == (1, 0), f"{account} was sent more than once"
    assert not _was_in_doubt(apart)
