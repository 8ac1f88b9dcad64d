"""Grants of every kind under load, in a daemon that dies again and again."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from .crash import Order, wake
from .daemon import Daemon
from .practice import Practice
from .scene import Scene
from .verdict import HABITS, IN_THE_AIR, Habit, Life, Losses, describe, sort_losses, wrong_redeems
from .waiting import eventually

Records = dict[str, dict[str, Any]]

CLIENTS = 5
# Under way at once at the end.
ORDERS = 50


class Herd:
    """The accounts of one daemon, and what became of them.

    Of the grants that take no replay each crash costs some: they are taken out, and others come in their place.
    """

    def __init__(
        self,
        daemon: Daemon,
        practice: Practice,
        counts: Mapping[str, int],
        lifetime: int,
        number: int = 1,
        habits: Sequence[Habit] = HABITS,
    ) -> None:
        self._kinds = [habit for habit in habits if counts.get(habit.name)]
        self.daemon = daemon
        self.lives: list[Life] = []
        self.habits: dict[str, Habit] = {}
        self.scene = Scene(daemon, practice)
        self._practice = practice
        self._counts = counts
        self._lifetime = lifetime
        self._number = number
        self._batches = Counter[str]()
        # With the cause and the generation that the daemon tells.
        self._ended: dict[str, tuple[str, int]] = {}
        for habit in self._kinds:
            for client in self._clients_of(habit):
                self.scene.client(client, limits={"rate": 100, "concurrency": 32}, **habit.client)

    def _clients_of(self, habit: Habit) -> list[str]:
        """Where crashes cost grants, so many that no client loses twenty in ten minutes, which stops it (F16)."""
        name = f"h{self._number}-{habit.name.lower()}"
        return [name] if habit.takes_replays else [f"{name}-{number}" for number in range(1, CLIENTS + 1)]

    @property
    def clients(self) -> list[str]:
        return [client for habit in self._kinds for client in self._clients_of(habit)]

    def wake(self) -> None:
        wake(self.daemon)
        self.lives.append(Life(time.time()))

    def strike(self, fault: Callable[[], None] | None = None) -> None:
        """Kills the daemon, after a fault if there is one."""
        end = time.time()
        if fault:
            fault()
        self.daemon.kill()
        self.lives[-1] = Life(self.lives[-1].ready, end, time.time())

    def fill(self) -> None:
        for habit in self._kinds:
            self._add(habit, self._counts[habit.name])

    def _add(self, habit: Habit, count: int) -> None:
        clients = self._clients_of(habit)
        for place in range(CLIENTS):
            client = clients[place % len(clients)]
            share = (count + place) // CLIENTS
            if share == 0:
                continue
            self._batches[client] += 1
            # Lives of different lengths, or all would fall due together and nothing in between.
            lifetime = self._lifetime * (place + 2) // (CLIENTS + 1)
            terms = {"prefix": f"b{self._batches[client]}-", "lifetime": lifetime, **habit.terms}
            for account in self.scene.grants(client, share, **terms):
                self.habits[account] = habit

    def warm_up(self) -> None:
        """Returns when the load has begun."""

        def renewed() -> bool:
            with self.daemon.control(timeout=120) as control:
                return sum(account["generation"] > 1 for account in control.accounts()) > len(self.habits) // 5

        eventually(renewed, within=120, every=0.2, about="a fifth of the accounts is renewed")

    def replenish(self) -> None:
        """Takes the ended ones out and puts new ones in their place."""
        missing = Counter[str]()
        with self.daemon.control(timeout=120) as control:
            for account in self._note_the_ended(control.accounts()):
                control.Remove(account)
                missing[self.habits[account].name] += 1
        for habit in self._kinds:
            if missing[habit.name]:
                self._add(habit, missing[habit.name])

    def _note_the_ended(self, shown: list[dict[str, Any]]) -> list[str]:
        ended = [account for account in shown if self._has_ended(account)]
        for account in ended:
            cause = (account.get("failure") or {}).get("cause", "none")
            self._ended[account["account"]] = (cause, account["generation"])
        return [account["account"] for account in ended]

    @staticmethod
    def _has_ended(account: dict[str, Any]) -> bool:
        """Whether it will not be refreshed any more, unless a person says so."""
        if account["state"] == "needs_authorization":
            return True
        return account["state"] == "in_doubt" and (account.get("failure") or {}).get("retry_at") is None

    def rest(self) -> None:
        """Starts the daemon for the last time, until each account was renewed by it or has ended."""
        self.wake()
        began = self.daemon.status()["started_at"]
        renewed: set[str] = set()

        orders: dict[str, Order] = {}
        with ExitStack() as stack:

            def settled() -> bool:
                with self.daemon.control(timeout=120) as control:
                    shown = control.accounts()
                # Whoever was renewed once lives: what it does now, under this load, is no matter.
                renewed.update(account["account"] for account in shown if (account.get("issued_at") or 0) > began)
                self._note_the_ended(shown)
                waiting = {
                    account["account"]: account
                    for account in shown
                    if account["account"] not in renewed and account["account"] not in self._ended
                }
                for name in [name for name in orders if name not in waiting]:
                    orders.pop(name).close()
                for name, account in waiting.items():
                    # What is asked on in no hurry is asked now; it is the same question.
                    if account["state"] in ("in_doubt", "retrying") and name not in orders and len(orders) < ORDERS:
                        orders[name] = stack.enter_context(Order(self.daemon, name))
                some = [f"{name}: {a['state']}, {a.get('failure')}" for name, a in list(waiting.items())[:5]]
                assert not waiting, f"{len(waiting)} of {len(shown)}: {some}"
                return True

            eventually(settled, within=180, every=0.5, about=f"herd {self._number} is at rest")
        # Others may still be busy on this machine.
        self.daemon.kill()

    def lost(self, records: Records) -> dict[str, str]:
        """The accounts that ended, with the cause that the daemon tells.

        What only waits for a person, because the server might have acted and did not, is not lost.
        """
        return {
            name: cause
            for name, (cause, generation) in self._ended.items()
            if self.habits[name].replays != 0 or generation != records[name]["generation"]
        }

    def judge(
        self,
        records: Records,
        causes: Sequence[str] = ("answer_lost", "grace_missed"),
        in_the_air: float = IN_THE_AIR,
    ) -> tuple[Losses, list[str]]:
        """What was lost, and every account with which something is wrong; `causes` are those that may be told."""
        lost = self.lost(records)
        losses = sort_losses(lost, records, self.habits, self.lives, in_the_air)
        wrong = [f"avoidable: {words}" for words in losses.avoidable]
        wrong += [f"spent twice: {words}" for words in wrong_redeems(records, self.habits, lost)]
        wrong += [
            f"told to be lost by {cause}: {name}: {describe(records[name])}"
            for name, cause in lost.items()
            if cause not in causes
        ]
        return losses, wrong
