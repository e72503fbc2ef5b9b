"""Feeds in the admin: their settings, their progress, and the buttons that start a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.db.models import FloatField, OuterRef, QuerySet, Subquery
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from diamondhub.admin.base import Admin
from diamondhub.admin.display import NOTHING, ago, badge, json_code, moment, row_link
from diamondhub.audit.acting import acting
from diamondhub.telemetry import scrub
from ingest import feed_secrets, runs
from ingest.admin.acting import START, act
from ingest.feeds import ways
from ingest.feeds.registry import ADAPTERS
from ingest.models import Feed, Run
from ingest.models.run import LIVE_STATES
from ingest.progress import progress
from ingest.scheduling import next_slots

if TYPE_CHECKING:
    FeedModelForm = ModelForm[Feed]
else:
    FeedModelForm = ModelForm

#: Coming and past slots of its schedules that a feed's page shows.
COMING_SLOTS, LAST_SLOTS = 3, 10


class FeedForm(FeedModelForm):
    """A feed's settings; its adapter is one that exists."""

    class Meta:
        model = Feed
        fields = "__all__"

    def clean_adapter(self) -> str:
        """An unknown adapter is refused, since it would fail every run."""
        adapter = str(self.cleaned_data["adapter"])
        if adapter not in ADAPTERS:
            raise forms.ValidationError(f"There is no such adapter; known are: {', '.join(sorted(ADAPTERS))}.")
        return adapter

    def clean_parameters(self) -> dict[str, Any]:
        """Parameters are a JSON object, since adapters read them by name."""
        parameters = self.cleaned_data["parameters"]
        if parameters is None:
            return {}
        if not isinstance(parameters, dict):
            raise forms.ValidationError('Parameters are a JSON object, e.g. {"labgrown": true}.')
        return parameters


