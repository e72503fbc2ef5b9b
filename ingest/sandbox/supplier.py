"""The sandbox supplier in one object: inventory, operations, faults, accounting, and the control interface's verbs.

`ingest.sandbox.server` puts it behind HTTP; it knows nothing of sockets.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from ingest.sandbox import trade
from ingest.sandbox.accounting import Accounting
from ingest.sandbox.execution import Executor
from ingest.sandbox.faults import Faults, Poison, Settings
from ingest.sandbox.inventory import Inventory
from ingest.sandbox.operations import SHORT_PAGES, Operations
from ingest.sandbox.queries import Query
from ingest.sandbox.rendering import Item
from ingest.sandbox.schema import build
from ingest.sandbox.tokens import TOKEN_SECONDS, Tokens

Number = Annotated[int, msgspec.Meta(ge=0, le=200_000)]
_FEEDS = {"natural": False, "labgrown": True, None: None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a sandbox.

    `rate_limit` is requests per second, 0 for none; `now` is the moment of the inventory in microseconds since 1970, None
    for the present; `exact_prices` compares exact dollars and carats instead of whole ones.
    """

    stones: int = 53_940
    seed: int = 1
    username: str = "sandbox"
    password: str = "sandbox"  # noqa: S105 - of a supplier that sells nothing
    token_seconds: float = TOKEN_SECONDS
    rate_limit: int = 0
    exact_prices: bool = False
    aliases: bool = True
    short_pages: float = SHORT_PAGES
    now: int | None = None


class InventoryChange(msgspec.Struct, forbid_unknown_fields=True):
    """A change of the inventory by the control interface, in numbers of stones."""

    change: Number = 0
    add: Number = 0
    vanish: Number = 0
    hold: Number = 0
    feed: Literal["natural", "labgrown"] | None = None
    seconds_ago: Annotated[float, msgspec.Meta(ge=0, le=10_000_000)] = 0.0
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0


class Supplier:
    """One supplier and its account."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.inventory = Inventory(options.stones, options.seed, _now() if options.now is None else options.now)
        self.tokens = Tokens(options.username, options.password, time.monotonic, seconds=options.token_seconds)
        self.faults = Faults()
        self.accounting = Accounting()
        self.desk = Operations(
            self.inventory,
            self.tokens,
            self.faults,
            exact=options.exact_prices,
            short_pages=options.short_pages,
            now=_now,
        )
        self.executor = Executor(build(self.desk), self.desk)
        self._forget_changes()

    @property
    def refuses_aliases(self) -> bool:
        """Whether a text may request an operation only once."""
        return self.faults.settings.reject_aliases or not self.options.aliases

    def set_faults(self, settings: Settings) -> dict[str, Any]:
        """Put fault settings in force, expiring tokens and choosing poisoned stones accordingly."""
        with self.inventory.lock:
            self.faults.replace(settings, now=time.monotonic())
            self._churn_dice = np.random.default_rng(abs(settings.seed))
            if settings.expire_tokens:
                self.tokens.expire_all()
            poison = settings.poison if isinstance(settings.poison, Poison) else Poison(stones=settings.poison)
            noise = np.random.default_rng(abs(settings.seed))
            self.faults.poison(sorted(self.inventory.pick(poison.stones, _FEEDS[poison.feed], noise)))
        return self.fault_settings()

    def fault_settings(self) -> dict[str, Any]:
        """The settings in force, and the poison of each poisoned stone by its proper id."""
        settings: dict[str, Any] = msgspec.to_builtins(self.faults.settings)
        poisoned = self.faults.poisoned_stones
        if poisoned:
            settings["poisoned"] = dict(zip(self._ids(list(poisoned)), poisoned.values(), strict=True))
        return settings

    def churn(self) -> None:
        """Apply the churn of the fault settings before a page request."""
        kinds = self.faults.churn_kinds()
        if not kinds:
            return
        churn = self.faults.settings.churn
        feed = _FEEDS[churn.feed if churn else None]
        with self.inventory.lock:
            self._apply(
                InventoryChange(change=kinds.count("price"), add=kinds.count("appear"), vanish=kinds.count("vanish")),
                feed,
                self._churn_dice,
            )

    def change_inventory(self, wanted: InventoryChange) -> dict[str, list[str]]:
        """Change, list, hide and hold stones; returns the ids of each."""
        with self.inventory.lock:
            # With the version, a repeated request chooses other stones, and a repeated script the same ones.
            noise = np.random.default_rng([wanted.seed, self.inventory.version])
            return self._apply(wanted, _FEEDS[wanted.feed], noise)

    def changes(self) -> dict[str, list[str]]:
        """Ids of all stones changed, listed, hidden and held by faults or the control interface since the start."""
        with self.inventory.lock:
            return {what: self._ids(stones) for what, stones in self._changes.items()}

    def items(self, *, labgrown: bool | None, availability: int | None) -> Iterator[Item]:
        """Every item of a feed (None: of both) as pages show it, in the order of `createdAt`."""
        query = Query(labgrown=labgrown, availability=None if availability is None else (availability,))
        with self.inventory.lock:
            stones = self.desk.finder.find(query).tolist()
        for first in range(0, len(stones), 500):
            with self.inventory.lock:
                items = self.desk.items(stones[first : first + 500])
            yield from items

    def _apply(self, wanted: InventoryChange, feed: bool | None, noise: np.random.Generator) -> dict[str, list[str]]:
        moment = _now() - round(wanted.seconds_ago * 1_000_000)
        inventory = self.inventory
        picked = inventory.pick(wanted.change + wanted.vanish + wanted.hold, feed, noise)
        changed = picked[: wanted.change]
        vanished = picked[wanted.change : wanted.change + wanted.vanish]
        held = picked[wanted.change + wanted.vanish :]
        inventory.change_prices(changed, moment, noise)
        inventory.vanish(vanished)
        inventory.set_availability(held, trade.ON_HOLD, moment)
        added = inventory.add(wanted.add, feed, moment, noise)
        done = {"changed": changed, "added": added, "vanished": vanished, "held": held}
        for what, stones in done.items():
            self._changes[what] += stones
        return {what: self._ids(stones) for what, stones in done.items()}

    def _forget_changes(self) -> None:
        self._changes: dict[str, list[int]] = {"changed": [], "added": [], "vanished": [], "held": []}
        self._churn_dice = np.random.default_rng(0)

    def _ids(self, stones: list[int]) -> list[str]:
        return self.inventory.identity.uuids("stone", stones)


def _now() -> int:
    return time.time_ns() // 1_000
