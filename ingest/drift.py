"""Schema drift: what a supplier's payloads hold that we do not know, and what they no longer hold.

Every batch counts in its own transaction how often each column is unknown, and of a few stones which fields and which
grades mean nothing to the adapter. The end of a run adds the batches up, holds them against the feed's last completed
runs, keeps both on the run, and alerts when something jumped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from catalog.rows import StoneFacts
from diamondhub.alerts.outbox import announce
from ingest.errors import MappingError
from ingest.feeds.adapter import Adapter, Watchful
from ingest.models import Run

#: One stone in so many is looked at closely; of small batches more, so that `MIN_LOOKED_AT` are.
ONE_IN, MIN_LOOKED_AT = 50, 20
#: Completed runs of the feed that a run is held against.
COMPARED_RUNS = 5
#: Fewer mapped stones, here or there, say nothing about shares; fewer stones with a strange field or grade are chance.
MIN_STONES, MIN_SEEN = 100, 3
#: Jumps: a column unknown on this share of stones more, a field never seen on so many, strange values on so many more.
UNKNOWN_JUMP, FIELD_JUMP, VALUE_JUMP = 0.10, 0.01, 0.005
#: Reason of the dead letters of stones that lack a required field; see `ingest.feeds.adapter.Adapter.to_diamond`.
IS_MISSING = "is missing"

#: Columns that every stone has; an image shows in `image_url` as well.
_ALWAYS = frozenset({"offer_id", "lab_grown", "cost_cents", "availability", "images"})
_COLUMNS = StoneFacts.__struct_fields__
_WATCHED = tuple(name for name in _COLUMNS if name not in _ALWAYS)
#: What a batch and a run keep of each: a supplier that makes up names must not fill the table.
_MAX_FIELDS, _MAX_VALUES, _MAX_VALUE_LENGTH = 100, 20, 60


@dataclass(slots=True)
class Counts:
    """What was counted over some stones.

    `mapped` stones were mapped, `unknown[column]` of them without a value; `looked_at` stones were looked at closely,
    `strange_fields[path]` of them with a field that the adapter does not know, and `strange_values[column][value]` with a
    value that it does not understand.
    """

    mapped: int = 0
    looked_at: int = 0
    unknown: Counter[str] = field(default_factory=Counter)
    strange_fields: Counter[str] = field(default_factory=Counter)
    strange_values: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, kept: dict[str, Any]) -> None:
        """Add what `kept` wrote."""
        self.mapped += kept.get("mapped", 0)
        self.looked_at += kept.get("looked_at", 0)
        self.unknown.update(kept.get("unknown", {}))
        self.strange_fields.update(kept.get("strange_fields", {}))
        for column, values in kept.get("strange_values", {}).items():
            self.strange_values.setdefault(column, Counter()).update(values)

    def kept(self) -> dict[str, Any]:
        """As JSON, bounded."""
        return {
            "mapped": self.mapped,
            "looked_at": self.looked_at,
            "unknown": {column: number for column, number in self.unknown.items() if number},
            "strange_fields": dict(self.strange_fields.most_common(_MAX_FIELDS)),
            "strange_values": {
                column: dict(values.most_common(_MAX_VALUES)) for column, values in sorted(self.strange_values.items())
            },
        }

    def unknown_share(self, column: str) -> float:
        """The share of stones without a value in a column."""
        return self.unknown[column] / self.mapped if self.mapped else 0.0

    def strange_share(self, column: str) -> float:
        """The share of stones with a value that is not understood in a column."""
        values = self.strange_values.get(column)
        return values.total() / self.looked_at if values and self.looked_at else 0.0


def count(adapter: Adapter, mapped: Iterable[StoneFacts], payloads: Sequence[bytes]) -> dict[str, Any]:
    """Count over one batch: the rows that it mapped, and a few of its payloads."""
    counts = Counts()
    rows = [msgspec.structs.astuple(facts) for facts in mapped]
    counts.mapped = len(rows)
    for name, column in zip(_COLUMNS, zip(*rows, strict=True), strict=bool(rows)):
        # Not `column.count(None)`: that asks every decimal whether it is equal.
        if name not in _ALWAYS and (unknown := len([None for value in column if value is None])):
            counts.unknown[name] = unknown
    if isinstance(adapter, Watchful):
        step = min(ONE_IN, max(1, len(payloads) // MIN_LOOKED_AT))
        for payload in payloads[::step]:
            _look(adapter, payload, counts)
    return counts.kept()


def _look(adapter: Watchful, payload: bytes, counts: Counts) -> None:
    try:
        seen = adapter.look(payload)
    except (MappingError, RecursionError):
        # It is a dead letter already, or nested beyond reason: nothing that a closer look may break a batch for.
        return
    counts.looked_at += 1
    counts.strange_fields.update({_storable(path) for path in seen.unknown_fields})
    for column, value in set(seen.not_understood):
        counts.strange_values.setdefault(column, Counter())[_storable(value)] += 1


def _storable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "�" for letter in text[:_MAX_VALUE_LENGTH])


def counted(run: Run) -> Counts:
    """The run's batches added up: only those whose transactions are done, each once."""
    counts = Counts()
    for kept in run.batches.filter(state="completed").values_list("drift", flat=True).iterator():
        counts.add(kept)
    return counts


