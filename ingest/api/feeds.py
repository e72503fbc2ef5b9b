"""Feeds by REST: what each is, how far it is known to be true, when it runs next; switching and setting it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from diamondhub.access.scopes import Scope
from diamondhub.access.throttles.limits import LimitClass
from diamondhub.api.answers import page_of
from diamondhub.api.endpoint import PageQuery, actor, operation, version_of
from diamondhub.api.masking import masked
from diamondhub.telemetry import scrub
from ingest import feed_settings, pausing, price_meanings, resting
from ingest.api.base import IngestEndpoint
from ingest.api.bodies import ChangedFeed, NewPause, Resumption, WithOptionalReason
from ingest.api.feed_answers import FeedAnswer, PauseAnswer, SlotAnswer
from ingest.feeds import ways
from ingest.models import Feed, Pause, Run, ScheduleSlot
from ingest.models.run import LIVE_STATES
from ingest.runs import find_feed
from ingest.scheduling import next_slots

#: Coming slots of its schedules that a feed shows.
COMING_SLOTS = 3


class FeedEndpoint(IngestEndpoint):
    """A view of feeds."""

    scope = Scope.FEEDS_READ
    tag = "feeds"


class Feeds(FeedEndpoint):
    """All feeds."""

    @operation("list_feeds", "Feeds", query=PageQuery, answer=page_of(FeedAnswer))
    def get(self, request: Request) -> Response:
        """Feeds with their settings and state, the newest first."""
        return self.page(Feed.objects.all(), feed_shown, by="id")


class OneFeed(FeedEndpoint):
    """One feed."""

    @operation("get_feed", "One feed", answer=FeedAnswer)
    def get(self, request: Request, feed: str) -> HttpResponseBase:
        """The feed's settings, how far it is complete (`watermark`), its runs, and when the next ones are due.

        Parameters of its adapter that sign in to a supplier are not shown, and of addresses only the host.
        """
        shown = feed_shown(find_feed(feed))
        return self.unless_known(version_of(shown), lambda: Response(shown))

    @operation(
        "change_feed",
        "Change a feed",
        scope=Scope.FEEDS_EDIT,
        body=ChangedFeed,
        answer=FeedAnswer,
        limit=LimitClass.RUNS,
    )
    def patch(self, request: Request, feed: str) -> Response:
        """Switch a feed on or off, or change its schedules, window and brakes; answers with the feed as it is then.

        Needs the scope `feeds:edit`. A run that is under way goes on with the settings that it finds at each stage.
        """
        find_feed(feed)
        changes = dict(self.body)
        reason = changes.pop("reason", "")
        return Response(feed_shown(feed_settings.change(feed, changes, actor=actor(request), reason=reason)))


class AskAgain(FeedEndpoint):
    """Forgetting what a supplier refused."""

    @operation(
        "ask_supplier_again",
        "Try all ways of asking again",
        scope=Scope.FEEDS_EDIT,
        body=WithOptionalReason,
        body_is_optional=True,
        answer=FeedAnswer,
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, feed: str) -> Response:
        """Forget the ways of asking that the supplier refused (`refused_ways`): the next run tries them again.

        Needs the scope `feeds:edit`. By themselves they are tried again after a week.
        """
        of = find_feed(feed)
        ways.forget(of.pk, self.body.get("reason", ""))
        return Response(feed_shown(find_feed(feed)))


class FeedPause(FeedEndpoint):
    """Pausing."""

    @operation(
        "pause_feed",
        "Pause a feed or its supplier's account",
        scope=Scope.RUNS_OPERATE,
        body=NewPause,
        answer=PauseAnswer,
        problems=(HTTPStatus.NOT_FOUND, "cannot-pause"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, feed: str) -> Response:
        """Have a feed rest, or with `what=account` the supplier's account that it asks by, with all feeds that ask by it.

        Needs the scope `runs:operate`. After the page in hand nothing is asked, a live run waits where it is, and slots of
        schedules start nothing. The pause ends by itself after `minutes`. What is paused already is paused anew.
        """
        what, name = _paused_thing(find_feed(feed), self.body["what"])
        ordered = pausing.pause(what, name, minutes=self.body["minutes"], by=actor(request), reason=self.body["reason"])
        return Response(pausing.as_json(ordered))


class FeedResumption(FeedEndpoint):
    """Resuming."""

    @operation(
        "resume_feed",
        "Resume a feed or its supplier's account",
        scope=Scope.RUNS_OPERATE,
        body=Resumption,
        body_is_optional=True,
        answer=PauseAnswer,
        problems=(HTTPStatus.NOT_FOUND, "not-paused", "cannot-pause"),
        idempotent=True,
        limit=LimitClass.RUNS,
    )
    def post(self, request: Request, feed: str) -> Response:
        """End a pause before its time: everything goes on at once, from where it stopped. Needs the scope `runs:operate`."""
        what, name = _paused_thing(find_feed(feed), self.body["what"])
        return Response(
            pausing.as_json(pausing.resume(what, name, by=actor(request), reason=self.body.get("reason", "")))
        )


def _paused_thing(feed: Feed, what: str) -> tuple[str, str]:
    """What is meant by pausing a feed, or its account. Raises `CannotPause` for one without account."""
    if what == Pause.What.FEED:
        return what, feed.slug
    account = resting.account_of(feed)
    if not account:
        raise pausing.CannotPause(f"feed {feed.slug} asks its supplier by no account: pause the feed itself")
    return what, account


class Slots(FeedEndpoint):
    """The moments at which a feed's schedules wanted a run."""

    @operation("list_slots", "Scheduled runs of a feed", query=PageQuery, answer=page_of(SlotAnswer))
    def get(self, request: Request, feed: str) -> Response:
        """What became of each moment at which a run was due, the newest first: the run, or why none was started."""
        return self.page(ScheduleSlot.objects.filter(feed=find_feed(feed)), slot_shown, by="id")


