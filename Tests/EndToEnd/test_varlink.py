"""The control interface through the varlink library from PyPI, which nobody here wrote."""

import json
import socket
import threading
import time

import pytest
import varlink

from harness.control import INTERFACE, error_named
from harness.waiting import eventually, stays

ACCOUNT = "demo/user-1"
SERVICE = "org.varlink.service"


@pytest.fixture
def running(scene):
    scene.client()
    scene.daemon.start()
    scene.grants(count=3)
    return scene


def test_the_service_describes_itself(running):
    with running.daemon.control() as control:
        info = control.service().GetInfo()
        assert set(info["interfaces"]) >= {SERVICE, INTERFACE}
        assert all(info[name] for name in ("vendor", "product", "version"))
        for name in info["interfaces"]:
            description = control.service().GetInterfaceDescription(name)["description"]
            assert varlink.Interface(description).name == name
        with pytest.raises(varlink.InterfaceNotFound):
            control.service().GetInterfaceDescription("org.example.nothing")


def test_every_method_answers(running):
    with running.daemon.control() as control:
        assert {account["account"] for account in control.accounts()} == {f"demo/user-{n}" for n in (1, 2, 3)}
        assert control.show(ACCOUNT)["state"] == "fresh"
        served = control.token(ACCOUNT)
        assert running.practice.accepts("demo", served.access_token)
        assert served.expires_at > time.time()
        assert served.warning is None

        assert control.Refresh(ACCOUNT)["account"]["generation"] == 2
        assert control.Pause(ACCOUNT)["account"]["state"] == "paused"
        assert control.token(ACCOUNT).generation == 2
        assert control.Resume(ACCOUNT)["account"]["state"] == "fresh"
        assert control.Deliver(ACCOUNT)["account"]["account"] == ACCOUNT
        assert any(ACCOUNT in line or "demo" in line for line in control.Explain(ACCOUNT)["lines"])

        put = control.Put("demo/late", {"access_token": "canary-late", "token_type": "Bearer", "expires_in": 60})
        assert put["account"]["account"] == "demo/late"
        assert control.token("demo/late").access_token == "canary-late"

        status = control.Status()["status"]
        assert (status["state"], status["accounts"]) == ("ready", 4)
        assert sum(status["by_state"].values()) == 4
        assert control.Metrics()["openmetrics"].endswith("# EOF\n")
        control.Reload()
        control.Remove(ACCOUNT)
        with error_named("AccountNotFound") as errors:
            control.show(ACCOUNT)
        assert errors[0].parameters() == {"account": ACCOUNT}
        with error_named("ClientNotFound"):
            control.Put("nobody/x", {"access_token": "canary-x", "token_type": "Bearer"})


def test_the_hand_off_method_is_there_and_not_implemented(running):
    calls = {
        "IssueHandoff": (ACCOUNT,),
    }
    with running.daemon.control() as control:
        for method, arguments in calls.items():
            with pytest.raises(varlink.MethodNotImplemented):
                getattr(control, method)(*arguments)


