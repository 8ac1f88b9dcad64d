"""Grants of every kind under load, in a daemon that dies again and again."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any

from .crash import Order, lives, wake
from .daemon import Daemon
from .practice import Practice
from .scene import Scene
from .verdict import HABITS, IN_THE_AIR, Habit, Life, Losses, describe, sort_losses, wrong_redeems
from .waiting import settles

Records = dict[str, dict[str, Any]]

# In shares of the longest.
LIVES = (0.5, 0.6, 0.75, 0.9, 1.0)
# Under way at once at the end.
ORDERS = 50
# A machine on which a start has taken more seconds than this, a half being usual, is too busy for a verdict on what was
# lost: an answer may lie with the daemon for so long before it is read and on the disk.
TOO_BUSY = 3.0
# In seconds; only what never happens takes so long, even where others keep the machine busy.
PATIENCE = 180


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
        clients: int = 5,
    ) -> None:
        """`clients` for each kind of which crashes cost grants, or one might lose twenty, which stops it (F16)."""
        self._kinds = [habit for habit in habits if counts.get(habit.name)]
        self.daemon = daemon
        self.lives: list[Life] = []
        self.slowest_start = 0.0
        # In its last life and in the worst (`Program.slowness`).
        self.slowness = self.slowest = 1.0
        self.habits: dict[str, Habit] = {}
        self.scene = Scene(daemon, practice)
        self._practice = practice
        self._counts = counts
        self._lifetime = lifetime
        self._number = number
        self._clients = clients
        self._batches = Counter[str]()
        self._turns = count()
        # How often somebody outside wanted an account replayed that was in doubt.
        self._asked = Counter[str]()
        # With the cause and the generation that the daemon tells.
        self._ended: dict[str, tuple[str, int]] = {}
        for habit in self._kinds:
            for client in self._clients_of(habit):
                self.scene.client(client, limits={"rate": 100, "concurrency": 32}, **habit.client)

    def _clients_of(self, habit: Habit) -> list[str]:
        name = f"h{self._number}-{habit.name.lower()}"
        # A grace is missed where a machine is too slow.
        is_safe = habit.takes_replays and habit.grace is None
        return [name] if is_safe else [f"{name}-{number}" for number in range(1, self._clients + 1)]

    @property
    def clients(self) -> list[str]:
        return [client for habit in self._kinds for client in self._clients_of(habit)]

    def wake(self) -> None:
        began = time.monotonic()
        wake(self.daemon)
        self.lives.append(Life(time.time()))
        self.slowest_start = max(self.slowest_start, time.monotonic() - began)

    def live(self, seconds: float) -> None:
        """Lets the daemon work for so long."""
        lives(self.daemon, seconds)
        self.slowness = self.daemon.program.slowness()
        self.slowest = max(self.slowest, self.slowness)

    def strike(self, fault: Callable[[], None] | None = None) -> None:
        """Kills the daemon, after a fault if there is one."""
        end = time.time()
        if fault:
            fault()
        self.daemon.kill()
        self.lives[-1] = Life(self.lives[-1].ready, end, time.time(), self.slowness)

    def fill(self) -> None:
        self._add(self._counts)

    def _add(self, missing: Mapping[str, int]) -> None:
        """Adds so many of each kind, with one import: each is a program to start."""
        lines: Path | None = None
        for habit in self._kinds:
            clients = self._clients_of(habit)
            shares = max(len(clients), len(LIVES))
            for place in range(shares):
                share = (missing[habit.name] + place) // shares
                if share == 0:
                    continue
                # Goes on where the last batch ended, or a few clients would get all that come later.
                turn = next(self._turns)
                client = clients[turn % len(clients)]
                self._batches[client] += 1
                prefix = f"b{self._batches[client]}-"
                # Lives of different lengths, or all would fall due together and nothing in between.
                lifetime = int(self._lifetime * LIVES[turn % len(LIVES)])
                made = self._practice.add_grants(client, share, prefix=prefix, lifetime=lifetime, **habit.terms)
                if lines is None:
                    lines = made
                else:
                    with lines.open("ab") as together:
                        together.write(made.read_bytes())
                self.habits.update({f"{client}/{prefix}{number}": habit for number in range(1, share + 1)})
        if lines:
            self.daemon.import_file(lines)

    def warm_up(self) -> None:
        """Returns when the load has begun: a fifth of the accounts is renewed."""

        def behind() -> int:
            with self.daemon.control(timeout=PATIENCE) as control:
                renewed = sum(account["generation"] > 1 for account in control.accounts())
            return len(self.habits) // 5 - renewed

        settles(behind, stalled=PATIENCE, every=0.2, about="the load has begun")

    def replenish(self) -> None:
        """Takes the ended ones out and puts new ones in their place."""
        missing = Counter[str]()
        with self.daemon.control(timeout=PATIENCE) as control:
            for account in self._note_the_ended(control.accounts()):
                control.Remove(account)
                missing[self.habits[account].name] += 1
        self._add(missing)

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
        """Starts the daemon for the last time, until each account was renewed by it or has ended.

        Whoever was renewed lives, and is paused: so the load ends, and what is left gets the whole machine.
        """
        self.wake()
        began = self.daemon.status()["started_at"]
        renewed: set[str] = set()
        orders: dict[str, Order] = {}

        def left() -> int:
            with self.daemon.control(timeout=PATIENCE) as control:
                shown = control.accounts()
                for account in shown:
                    if (account.get("issued_at") or 0) > began and account["account"] not in renewed:
                        control.Pause(account["account"])
                        renewed.add(account["account"])
            self._note_the_ended(shown)
            settled = renewed | self._ended.keys()
            waiting = {account["account"]: account for account in shown if account["account"] not in settled}
            for name in [name for name in orders if name not in waiting or orders[name].is_answered]:
                orders.pop(name).close()
            for name, account in waiting.items():
                # What is due later is due now; in doubt it may spend a used token once more, at our order.
                if name not in orders and len(orders) < ORDERS:
                    self._asked[name] += account["state"] == "in_doubt"
                    orders[name] = stack.enter_context(Order(self.daemon, name))
            return len(waiting)

        with ExitStack() as stack:
            settles(left, stalled=PATIENCE, about=f"herd {self._number} is at rest")
        # Others may still be busy on this machine.
        self.daemon.kill()

    @property
    def is_too_busy(self) -> bool:
        """Whether nobody can tell from the times which losses could have been avoided."""
        return self.slowest_start > TOO_BUSY

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
        """What was lost, and every account with which something is wrong; `causes` are those that may be told.

        Avoidable losses are not among these: they alone depend on times (`is_too_busy`).
        """
        lost = self.lost(records)
        losses = sort_losses(lost, records, self.habits, self.lives, in_the_air)
        wrong = [f"spent twice: {words}" for words in wrong_redeems(records, self.habits, lost, self._asked)]
        wrong += [
            f"told to be lost by {cause}: {name}: {describe(records[name])}"
            for name, cause in lost.items()
            if cause not in causes
        ]
        return losses, wrong
