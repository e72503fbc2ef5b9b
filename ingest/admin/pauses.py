"""Pauses in the admin: the list with what is paused now, and the buttons that pause and resume, here and on other pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, badge, duration, moment
from diamondhub.database import clock
from ingest import pausing, resting
from ingest.admin.acting import DECIDE, RequiredReason, act
from ingest.models import Feed, Pause, Run

#: How long a pause may be told to last: minutes, in words.
DURATIONS = {
    15: "15 minutes",
    60: "an hour",
    240: "4 hours",
    1_440: "a day",
    4_320: "3 days",
    pausing.MAX_MINUTES: "7 days",
}


class Order(RequiredReason):
    """What is paused, for how long and why."""

    reason = forms.CharField(
        max_length=500,
        label="Reason",
        error_messages={"required": "Say why: the reason is shown wherever the pause is."},
    )
    what = forms.CharField(max_length=20)
    name = forms.CharField(max_length=100, required=False)
    minutes = forms.TypedChoiceField(
        coerce=int,
        choices=list(DURATIONS.items()),
        error_messages={
            "required": "Say how long it is paused.",
            "invalid_choice": f"A pause lasts {', '.join(DURATIONS.values())}.",
        },
    )


@admin.register(Pause)
class PauseAdmin(ReadOnlyAdmin[Pause]):
    """Pauses, the newest first, below those that are in force."""

    list_display = ("named", "standing", "reason", "paused_by", "since", "end")
    list_filter = ("what",)
    ordering = ("-pk",)
    list_before_template = "admin/ingest/pause/panel.html"

    @admin.display(description="what")
    def named(self, pause: Pause) -> str:
        """What was paused; links to the page."""
        return pause.words

    @admin.display(description="state")
    def standing(self, pause: Pause) -> SafeString:
        """In force, or over."""
        return badge("paused", "paused") if _is_in_force(pause) else badge("ended", "over")

    @admin.display(description="since (UTC)")
    def since(self, pause: Pause) -> str | SafeString:
        """When it was ordered."""
        return moment(pause.paused_at)

    @admin.display(description="end (UTC)")
    def end(self, pause: Pause) -> str | SafeString:
        """When it ended, or will by itself."""
        return moment(pause.ended_at or pause.until)

    def groups(self, request: HttpRequest, row: Pause) -> list[Group]:
        """Who paused what until when, and how it ended."""
        return [
            Group(
                "Pause",
                [
                    ("what", row.words),
                    ("reason", row.reason),
                    ("by", row.paused_by),
                    ("since", moment(row.paused_at)),
                    ("until, by itself", moment(row.until)),
                ],
            ),
            Group(
                "End",
                [
                    ("ended", moment(row.ended_at) if row.ended_at else NOTHING),
                    ("by", row.ended_by or ("its time was over" if row.ended_at else NOTHING)),
                    ("reason", row.end_reason or NOTHING),
                ],
            ),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list below what is paused, and the form that pauses consolidation or an account."""
        offers = [(Pause.What.CONSOLIDATION.value, "", "Pause consolidation")]
        offers += [
            (Pause.What.ACCOUNT.value, account, f"Pause account {account} ({', '.join(slugs)})")
            for account, slugs in pausing.accounts().items()
        ]
        panel = panel_of(request, resting.in_force().pauses, offers, page="")
        return super().changelist_view(request, {**panel, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("order/", view(self.order), name="ingest_pause_order"),
            path("<int:pause_id>/resume/", view(self.resume), name="ingest_pause_resume"),
            *super().get_urls(),
        ]

    def order(self, request: HttpRequest) -> HttpResponse:
        """Pause something, for a time and a reason."""
        back = _back(request)

        def do(reason: str) -> tuple[str, str]:
            chosen = Order(request.POST)
            chosen.is_valid()
            ordered = pausing.pause(
                chosen.cleaned_data["what"],
                chosen.cleaned_data["name"],
                minutes=chosen.cleaned_data["minutes"],
                by=request.user.get_username(),
                reason=reason,
            )
            return f"{ordered.sentence[:1].upper()}{ordered.sentence[1:]}", back

        return act(request, DECIDE, do, back=back, form=Order)

    def resume(self, request: HttpRequest, pause_id: int) -> HttpResponse:
        """End a pause."""
        back = _back(request)

        def do(reason: str) -> tuple[str, str]:
            ordered = Pause.objects.filter(pk=pause_id).first()
            if ordered is None or ordered.ended_at is not None:
                raise pausing.NotPaused
            pausing.resume(ordered.what, ordered.name, by=request.user.get_username(), reason=reason)
            return f"{ordered.words[:1].upper()}{ordered.words[1:]} goes on.", back

        return act(request, DECIDE, do, back=back)


def panel_of_feed(request: HttpRequest, feed: Feed, *, page: str, now: datetime | None = None) -> dict[str, Any]:
    """What `admin/ingest/pause/panel.html` shows on the page of a feed, or of one of its runs."""
    offers = [(Pause.What.FEED.value, feed.slug, "Pause the feed")]
    if account := resting.account_of(feed):
        others = [slug for slug in pausing.accounts().get(account, []) if slug != feed.slug]
        shared = f" (also {', '.join(others)})" if others else ""
        offers.append((Pause.What.ACCOUNT.value, account, f"Pause the supplier account {account}{shared}"))
    return panel_of(request, resting.in_force().concerning(feed), offers, page=page, now=now)


def panel_of(
    request: HttpRequest,
    pauses: Iterable[Pause],
    offers: Iterable[tuple[str, str, str]],
    *,
    page: str,
    now: datetime | None = None,
) -> dict[str, Any]:
    """The pauses in force that a page shows, and what may be paused there: (what, name, label of the button)."""
    now = now or clock()
    paused = [
        {"pause": pause, "left": duration(pause.until - now), "since": moment(pause.paused_at)} for pause in pauses
    ]
    return {
        "paused": paused,
        "may_pause": request.user.has_perm(DECIDE),
        "pause_offers": [{"what": what, "name": name, "label": label} for what, name, label in offers],
        "pause_durations": DURATIONS.items(),
        "pause_page": page,
    }


def _back(request: HttpRequest) -> str:
    """The page whose button was pressed: of a feed or a run, else the list of pauses."""
    kind, _, number = request.POST.get("page", "").partition("-")
    model = {"feed": Feed, "run": Run}.get(kind)
    if model is not None and number.isascii() and number.isdigit() and len(number) < 16:
        return reverse(f"admin:ingest_{kind}_change", args=[int(number)])
    return reverse("admin:ingest_pause_changelist")


def _is_in_force(pause: Pause) -> bool:
    return pause.ended_at is None and pause.until > clock()
