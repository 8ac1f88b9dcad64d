"""A thousand accounts whose tokens live for twenty seconds."""

import random
import threading
import time

import pytest
import varlink

from harness.waiting import eventually

LIFETIME = 20


class Sampler(threading.Thread):
    """A client that keeps asking for tokens and notes each one that was not good."""

    def __init__(self, scene, accounts, seed):
        super().__init__(name="sampler", daemon=True)
        self._scene = scene
        self._accounts = accounts
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self.served = 0
        self.wrong: list[str] = []

    def run(self):
        try:
            with self._scene.daemon.control() as control:
                while not self._ended.wait(0.01):
                    self._ask(control, self._random.choice(self._accounts))
        except Exception as error:
            self.wrong.append(f"the client ended: {type(error).__name__}: {error}")

    def _ask(self, control, account):
        asked = time.time()
        try:
            served = control.token(account)
        except varlink.VarlinkError as error:
            self.wrong.append(f"{account}: {error.error()}")
            return
        self.served += 1
        if served.expires_at is None or served.expires_at <= asked:
            self.wrong.append(f"{account}: served {asked - (served.expires_at or 0):.1f} s past its expiry")
        # The judge counts from its own answer and the daemon from the arrival of that, so near the end
        # the two may differ by the time in between.
        elif not self._scene.practice.accepts("demo", served.access_token) and time.time() < served.expires_at - 1:
            self.wrong.append(f"{account}: the provider does not accept generation {served.generation}")

    def finish(self):
        self._ended.set()
        self.join(40)
        assert not self.is_alive(), "the sampling client hangs"


@pytest.mark.parametrize(
    ("count", "seconds", "generation"),
    [
        pytest.param(1000, 180, 7, marks=[pytest.mark.slow, pytest.mark.timeout(420)]),
        pytest.param(100, 35, 3),
    ],
)
def test_every_account_stays_alive(scene, count, seconds, generation):
    scene.client(limits={"rate": 200, "concurrency": 32})
    scene.sink("demo")
    scene.daemon.start()
    accounts = scene.grants(count=count, lifetime=LIFETIME)
    began = time.monotonic()

    sampler = Sampler(scene, accounts, seed=count)
    sampler.start()
    ended = began + seconds
    eventually(lambda: time.monotonic() >= ended or sampler.wrong, within=seconds + 5, every=0.5)
    sampler.finish()
    assert not sampler.wrong, f"{len(sampler.wrong)} of {sampler.served}: {sampler.wrong[:5]}"
    # The client asks as fast as it is answered: a standstill must not pass for a good answer.
    assert sampler.served > seconds * 2

    with scene.daemon.control() as control:
        shown = {account["account"]: account for account in control.accounts()}
    assert sorted(shown) == sorted(accounts)
    behind = {name: account["generation"] for name, account in shown.items() if account["generation"] < generation}
    assert not behind, f"{len(behind)} accounts below generation {generation}: {list(behind.items())[:5]}"
    _check_sink(scene.practice, shown)
    _check_judge(scene.practice)


def _check_sink(practice, shown):
    """Each delivery the daemon claims stands in the sink's record, in order, and the newest follows."""
    records = practice.grants()
    for name, account in shown.items():
        [delivery] = account["deliveries"]
        seen = records[name]["sink_generations"]
        assert seen == sorted(set(seen)), f"{name}: {seen}"
        if delivery["state"] == "delivered":
            assert delivery["generation"] in seen, f"{name}: {delivery['generation']} is not in {seen}"

    def newest_arrived():
        arrived = practice.grants()
        late = [
            name
            for name, account in shown.items()
            if (arrived[name]["sink_last_generation"] or 0) < account["generation"]
        ]
        assert not late, f"{len(late)} accounts, {late[:5]}"
        return True

    eventually(newest_arrived, within=30, every=0.5, about="the newest generation is at the sink")


def _check_judge(practice):
    summary = practice.summary()
    assert summary["double_redeems"] == 0
    assert summary["refusals"] == 0
    assert summary["revoked"] == 0
    assert summary["sink_out_of_order"] == 0
    assert all(record["maximum_in_flight"] <= 1 for record in practice.grants().values())