def compare(run: Run) -> None:
    """Add the run's batches up, hold them against the feed's last runs, keep it on the run, and alert on a jump.

    Part of the run's last transaction, and of the one that puts it in review.
    """
    now = counted(run)
    before, runs, mappers = _before(run)
    # What another mapper never missed it may not have read at all, as a column of which it knew nothing.
    unread = () if mappers <= {run.mapper_version} else [name for name in _WATCHED if not before.unknown[name]]
    jumps = list(find_jumps(now, before, unread=unread).values()) if runs else []
    run.drift = {**now.kept(), "compared_with": runs, "before": before.kept() if runs else {}, "jumps": jumps}
    Run.objects.filter(pk=run.pk).update(drift=run.drift)
    if jumps:
        announce(
            # Once for the same jumps, however often the run comes to its end.
            dedupe_key=f"run:{run.pk}:drift:{blake2b('/'.join(jumps).encode(), digest_size=8).hexdigest()}",
            kind="schema_drift",
            severity="warning",
            subject=f"Run {run.pk} of {run.feed.slug}: what the supplier sends has changed: {'; '.join(jumps)}",
            details={"jumps": jumps, "compared_with": runs},
            trace_id=run.trace_id,
        )


def _before(run: Run) -> tuple[Counts, list[int], set[str]]:
    """What the feed's last completed runs counted, their numbers and mappers; no numbers if that is too little to go by."""
    counts = Counts()
    mappers = set()
    runs = (
        Run.objects.filter(feed_id=run.feed_id, state=Run.State.COMPLETED, drift__mapped__gt=0)
        .exclude(pk=run.pk)
        .order_by("-pk")[:COMPARED_RUNS]
    )
    numbers = []
    for pk, kept, mapper in runs.values_list("pk", "drift", "mapper_version"):
        counts.add(kept)
        numbers.append(pk)
        mappers.add(mapper)
    return counts, numbers if counts.mapped >= MIN_STONES else [], mappers


def find_jumps(now: Counts, before: Counts, *, unread: Collection[str] = ()) -> dict[tuple[str, str], str]:
    """What differs from before by more than chance: ("unknown" | "field" | "value", its name) → words for it.

    The most striking comes first. `unread` columns were not read before: on how many they were unknown is not known.
    """
    jumps: list[tuple[float, tuple[str, str], str]] = []
    if now.mapped >= MIN_STONES:
        for column in _WATCHED:
            share, was = now.unknown_share(column), before.unknown_share(column)
            if share - was > UNKNOWN_JUMP and column not in unread:
                words = f"{column} is unknown on {share:.1%} of stones, before on {was:.1%}"
                jumps.append((share - was, ("unknown", column), words))
    for path, number in now.strange_fields.items():
        share = number / now.looked_at
        if path not in before.strange_fields and number >= MIN_SEEN and share > FIELD_JUMP:
            jumps.append((share, ("field", path), f"field {path} is new, on {share:.1%} of stones"))
    for column, values in now.strange_values.items():
        share, was = now.strange_share(column), before.strange_share(column)
        if values.total() >= MIN_SEEN and share - was > VALUE_JUMP:
            examples = ", ".join(repr(value) for value, _ in values.most_common(3))
            words = f"{column} {examples} is not understood, on {share:.1%} of stones"
            jumps.append((share - was, ("value", column), words))
    return {key: words for _, key, words in sorted(jumps, key=lambda jump: (-jump[0], jump[1]))}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a run's drift for people: what, on which share of stones now and before (None: not compared)."""

    what: str
    now: float
    before: float | None
    jumped: bool


def lines(run: Run) -> list[Line]:
    """What is worth showing of a run's drift: everything strange, and columns whose unknown share moved by a point.

    Shares of few stones are not compared.
    """
    if not run.drift:
        return []
    now, before = Counts(), Counts()
    now.add(run.drift)
    before.add(run.drift.get("before", {}))
    compared = bool(run.drift.get("compared_with")) and now.mapped >= MIN_STONES
    jumps = find_jumps(now, before) if compared else {}

    def line(what: str, key: tuple[str, str], share: float, was: float) -> Line:
        return Line(what, share, was if compared else None, key in jumps)

    shown = [
        line(f"field {path} is not known", ("field", path), number / now.looked_at, _share(before, path))
        for path, number in now.strange_fields.most_common()
    ]
    for column, values in now.strange_values.items():
        examples = ", ".join(repr(value) for value, _ in values.most_common(5))
        what = f"{column} not understood: {examples}"
        shown.append(line(what, ("value", column), now.strange_share(column), before.strange_share(column)))
    for column in _WATCHED:
        share, was = now.unknown_share(column), before.unknown_share(column)
        if compared and abs(share - was) >= 0.01:
            shown.append(line(f"{column} unknown", ("unknown", column), share, was))
    return sorted(shown, key=lambda shown_line: not shown_line.jumped)


def comparison(run: Run) -> str:
    """What a run's drift is held against, or why against nothing; empty before the run has come to its end."""
    if not run.drift:
        return ""
    mapped, compared_with = run.drift.get("mapped", 0), run.drift.get("compared_with", [])
    if not mapped:
        return "No payload was new, so there is nothing to compare."
    if mapped < MIN_STONES:
        stones = "1 stone" if mapped == 1 else f"{mapped:,} stones"
        return f"Only {stones} came with a new payload: too few to compare with earlier runs."
    if not compared_with:
        return "No earlier run brought enough stones to compare with."
    runs = f"run {compared_with[0]}" if len(compared_with) == 1 else f"the last {len(compared_with)} runs"
    differs = "" if lines(run) else " Nothing differs."
    return f"{mapped:,} stones with a new payload, compared with those of {runs}.{differs}"


def _share(counts: Counts, path: str) -> float:
    return counts.strange_fields[path] / counts.looked_at if counts.looked_at else 0.0


def summary(run: Run) -> dict[str, Any]:
    """The run's drift in its report."""
    return {name: run.drift[name] for name in ("jumps", "strange_fields", "strange_values") if run.drift.get(name)}
