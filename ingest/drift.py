"""Schema drift: what a supplier's payloads hold that we do not know, and what they no longer hold.

Every batch counts in its own transaction how often each column is unknown, and of a few stones which fields and which
grades mean nothing to the adapter. The end of a run adds the batches up, holds them against the last completed runs of
the feed that are like it, keeps both on the run, and alerts when something jumped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from django.db.models import QuerySet

from catalog import upsert
from catalog.rows import StoneFacts
from ingest.errors import MappingError
from ingest.feeds.adapter import Adapter, Watchful
from ingest.feeds.census import census_of
from ingest.models import Run
from ingest.problems import runs as run_problems

#: One stone in so many is looked at closely; of small batches more, so that `MIN_LOOKED_AT` are.
ONE_IN, MIN_LOOKED_AT = 50, 20
#: Completed runs of the feed, of the same kind and by the same mapper, that a run is held against.
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


def count(adapter: Adapter, counts: Counts, payloads: Sequence[bytes]) -> dict[str, Any]:
    """Count over one batch, as JSON: adds what is strange about a few of its payloads to what its rows leave unknown."""
    if isinstance(adapter, Watchful):
        step = min(ONE_IN, max(1, len(payloads) // MIN_LOOKED_AT))
        for payload in payloads[::step]:
            _look(adapter, payload, counts)
    return counts.kept()


def unknown_of(mapped: Iterable[StoneFacts]) -> Counts:
    """How often each column of some stones is unknown."""
    rows = [msgspec.structs.astuple(facts) for facts in mapped]
    # Not `column.count(None)`: that asks every decimal whether it is equal.
    columns = [sum(value is None for value in column) for column in zip(*rows, strict=True)]
    return _unknown(len(rows), dict(zip(_COLUMNS, columns, strict=bool(rows))))


def unknown_in(rows: upsert.Rows) -> Counts:
    """How often each column of the rows of a batch is unknown; the same as `unknown_of` its stones."""
    return _unknown(len(rows.stones), rows.unknown)


def _unknown(mapped: int, unknown: Mapping[str, int]) -> Counts:
    watched = {name: number for name in _WATCHED if (number := unknown.get(name, 0))}
    return Counts(mapped=mapped, unknown=Counter(watched))


def _look(adapter: Watchful, payload: bytes, counts: Counts) -> None:
    try:
        seen = adapter.look(payload)
    except (MappingError, RecursionError):
        # It is a dead letter already, or nested beyond reason: nothing that a closer look may break a batch for.
        return
    counts.looked_at += 1
    counts.strange_fields.update({storable(path) for path in seen.unknown_fields})
    for column, value in set(seen.not_understood):
        counts.strange_values.setdefault(column, Counter())[storable(value)] += 1


def storable(text: str) -> str:
    """A supplier's text as it is kept and shown: short, of letters that can be printed."""
    return "".join(letter if letter.isprintable() else "�" for letter in text[:_MAX_VALUE_LENGTH])


def counted(run: Run) -> Counts:
    """The run's batches added up: only those whose transactions are done, each once."""
    counts = Counts()
    for kept in run.batches.filter(state="completed").values_list("drift", flat=True).iterator():
        counts.add(kept)
    return counts


def compare(run: Run) -> None:
    """Add the run's batches up, hold them against the last runs like it, keep it on the run, and tell of a jump.

    Part of the run's last transaction, and of the one that puts it in review.
    """
    now = counted(run)
    before, runs = _before(run)
    of_list = _compare_lists(run)
    jumps = [*(line.what for line in of_list), *(find_jumps(now, before).values() if runs else ())]
    run.drift = {
        **now.kept(),
        "compared_with": runs,
        "alike": {"kind": run.kind, "mapper": run.mapper_version},
        "before": before.kept() if runs else {},
        "jumps": jumps,
        "list": [[line.what, line.now, line.before] for line in of_list],
    }
    Run.objects.filter(pk=run.pk).update(drift=run.drift)
    run_problems.drifted(run, jumps, runs)


