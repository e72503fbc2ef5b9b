"""What the columns of a feed's lists hold: kept on the feed and on its runs, asked where nothing proves it, answered once.

Planning calls `find_out` and `ask`; the feed's page in the admin shows the question and calls `answer`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from django.db import transaction

from diamondhub.audit.acting import acting
from ingest.errors import IngestError
from ingest.feeds.adapter import Adapter, Proving
from ingest.feeds.registry import check_parameters
from ingest.feeds.verdicts import IN_WORDS, SupplierAsks, Verdict
from ingest.models import Feed, Run


class NothingAsked(IngestError):
    """The feed does not ask this: look at its page again."""


def verdict_of(kept: dict[str, Any]) -> Verdict:
    """A verdict from the JSON of its row; an empty one if it cannot be read."""
    try:
        return msgspec.convert(kept, Verdict)
    except msgspec.ValidationError:
        return Verdict()


def find_out(run: Run, adapter: Adapter) -> None:
    """Keep what the columns of the run's list hold on the run and on its feed. Raises `SupplierAsks`."""
    if not isinstance(adapter, Proving) or run.window_to is None:
        return
    before = Feed.objects.only("prices").get(pk=run.feed_id).prices
    verdict = adapter.verdict(run.window_to, verdict_of(before))
    written = msgspec.to_builtins(verdict)
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(prices=written)
        Feed.objects.filter(pk=run.feed_id).update(prices=written)


def ask(run: Run, asked: SupplierAsks) -> None:
    """Keep a question: on the run with all that was found out, on the feed beside what the list before held."""
    written = msgspec.to_builtins(asked.verdict)
    with transaction.atomic():
        Run.objects.filter(pk=run.pk).update(prices=written)
        feed = Feed.objects.select_for_update().only("prices").get(pk=run.feed_id)
        Feed.objects.filter(pk=feed.pk).update(prices={**feed.prices, "question": written["question"]})


def answer(feed_id: int, words: str, number: int, *, actor: str, reason: str = "") -> str:
    """Keep a person's answer in the feed's parameters; returns its words.

    `words` are those of the question that was seen. Raises `NothingAsked` if another one is asked by now, or none, or if it
    has no such answer.
    """
    with acting(actor, reason=reason), transaction.atomic():
        feed = Feed.objects.select_for_update().get(pk=feed_id)
        question = verdict_of(feed.prices).question
        if question is None or question.words != words or not 0 <= number < len(question.answers):
            raise NothingAsked
        chosen = question.answers[number]
        parameters = dict(feed.parameters)
        for name, value in chosen.parameters.items():
            parameters[name] = {**parameters.get(name, {}), **value} if isinstance(value, dict) else value
        check_parameters(feed.adapter, parameters)
        feed.parameters = parameters
        feed.prices = {name: value for name, value in feed.prices.items() if name != "question"}
        feed.save(update_fields=["parameters", "prices"])
    return chosen.words


def shown(kept: dict[str, Any]) -> dict[str, Any] | None:
    """What was found out as answers of the API have it, without what stones cost; None where there is nothing."""
    if not kept:
        return None
    verdict = verdict_of(kept)
    return {
        "columns": [
            {
                "header": column.header,
                "means": str(column.means),
                "words": IN_WORDS[column.means],
                "by": column.by,
                "rows": column.rows,
                "of": column.of,
            }
            for column in verdict.columns
        ],
        "looked_at": verdict.looked,
        "notes": list(verdict.notes),
        "question": verdict.question.words if verdict.question is not None else None,
    }
