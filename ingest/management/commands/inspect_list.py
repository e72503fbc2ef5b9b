"""Look at a price list before it is fed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from diamondhub.admin.display import dollars
from ingest import looking_at_lists
from ingest.errors import IngestError
from ingest.feeds.pricelist.inspecting import Inspection
from ingest.looking_at_lists import feed_parameters, look_at_file, look_at_source, secrets_for, stone_of
from ingest.management.commands._common import IngestCommand
from ingest.models import Feed
from ingest.runs import find_feed

#: Exit status: something is asked, or a first run would wait; the list cannot be read.
ASKED, UNREADABLE = 1, 2


class Command(IngestCommand):
    """`inspect_list <file-or-address> [--feed slug] [--json]`."""

    help = (
        "Look at a price list, nothing saved: its columns and what proves them, what nobody knows in it, twenty stones with "
        "prices, what would be refused and asked. Exit 0 if all is fine, 1 if something is asked or would wait, 2 if the "
        "list cannot be read."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "list", nargs="?", default="", help="a file, or an address; with --feed left out: the feed's own list"
        )
        parser.add_argument("--feed", default="", help="read it by this feed's parameters")
        self.add_json(parser)

    def run(self, *, list: str, feed: str, as_json: bool, **_: Any) -> None:  # noqa: A002 - the argument's name
        try:
            inspection = _looked(list, find_feed(feed) if feed else None)
        except IngestError as error:
            raise CommandError(str(error), returncode=UNREADABLE) from error
        self.say(looking_at_lists.as_json(inspection), "\n".join(_lines(inspection)), as_json=as_json)
        if not inspection.is_fine:
            why = (
                inspection.missing
                or (inspection.question and inspection.question.words)
                or "; ".join(inspection.faults)
            )
            raise CommandError(str(why), returncode=ASKED)


def _looked(named: str, feed: Feed | None) -> Inspection:
    parameters = feed_parameters(feed) if feed is not None else {}
    if not named and feed is None:
        raise looking_at_lists.NoPriceList("name a file or an address, or a feed with --feed")
    if not named or "://" in named:
        asked = {**parameters, **({"source": named} if named else {})}
        return look_at_source(asked, secrets_for(feed, asked) if feed is not None else {}, feed=feed)
    if not Path(named).is_file():
        raise looking_at_lists.NoPriceList(f"there is no file {named}")
    return look_at_file(Path(named), parameters, feed=feed)


def _lines(seen: Inspection) -> Iterator[str]:
    census = seen.census
    if seen.written:
        yield (
            f"{seen.written}; {census.rows:,} rows, {census.offered:,} of them offered" if census.rows else seen.written
        )
    yield from _columns(seen)
    yield from _told("Not offered", [(word or "without a word", rows) for word, rows in census.not_offered.items()])
    yield from _told("Left out", census.left_out.items())
    yield from _told("Words that nobody knows", [(f"{seen.field}: {seen.word}", seen.rows) for seen in seen.words])
    if seen.refusals:
        yield f"\nDead letters: {seen.refused:,} of {seen.mapped:,} stones"
        for refusal in seen.refusals:
            yield f"  {refusal.rows:>7,}  {refusal.field}, e.g. {', '.join(refusal.examples)}"
            yield from (f"  {rows:>15,}  {reason}" for reason, rows in refusal.reasons)
    if seen.stones:
        yield "\nStones as the catalogue would have them"
        for stone in map(stone_of, seen.stones):
            facts = " ".join(
                str(stone[column]) for column in looking_at_lists.IN_TABLES if stone[column] not in (None, "")
            )
            kind = "lab-grown " if stone["lab_grown"] else ""
            price = dollars(stone["price_cents"])
            yield f"  {stone['offer_id']}: {kind}{facts}; costs {dollars(stone['cost_cents'])}, sells at {price}"
    for note in seen.notes:
        yield f"\nNote: {note}"
    if seen.question is not None:
        yield f"\nAsked: {seen.question.with_example}"
    if seen.missing:
        yield f"\nAsked: {seen.missing}"
    yield from (f"\nWould wait: {fault}" for fault in seen.faults)
    if seen.is_fine:
        yield "\nA run would read it without asking anybody."


def _columns(seen: Inspection) -> Iterator[str]:
    if seen.columns:
        yield "\nColumns"
    width = min(30, max((len(column.header) for column in seen.columns), default=0))
    for column in seen.columns:
        proof = f"{column.understood:,} of {column.filled:,} cells" if column.filled else "empty"
        means = column.means
        if column.field is None:
            means, proof = "NOBODY KNOWS", f"{column.filled:,} cells"
            if column.likely:
                means += f", may be {' or '.join(column.likely)}"
        by = f", {column.by}" if column.by else ""
        examples = f": {', '.join(column.examples)}" if column.examples else ""
        yield f"  {column.header:<{width}}  {means} ({proof}{by}){examples}"


def _told(title: str, counts: Any) -> Iterator[str]:
    rows = list(counts)
    if rows:
        yield f"\n{title}"
        yield from (f"  {number:>7,}  {what}" for what, number in rows)
