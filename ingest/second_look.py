"""Second looks: what a run asks the supplier once more before it asks a person. Nothing of it is stored.

A look takes one request, or more where the supplier takes fewer ids in one. One that does not come off is no answer (None):
what was seen before then stands. While the feed rests nobody is asked, and nothing is concluded from that: `Paused`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.utils import timezone

from catalog.models import Diamond
from diamondhub.database import release_connection
from diamondhub.pace.limiter import LimiterUnavailable, WaitTooLong
from ingest import resting
from ingest.errors import SupplierError
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.adapters import adapter_of
from ingest.feeds.ways import Way, Ways, limits_of
from ingest.models import Page, RawDiamond, Run

log = structlog.get_logger(__name__)

#: Stones that a page has just shown and that are asked for by id, to see whether asking by id means anything.
CONTROL_STONES = 20


@dataclass(frozen=True, slots=True)
class Control:
    """How many stones were asked for that a page has just shown, and how many of them the supplier knows by id."""

    asked: int
    known: int


def count_window(run: Run, *, otherwise: int) -> int:
    """How many stones the supplier counts in a full run's window now; `otherwise` if it does not say."""
    resting.go_on(run.feed)
    release_connection()
    try:
        (total,) = adapter_of(run.feed).count([StoneQuery(window_to=run.window_to, available_only=True)])
    except (SupplierError, LimiterUnavailable, WaitTooLong) as error:
        log.warning("window_not_counted_again", error=str(error))
        return otherwise
    return total


def ask_again(run: Run, supplier_stone_ids: Sequence[str]) -> dict[str, bytes] | None:
    """The payloads that the supplier sends of these stones now, at most a page of them, by its own ids."""
    adapter = adapter_of(run.feed)
    if not adapter.answers_by_id or not supplier_stone_ids:
        return None
    resting.go_on(run.feed)
    release_connection()
    try:
        asked = list(supplier_stone_ids)[: adapter.page_limit]
        most = Ways(limits_of(run.feed), timezone.now()).most(Way.IDS_TOGETHER, adapter.page_limit)
        items = [
            item for first in range(0, len(asked), most) for item in adapter.lookup(asked[first : first + most]).items
        ]
    except (SupplierError, LimiterUnavailable, WaitTooLong) as error:
        log.warning("stones_not_asked_again", error=str(error))
        return None
    answers = {}
    for payload in items:
        try:
            answers[adapter.identify(payload).supplier_stone_id] = payload
        except Exception as error:  # noqa: BLE001 - as in the walk, where such an item becomes a dead letter
            log.debug("answer_does_not_say_who_it_is", error=type(error).__name__)
    return answers


def shown_and_known_by_id(run: Run) -> Control | None:
    """Ask by id for some stones that a page has shown: a supplier that knows none of them cannot be asked by id."""
    ids = Page.objects.filter(run_id=run.pk, partition__kind="range").exclude(stone_ids=[]).order_by("-id")
    shown = ids.values_list("stone_ids", flat=True).first() or []
    names = Diamond.objects.filter(pk__in=shown[:CONTROL_STONES]).values_list("supplier_stone_id", flat=True)
    # On a page of new stones only the payloads name them.
    stones = list(
        names or RawDiamond.objects.filter(run_id=run.pk).values_list("supplier_stone_id", flat=True)[:CONTROL_STONES]
    )
    answers = ask_again(run, stones)
    return None if answers is None else Control(len(stones), len(answers))