@admin.register(Feed)
class FeedAdmin(Admin[Feed]):
    """The admin of feeds; the list takes two queries, whatever their number."""

    form = FeedForm
    list_display = ("slug", "adapter", "enabled", "complete_to", "last_run", "live_run")
    ordering = ("slug",)
    actions = None
    fieldsets = (
        (None, {"fields": ("slug", "name", "enabled", "adapter", "parameters")}),
        ("Schedules (crontab, UTC)", {"fields": ("full_schedule", "incremental_schedule")}),
        ("Window", {"fields": ("window_lag_seconds", "overlap_seconds", "max_partition_stones")}),
        ("Brakes (shares from 0 to 1)", {"fields": ("delist_brake", "shrink_brake", "median_brake", "error_budget")}),
        ("Failed partitions", {"fields": ("partial_delay_seconds",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Feed]:
        """Feeds with the numbers and states of their last and their live run."""
        own = Run.objects.filter(feed=OuterRef("pk"))
        last, live = own.order_by("-pk"), own.filter(state__in=LIVE_STATES)
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_run_pk=Subquery(last.values("pk")[:1]),
                last_run_state=Subquery(last.values("state")[:1]),
                live_run_pk=Subquery(live.values("pk")[:1]),
                live_run_state=Subquery(live.values("state")[:1]),
            )
        )

    def get_readonly_fields(self, request: HttpRequest, obj: Feed | None = None) -> tuple[str, ...]:
        """A feed's slug makes its diamonds' ids, its adapter their meaning: neither changes once there is a feed."""
        return ("slug", "adapter", "parameters_shown") if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Feed | None = None) -> Any:
        """Who may not change a feed sees its parameters without what is secret in them."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fieldsets
        (none, first), *rest = self.fieldsets
        shown = tuple("parameters_shown" if name == "parameters" else name for name in first["fields"])
        return ((none, {**first, "fields": shown}), *rest)

    @admin.display(description="parameters")
    def parameters_shown(self, feed: Feed) -> str | SafeString:
        """Without passwords, tokens and what follows the question mark of addresses."""
        return json_code(scrub.nested(feed.parameters))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest | None, **kwargs: Any) -> Any:
        """Bound the shares by 0 and 1, as the table does."""
        if isinstance(db_field, FloatField):
            kwargs |= {"min_value": 0, "max_value": 1}
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Feed | None = None) -> bool:
        """Feeds are never deleted: an unwanted one is disabled and keeps its history."""
        return False

    @admin.display(description="complete up to (watermark)")
    def complete_to(self, feed: Feed) -> str:
        return f"{feed.watermark:%Y-%m-%d %H:%M} ({ago(feed.watermark)})" if feed.watermark else "no full run yet"

    @admin.display(description="last run")
    def last_run(self, feed: Any) -> str | SafeString:
        return _run(feed.last_run_pk, feed.last_run_state)

    @admin.display(description="live run")
    def live_run(self, feed: Any) -> str | SafeString:
        return _run(feed.live_run_pk, feed.live_run_state)

    def save_model(self, request: HttpRequest, obj: Feed, form: ModelForm[Feed], change: bool) -> None:
        """Write the changed fields only: a run may have advanced the watermark meanwhile."""
        if change:
            if form.changed_data:
                obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form, below the feed's state and the buttons that start a run."""
        feed: Any = self.get_object(request, object_id)
        panel: dict[str, Any] = {}
        if feed is not None:
            live = Run.objects.select_related("feed").filter(pk=feed.live_run_pk).first() if feed.live_run_pk else None
            panel = {
                "feed": feed,
                "watermark_age": ago(feed.watermark),
                "last_run": _run(feed.last_run_pk, feed.last_run_state),
                "live_run": live,
                "live": progress(live) if live else None,
                "runs_url": f"{reverse('admin:ingest_run_changelist')}?feed__id__exact={feed.pk}",
                "may_start": request.user.has_perm(START),
                "slots": _slots(feed),
                "limits": _limits(feed),
                "secrets": feed_secrets.states(feed),
                "may_set_secrets": self.has_change_permission(request, feed),
                "may_forget_limits": bool(feed.limits) and self.has_change_permission(request, feed),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **panel})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:feed_id>/start/<slug:kind>/", view(self.start), name="ingest_feed_start"),
            path("<int:feed_id>/secrets/<slug:name>/", view(self.set_secret), name="ingest_feed_set_secret"),
            path("<int:feed_id>/ask-again/", view(self.ask_again), name="ingest_feed_ask_again"),
            *super().get_urls(),
        ]

    def ask_again(self, request: HttpRequest, feed_id: int) -> HttpResponse:
        """Forget the ways of asking that the supplier refused: the next run tries them again."""
        here = reverse("admin:ingest_feed_change", args=[feed_id])

        def do(reason: str) -> tuple[str, str]:
            ways.forget(feed_id, reason)
            return "The next run asks in every way again.", here

        return act(request, "ingest.change_feed", do, back=here)

    @method_decorator(sensitive_post_parameters("secret"))
    def set_secret(self, request: HttpRequest, feed_id: int, name: str) -> HttpResponse:
        """Seal what was typed as a secret of the feed, or remove the one that it has; nothing ever shows it again."""
        here = reverse("admin:ingest_feed_change", args=[feed_id])

        def do(reason: str) -> tuple[str, str]:
            feed = Feed.objects.filter(pk=feed_id).first()
            if feed is None:
                raise runs.UnknownFeed
            with acting(reason=reason):
                if "remove" in request.POST:
                    feed_secrets.remove_secret(feed, name)
                    return f"The {name} is removed.", here
                feed_secrets.set_secret(feed, name, request.POST.get("secret", ""))
            return f"The {name} is set. It is not shown again.", here

        return act(request, "ingest.change_feed", do, back=here)

    def start(self, request: HttpRequest, feed_id: int, kind: str) -> HttpResponse:
        """Start a run and redirect to its page, or back to the feed's with the reason why it does not start."""

        def do(reason: str) -> tuple[str, str]:
            feed = Feed.objects.filter(pk=feed_id).first()
            if feed is None:
                raise runs.UnknownFeed
            if kind not in Run.Kind.values:
                raise runs.NothingToDo(f"there is no kind of run {kind!r}")
            run = runs.start_run(feed.slug, kind=kind, started_by=request.user.get_username(), reason=reason)
            return f"Run {run.pk} started.", reverse("admin:ingest_run_change", args=[run.pk])

        return act(request, START, do, back=reverse("admin:ingest_feed_change", args=[feed_id]))


def _slots(feed: Feed) -> dict[str, Any]:
    """The feed's coming slots and its last ten, as a table."""
    rows = [
        (moment(slot), kind, "next", NOTHING) for slot, kind in reversed(next_slots(feed, timezone.now(), COMING_SLOTS))
    ]
    for slot in feed.slots.select_related("run").order_by("-due_at", "kind")[:LAST_SLOTS]:
        outcome = row_link(slot.run, f"Run {slot.run.pk}") if slot.run else slot.reason
        rows.append((moment(slot.due_at), slot.kind, badge(slot.state), outcome or NOTHING))
    return {
        "title": "Scheduled runs",
        "headers": ["Due (UTC)", "Kind", "State", "Run, or why not"],
        "rows": rows,
        "note": "No schedule: runs start when somebody starts them.",
    }


def _limits(feed: Feed) -> dict[str, Any]:
    """The ways of asking that the feed's supplier refused, as a table."""
    rows = [
        (
            ways.IN_WORDS[way] if limit.most == 1 else f"{ways.IN_WORDS[way]}, more than {limit.most}",
            limit.said,
            moment(limit.at),
            moment(limit.at + ways.ASK_AGAIN_AFTER),
        )
        for way, limit in ways.limits_of(feed).items()
    ]
    return {
        "title": "What the supplier does not take",
        "headers": ["It refuses", "In its words", "Found out (UTC)", "Tried again after"],
        "rows": rows,
        "note": "Nothing that was tried: it is asked in every way that saves requests.",
    }


def _run(pk: int | None, state: str | None) -> str | SafeString:
    if pk is None or state is None:
        return NOTHING
    return format_html("{} {}", row_link(Run(pk=pk), f"Run {pk}"), badge(state))