def _compare_lists(run: Run) -> list[Line]:
    """What of the rows that a full run is never shown differs from the last completed run like it."""
    now = census_of(run.census)
    alike = _alike_runs(run).exclude(census={}).order_by("-pk").values_list("census", flat=True).first()
    before = census_of(alike or {})
    if now is None or before is None or min(now.stones, before.stones) < MIN_STONES:
        return []
    differing = []
    share, was = (sum(census.not_offered.values()) / census.stones for census in (now, before))
    if share - was > UNKNOWN_JUMP:
        words = ", ".join(repr(word) for word in list(now.not_offered)[:3])
        differing.append(Line(f"not offered by the list's words {words}", share, was, jumped=True, about=_LIST))
    strange, known = (census.unknown_words.get("availability", {}) for census in (now, before))
    share, was = sum(strange.values()) / now.stones, sum(known.values()) / before.stones
    if sum(strange.values()) >= MIN_SEEN and share - was > VALUE_JUMP:
        words = ", ".join(repr(word) for word in list(strange)[:3])
        differing.append(
            Line(f"availability {words} is not understood in the list", share, was, jumped=True, about=_LIST)
        )
    return differing


#: What the lines of rows that no page shows are about.
_LIST = ("list", "rows")


def _alike_runs(run: Run) -> QuerySet[Run]:
    """The feed's completed runs of the same kind by the same mapper."""
    return Run.objects.filter(
        feed_id=run.feed_id, kind=run.kind, mapper_version=run.mapper_version, state=Run.State.COMPLETED
    ).exclude(pk=run.pk)


def _before(run: Run) -> tuple[Counts, list[int]]:
    """What the last completed runs like this one counted, and their numbers; none if that is too little to go by.

    Like it are the feed's runs of the same kind by the same mapper: an incremental run sees other stones than a full one,
    and what another mapper did not read it did not miss.
    """
    counts = Counts()
    alike = _alike_runs(run).filter(drift__mapped__gt=0).order_by("-pk")[:COMPARED_RUNS]
    numbers = []
    for pk, kept in alike.values_list("pk", "drift"):
        counts.add(kept)
        numbers.append(pk)
    return counts, numbers if counts.mapped >= MIN_STONES else []


def find_jumps(now: Counts, before: Counts) -> dict[tuple[str, str], str]:
    """What differs from before by more than chance: ("unknown" | "field" | "value", its name) → words for it.

    The most striking comes first.
    """
    jumps: list[tuple[float, tuple[str, str], str]] = []
    if now.mapped >= MIN_STONES:
        for column in _WATCHED:
            share, was = now.unknown_share(column), before.unknown_share(column)
            if share - was > UNKNOWN_JUMP:
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
    #: The column or field that it is about, and by which of the three it is: "field", "value" or "unknown".
    about: tuple[str, str]


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
        return Line(what, share, was if compared else None, key in jumps, key)

    shown = [Line(what, share, was, jumped=True, about=_LIST) for what, share, was in run.drift.get("list", [])]
    shown += [
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
        return f"No earlier {_alike(run, 1)} brought enough stones to compare with."
    numbers = ", ".join(map(str, sorted(compared_with)))
    runs = f"the last {_alike(run, len(compared_with))} ({numbers})"
    differs = "" if lines(run) else " Nothing differs."
    return f"{mapped:,} stones with a new payload, compared with those of {runs}.{differs}"


def _alike(run: Run, count: int) -> str:
    """What runs a run is held against, in words; those of old reports were held against all kinds."""
    noun = "run" if count == 1 else f"{count} runs"
    alike = run.drift.get("alike")
    if not alike:
        return noun
    noun = f"{alike['kind']} run" if count == 1 else f"{count} {alike['kind']} runs"
    return f"{noun} by mapper {alike['mapper']}" if alike["mapper"] else noun


def _share(counts: Counts, path: str) -> float:
    return counts.strange_fields[path] / counts.looked_at if counts.looked_at else 0.0


def summary(run: Run) -> dict[str, Any]:
    """The run's drift in its report."""
    return {name: run.drift[name] for name in ("jumps", "strange_fields", "strange_values") if run.drift.get(name)}