def _raw(daemon, message, timeout=10):
    """Sends one message that the library would not let through, and returns the answer."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        connection.connect(str(daemon.socket))
        connection.sendall(json.dumps(message).encode() + b"\0")
        answer = b""
        while not answer.endswith(b"\0"):
            part = connection.recv(65536)
            assert part, "closed without an answer"
            answer += part
        return json.loads(answer[:-1])


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({}, "account"),
        ({"account": 1}, "account"),
        ({"account": None}, "account"),
        ({"account": ACCOUNT, "min_valid": "soon"}, "min_valid"),
        ({"account": ACCOUNT, "min_valid": -1}, "min_valid"),
        ({"account": "no-slash"}, "account"),
        ({"account": "demo/\u0007"}, "account"),
        ({"account": "demo/" + "x" * 300}, "account"),
    ],
)
def test_a_wrong_parameter_is_named(running, parameters, named):
    answer = _raw(running.daemon, {"method": f"{INTERFACE}.GetToken", "parameters": parameters})
    assert answer["error"] == f"{SERVICE}.InvalidParameter"
    assert answer["parameters"]["parameter"] == named


def test_an_unknown_method_or_interface_is_named(running):
    answer = _raw(running.daemon, {"method": f"{INTERFACE}.GetSecret"})
    assert (answer["error"], answer["parameters"]) == (
        f"{SERVICE}.MethodNotFound",
        {"method": f"{INTERFACE}.GetSecret"},
    )
    answer = _raw(running.daemon, {"method": "org.example.nothing.Do"})
    assert (answer["error"], answer["parameters"]) == (
        f"{SERVICE}.InterfaceNotFound",
        {"interface": "org.example.nothing"},
    )


def test_a_list_comes_account_by_account_and_in_pages(running):
    with running.daemon.control() as control:
        names = [account["account"] for account in control.accounts()]
        assert names == sorted(names)
        assert len(names) == 3
        assert [account["account"] for account in control.accounts(limit=2)] == names[:2]
        assert [account["account"] for account in control.accounts(after=names[1])] == names[2:]
        assert [account["account"] for account in control.accounts(state="paused")] == []
        control.Pause(names[0])
        assert [account["account"] for account in control.accounts(state="paused")] == names[:1]


def test_a_watcher_sees_renewals_and_deliveries(scene):
    scene.client()
    scene.sink("demo")
    scene.daemon.start()
    scene.grants()
    eventually(lambda: scene.practice.grant(ACCOUNT)["sink_last_generation"] == 1)
    seen: list[tuple[str, int]] = []
    with scene.daemon.control(timeout=30) as watching:
        watcher = threading.Thread(target=_watch, args=(watching, seen), daemon=True)
        watcher.start()
        # The stream may begin with what there is; a renewal after it is certainly news.
        scene.daemon.renew(ACCOUNT)
        newest = scene.daemon.renew(ACCOUNT)
        eventually(lambda: {("renewed", newest), ("delivered", newest)} <= set(seen), about=f"events: {seen}")
    assert seen.index(("renewed", newest)) < seen.index(("delivered", newest))


def _watch(control, seen):
    try:
        for event in control.events(account=ACCOUNT):
            assert event["account"]["account"] == ACCOUNT
            seen.append((event["kind"], event["account"]["generation"]))
    except OSError:
        return  # the test has seen enough and closed the connection


def test_a_caller_who_needs_more_life_waits_for_the_refresh(scene):
    scene.client()
    scene.daemon.start()
    scene.grants(lifetime=60)
    scene.practice.fault("token", {"kind": "none", "answer_delay": 1.0}, account=ACCOUNT)
    with scene.daemon.control() as control:
        assert control.token(ACCOUNT, 1).generation == 1
        # More than the token has left, less than a new one has.
        eventually(lambda: control.token(ACCOUNT).expires_at - time.time() < 58)
        served = control.token(ACCOUNT, 58)
        assert served.generation == 2
        assert scene.practice.accepts("demo", served.access_token)


def test_a_caller_who_leaves_does_not_take_the_refresh_along(scene):
    scene.client()
    scene.daemon.start()
    scene.grants(lifetime=600)
    scene.practice.fault("token", {"kind": "held"}, account=ACCOUNT)
    with socket.socket(socket.AF_UNIX) as leaving:
        leaving.connect(str(scene.daemon.socket))
        call = {"method": f"{INTERFACE}.Refresh", "parameters": {"account": ACCOUNT}}
        leaving.sendall(json.dumps(call).encode() + b"\0")
        eventually(lambda: scene.practice.grant(ACCOUNT)["generation"] == 2)
    stays(lambda: scene.daemon.show(ACCOUNT)["state"] == "refreshing", during=1)
    scene.practice.release()
    assert scene.daemon.wait_for(ACCOUNT, state="fresh")["generation"] == 2
    record = scene.practice.grant(ACCOUNT)
    assert (record["requests"], record["undelivered"]) == (1, [])
