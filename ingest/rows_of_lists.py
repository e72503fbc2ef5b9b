"""What became of every row of a run's list: received, not offered by which word, left out, dead letters.

A full run is shown the offered rows only, so what it received tells nothing of the others; the census of the list, taken
where it was read, does. Planning calls `keep`; the run's page and its report show `account_of`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db.models import Sum
from django.db.models.functions import Coalesce

from ingest.feeds.adapter import Adapter, Counted
from ingest.feeds.census import census_of
from ingest.models import Page, Partition, Run


class Account(msgspec.Struct, frozen=True):
    """The rows of a list and what became of them; `rows` is the sum of the others but for `letters`.

    `letters` are the dead ones of those `received`. `not_shown` were offered and are in no page, of a run that is not over
    or lacks partitions; a run whose list is not newer than what the catalogue has is shown nothing.
    """

    rows: int
    received: int
    not_offered: dict[str, int]
    left_out: dict[str, int]
    not_shown: int
    letters: int
    unknown_words: dict[str, dict[str, int]]
    unknown_headers: dict[str, int]


def keep(run: Run, adapter: Adapter) -> None:
    """Keep the census of the run's list on the run."""
    if not isinstance(adapter, Counted) or run.window_to is None:
        return
    run.census = msgspec.to_builtins(adapter.census(run.window_to))
    Run.objects.filter(pk=run.pk).update(census=run.census)


def account_of(run: Run) -> Account | None:
    """What became of the rows of the run's list; None for a run without a list."""
    census = census_of(run.census)
    if census is None:
        return None
    if run.archived_at and (kept := run.summary.get("rows_of_list")):
        return msgspec.convert(kept, Account)
    pages = Page.objects.filter(run_id=run.pk, partition__kind=Partition.Kind.RANGE).aggregate(
        received=Coalesce(Sum("received"), 0), repeats=Coalesce(Sum("repeats"), 0)
    )
    shown = pages["received"] - pages["repeats"]
    # An incremental run is shown all rows of stones, whatever their availability.
    not_offered = sum(census.not_offered.values())
    received = shown if run.kind == Run.Kind.FULL else max(0, shown - not_offered)
    return Account(
        rows=census.rows,
        received=received,
        not_offered=census.not_offered,
        left_out=census.left_out,
        not_shown=census.offered - received,
        letters=run.dead_letters.aggregate(stones=Coalesce(Sum("stones"), 0))["stones"],
        unknown_words=census.unknown_words,
        unknown_headers=census.unknown_headers,
    )


def as_json(run: Run) -> dict[str, Any] | None:
    """The account as the run's report has it."""
    account = account_of(run)
    return None if account is None else msgspec.to_builtins(account)
