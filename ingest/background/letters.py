"""Dead letters of one cause replayed or discarded in the background, however many they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse

from diamondhub.admin.display import NOTHING, Table, badge
from diamondhub.operations.jobs import Onward, Running
from diamondhub.operations.models import Job
from ingest import dead_letters, replaying
from ingest.models import DeadLetter

#: Letters closed by one word of how far it is.
CHUNK = 1000


def replay(running: Running) -> dict[str, Any]:
    """Send the letters of a cause through the pipeline again, a sample first; a worker that takes over goes on behind."""
    job = running.job
    behind = running.memo.get("behind", 0)
    # A worker that takes over may find none left.
    chosen = _waiting(job) if behind else replaying.select(fingerprint=job.subject)
    before = Counter(running.memo.get("outcomes", {}))
    tried_before = running.memo.get("tried", 0)
    selected = running.memo.get("selected") or chosen.count()

    def tell(report: replaying.Report, last: int) -> None:
        tried, outcomes = tried_before + report.tried, before + report.outcomes
        running.tell(
            tried / max(1, selected),
            f"{tried:,} of {selected:,} letters",
            {"behind": last, "outcomes": dict(outcomes), "tried": tried, "selected": selected},
        )

    report = replaying.replay(
        chosen.filter(pk__gt=behind),
        actor=job.asked_by,
        why=job.reason,
        sample=0 if behind else int(job.parameters.get("sample", 0)),
        force=bool(job.parameters.get("force")),
        after_chunk=tell,
    )
    report.selected, report.tried = selected, tried_before + report.tried
    report.outcomes.update(before)
    return result_of(report)


def discard(running: Running) -> dict[str, Any]:
    """Close the letters of a cause without processing them."""
    job = running.job
    total = running.memo.get("total") or _waiting(job).count()
    done = running.memo.get("done", 0)
    while closed := dead_letters.discard(_waiting(job), actor=job.asked_by, reason=job.reason, most=CHUNK):
        done += closed
        running.tell(done / max(1, total), f"{done:,} of {total:,} letters", {"total": total, "done": done})
    return {"discarded": done}


def result_of(report: replaying.Report) -> dict[str, Any]:
    """What a replay's job keeps."""
    return {**report.as_json(), "words": report.in_words()}


def tables(result: dict[str, Any]) -> list[Table]:
    """Letters that were tried, one by one."""
    return [
        Table(
            "Letters",
            ["Letter", "Stone", "Would become" if result["dry_run"] else "Became", "Why"],
            [
                [
                    letter["letter"],
                    letter["stone"] or letter["kind"],
                    badge(letter["outcome"]),
                    letter["reason"] or NOTHING,
                ]
                for letter in result["letters"]
            ],
        )
    ]


def onward(job: Job) -> Sequence[Onward]:
    """After a sample, the buttons for all letters of its cause."""
    letters = _waiting(job).count()
    if not letters:
        return ()
    deeds = (("Replay", "replay", "ingest.replay_deadletter"), ("Discard", "discard", "ingest.discard_deadletter"))
    return tuple(
        Onward(
            f"{words} all {letters:,} letters" if letters > 1 else f"{words} the letter",
            reverse(f"admin:ingest_deadletter_{name}", args=["cause", job.subject]),
            permission,
            "Nothing has been written yet." if name == "replay" else "",
        )
        for words, name, permission in deeds
    )


def _waiting(job: Job) -> QuerySet[DeadLetter]:
    return dead_letters.waiting().filter(fingerprint=job.subject)
