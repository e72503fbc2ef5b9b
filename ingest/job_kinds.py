"""What people may have done in the background in the admin, as a table; what each kind does is in `ingest.background`."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from diamondhub.admin.display import NOTHING
from diamondhub.operations import jobs
from diamondhub.operations.jobs import Kind, Running
from ingest import remapping, sign_in
from ingest.background import checking, letters, mapping, planning
from ingest.errors import IngestError
from ingest.models import Feed
from ingest.planning import dry_run

SIGN_IN, PLAN, REMAP_TRIAL, REMAP = "sign-in", "plan-trial", "remap-trial", "remap"
INVARIANTS = "invariants"
REPLAY_TRIAL, REPLAY, DISCARD = "replay-trial", "replay-letters", "discard-letters"
#: What the page of a feed shows of these.
OF_FEEDS = (SIGN_IN, PLAN, REMAP_TRIAL, REMAP)


def feed_url(slug: str) -> str:
    """The page of a feed."""
    pk = Feed.objects.filter(slug=slug).values_list("pk", flat=True).first()
    return reverse("admin:ingest_feed_change", args=[pk]) if pk else ""


def feed_name(slug: str) -> str:
    """What a job about a feed is about."""
    return f"feed {slug}"


def letters_url(fingerprint: str) -> str:
    """The letters of a cause."""
    return f"{reverse('admin:ingest_deadletter_changelist')}?fingerprint={fingerprint}"


def letters_name(fingerprint: str) -> str:
    """What a job about letters is about."""
    return f"letters of the cause {fingerprint[:8]}…"


def replayed_in_words(result: dict[str, Any]) -> str:
    """What became of letters."""
    return str(result.get("words") or NOTHING)


def discarded_in_words(result: dict[str, Any]) -> str:
    """How many letters were closed."""
    return f"{result['discarded']:,} letters are discarded"


def tried_remap_in_words(result: dict[str, Any]) -> str:
    """What a remap would do."""
    return f"a trial, rolled back: {remapping.in_words(result)}"


def done_at_once(_running: Running) -> dict[str, Any]:
    """The work of what no worker is asked for: its jobs are over when they are made."""
    raise IngestError("this is not done in the background")


jobs.declare(
    Kind(
        INVARIANTS,
        "Invariants checked",
        checking.check,
        permission="ingest.change_run",
        seen_by="ingest.view_run",
        in_words=checking.in_words,
        tables=checking.tables,
        button="Check the invariants",
        stops_statements=True,
    ),
    Kind(
        SIGN_IN,
        "Sign-in tried",
        done_at_once,
        permission="ingest.add_run",
        seen_by="ingest.view_feed",
        in_words=sign_in.in_words,
        link=feed_url,
        about=feed_name,
        expected=(IngestError,),
    ),
    Kind(
        PLAN,
        "Plan tried out",
        planning.try_out,
        permission="ingest.add_run",
        seen_by="ingest.view_feed",
        in_words=dry_run.in_words,
        tables=planning.tables,
        link=feed_url,
        about=feed_name,
        expected=(IngestError,),
        waits=True,
    ),
    Kind(
        REMAP_TRIAL,
        "Remap tried out",
        mapping.try_remap,
        permission="ingest.change_feed",
        seen_by="ingest.view_feed",
        in_words=tried_remap_in_words,
        tables=mapping.tables,
        onward=mapping.onward,
        link=feed_url,
        about=feed_name,
        expected=(IngestError,),
        stops_statements=True,
    ),
    Kind(
        REMAP,
        "Stones mapped again",
        mapping.remap,
        permission="ingest.change_feed",
        seen_by="ingest.view_feed",
        in_words=remapping.in_words,
        tables=mapping.tables,
        link=feed_url,
        about=feed_name,
        cancelled=mapping.cancel_remap,
        expected=(IngestError,),
    ),
    Kind(
        REPLAY_TRIAL,
        "Sample of letters tried",
        done_at_once,
        permission="ingest.replay_deadletter",
        seen_by="ingest.view_deadletter",
        in_words=replayed_in_words,
        tables=letters.tables,
        onward=letters.onward,
        link=letters_url,
        about=letters_name,
        expected=(IngestError,),
    ),
    Kind(
        REPLAY,
        "Letters replayed",
        letters.replay,
        permission="ingest.replay_deadletter",
        seen_by="ingest.view_deadletter",
        in_words=replayed_in_words,
        tables=letters.tables,
        link=letters_url,
        about=letters_name,
        expected=(IngestError,),
    ),
    Kind(
        DISCARD,
        "Letters discarded",
        letters.discard,
        permission="ingest.discard_deadletter",
        seen_by="ingest.view_deadletter",
        in_words=discarded_in_words,
        link=letters_url,
        about=letters_name,
        expected=(IngestError,),
    ),
)