def feed_shown(feed: Feed) -> dict[str, Any]:
    """A feed as answers have it."""
    coming = next_slots(feed, timezone.now(), COMING_SLOTS) if feed.enabled else []
    return {
        "feed": feed.slug,
        **{name: getattr(feed, name) for name in feed_settings.CHANGEABLE},
        "adapter": feed.adapter,
        "parameters": masked(feed.parameters),
        "watermark": feed.watermark,
        "pauses": [pausing.as_json(pause) for pause in resting.in_force().concerning(feed)],
        "live_run": _newest(feed.runs.filter(state__in=LIVE_STATES)),
        "last_run": _newest(feed.runs.all()),
        "next_runs": [{"due_at": due_at, "kind": kind} for due_at, kind in coming],
        "refused_ways": [
            {
                "way": str(way),
                "words": ways.IN_WORDS[way],
                "most": limit.most,
                "said": scrub.reason(limit.said),
                "found_at": limit.at,
                "tried_again_after": limit.at + ways.ASK_AGAIN_AFTER,
            }
            for way, limit in ways.limits_of(feed).items()
        ],
        "prices": price_meanings.shown(feed.prices),
        "created_at": feed.created_at,
        "links": {
            "self": reverse("feed", args=[feed.slug]),
            "runs": f"{reverse('runs')}?feed={feed.slug}",
            "slots": reverse("slots", args=[feed.slug]),
        },
    }


def slot_shown(slot: ScheduleSlot) -> dict[str, Any]:
    """A slot as answers have it."""
    return {
        "due_at": slot.due_at,
        "kind": slot.kind,
        "state": slot.state,
        "run": slot.run_id,
        "reason": slot.reason,
    }


def _newest(runs: QuerySet[Run]) -> dict[str, Any] | None:
    shown = ("kind", "state", "created_at", "finished_at")
    newest = runs.order_by("-pk").only("pk", *shown).first()
    return {"run": newest.pk, **{name: getattr(newest, name) for name in shown}} if newest else None
