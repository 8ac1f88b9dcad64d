"""Delivery to a sink that is down for a while."""

import pytest

from harness.practice import FOREVER, status
from harness.waiting import eventually, stays

ACCOUNT = "demo/user-1"


def _scene_with_a_sink(scene):
    scene.client()
    scene.sink("demo")
    scene.daemon.start()
    scene.grants()
    _arrives(scene, 1)


def _arrives(scene, generation):
    eventually(
        lambda: scene.practice.grant(ACCOUNT)["sink_last_generation"] == generation,
        within=60,
        about=f"generation {generation} is at the sink",
    )


def _take_the_sink_down_for_three_generations(scene):
    scene.practice.fault("set_keys", status(503, **FOREVER))
    for expected in (2, 3, 4):
        assert scene.daemon.renew(ACCOUNT) == expected
    eventually(
        lambda: scene.daemon.show(ACCOUNT)["deliveries"][0].get("failure"),
        about="the sink was asked while it was down",
    )
    assert scene.practice.grant(ACCOUNT)["sink_generations"] == [1]
    [delivery] = scene.daemon.show(ACCOUNT)["deliveries"]
    assert delivery["state"] in ("pending", "retrying")


def _only_the_newest_arrives(scene):
    scene.practice.clear_faults()
    _arrives(scene, 4)
    stays(
        lambda: scene.practice.grant(ACCOUNT)["sink_generations"] == [1, 4],
        during=2,
        about="exactly the newest arrives, once",
    )
    delivered = scene.daemon.wait_for(ACCOUNT, state="fresh")["deliveries"][0]
    assert (delivery_facts := (delivered["state"], delivered["generation"])) == ("delivered", 4), delivery_facts


@pytest.mark.slow
def test_after_an_outage_exactly_the_newest_generation_arrives(scene):
    _scene_with_a_sink(scene)
    _take_the_sink_down_for_three_generations(scene)
    _only_the_newest_arrives(scene)


@pytest.mark.slow
def test_after_an_outage_with_a_restart_exactly_the_newest_generation_arrives(scene):
    _scene_with_a_sink(scene)
    _take_the_sink_down_for_three_generations(scene)
    scene.daemon.stop()
    scene.daemon.start()
    _only_the_newest_arrives(scene)


@pytest.mark.slow
def test_after_an_outage_with_a_kill_exactly_the_newest_generation_arrives(scene):
    _scene_with_a_sink(scene)
    _take_the_sink_down_for_three_generations(scene)
    scene.daemon.kill()
    scene.daemon.start()
    _only_the_newest_arrives(scene)


def test_a_sink_that_refuses_is_told_and_harms_no_token(scene):
    scene.client()
    scene.sink("demo")
    scene.daemon.start()
    scene.practice.fault("set_keys", status(403, **FOREVER))
    scene.grants()

    def refused():
        [delivery] = scene.daemon.show(ACCOUNT)["deliveries"]
        assert delivery["state"] == "refused", delivery["state"]
        assert delivery["failure"]["cause"] == "sink_refused"
        return True

    eventually(refused)
    with scene.daemon.control() as control:
        assert scene.practice.accepts("demo", control.token(ACCOUNT).access_token)
