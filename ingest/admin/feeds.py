"""Feeds in the admin: their settings, their progress, and the buttons that start a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import FloatField, OuterRef, QuerySet, Subquery
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.debug import sensitive_post_parameters

from diamondhub.admin.acting import Reason
from diamondhub.admin.base import Admin
from diamondhub.admin.display import NOTHING, ago, badge, json_code, moment, row_link
from diamondhub.admin.polling import polled
from diamondhub.api.problems import sentence
from diamondhub.audit.acting import acting
from diamondhub.operations import jobs
from diamondhub.operations.job_admin import ask_and_show, jobs_about
from diamondhub.telemetry import scrub
from ingest import creating, feed_secrets, job_kinds, looking_at_lists, price_meanings, runs, sign_in
from ingest.admin import lists, pauses, uploading
from ingest.admin.acting import START, RequiredReason, act
from ingest.admin.feed_forms import FeedForm, NewFeedForm, fields_of, initial_of, meaning_of
from ingest.admin.prices import prices_table
from ingest.errors import IngestError
from ingest.feeds import ways
from ingest.feeds.registry import ADAPTERS
from ingest.models import Feed, Remap, Run
from ingest.models.run import LIVE_STATES
from ingest.progress import progress
from ingest.scheduling import next_slots

#: The fields that hold schedules, and the longest that is looked at while one types.
SCHEDULES, MAX_SCHEDULE = ("full_schedule", "incremental_schedule"), 100
#: Coming and past slots of its schedules that a feed's page shows.
COMING_SLOTS, LAST_SLOTS = 3, 10


class NotLetIn(IngestError):
    """The sign-in that was tried does not work."""


@admin.register(Feed)
class FeedAdmin(Admin[Feed]):
    """The admin of feeds; the list takes two queries, whatever their number."""

    form = FeedForm
    list_display = ("slug", "adapter", "enabled", "complete_to", "last_run", "live_run")
    ordering = ("slug",)
    actions = None
    fieldsets = (
        (None, {"fields": ("slug", "name", "enabled", "adapter")}),
        ("Schedules (crontab, UTC)", {"fields": ("full_schedule", "incremental_schedule")}),
        ("Window", {"fields": ("window_lag_seconds", "overlap_seconds", "max_partition_stones")}),
        ("Brakes (shares from 0 to 1)", {"fields": ("delist_brake", "shrink_brake", "median_brake", "error_budget")}),
        ("Failed partitions", {"fields": ("partial_delay_seconds",)}),
        ("How old is too old", {"fields": ("stale_after_minutes",)}),
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

    def get_form(
        self, request: HttpRequest, obj: Feed | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[Feed]]:
        """The form with the fields of the feed's adapter."""
        if obj is not None and self.has_change_permission(request, obj):
            kwargs["form"] = FeedForm.of(obj.adapter)
        return super().get_form(request, obj, change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Feed | None = None) -> Any:
        """The form in groups; who may not change a feed sees its parameters without what is secret in them."""
        (none, first), *rest = self.fieldsets
        if obj is None or not self.has_change_permission(request, obj):
            return ((none, first), ("Parameters", {"fields": ("parameters_shown",)}), *rest)
        return (
            (none, first),
            (f"Parameters of {obj.adapter}", {"fields": tuple(fields_of(obj.adapter))}),
            *rest,
            (
                "Further parameters (JSON)",
                {
                    "fields": ("parameters",),
                    "classes": ("collapse",),
                    "description": "Parameters that have no field above. An adapter refuses those that it does not know.",
                },
            ),
        )

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
        return f"{feed.watermark:%Y-%m-%d %H:%M} UTC ({ago(feed.watermark)})" if feed.watermark else "no full run yet"

    @admin.display(description="last run")
    def last_run(self, feed: Any) -> str | SafeString:
        return _run(feed.last_run_pk, feed.last_run_state)

    @admin.display(description="live run")
    def live_run(self, feed: Any) -> str | SafeString:
        return _run(feed.live_run_pk, feed.live_run_state)

    def save_model(self, request: HttpRequest, obj: Feed, form: ModelForm[Feed], change: bool) -> None:
        """Write the changed fields only: a run may have advanced the watermark meanwhile."""
        if change:
            if form.changed_columns:  # type: ignore[attr-defined]  # of `FeedForm`
                obj.save(update_fields=form.changed_columns)  # type: ignore[attr-defined]
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
                "prices": prices_table(feed.prices),
                "question": price_meanings.verdict_of(feed.prices).question,
                "may_look": feed.adapter == looking_at_lists.ADAPTER and self.has_change_permission(request, feed),
                "may_answer": self.has_change_permission(request, feed),
                "may_upload": uploading.inbox_of_feed(feed) and self.has_change_permission(request, feed),
                "secrets": feed_secrets.states(feed),
                "may_set_secrets": self.has_change_permission(request, feed),
                "may_forget_limits": bool(feed.limits) and self.has_change_permission(request, feed),
                "may_remap": self.has_change_permission(request, feed),
                **pauses.panel_of_feed(request, feed, page=f"feed-{feed.pk}"),
                "asked": jobs_about(request, feed.slug, *job_kinds.OF_FEEDS),
            }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **panel})

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:feed_id>/start/<slug:kind>/", view(self.start), name="ingest_feed_start"),
            path("<int:feed_id>/secrets/<slug:name>/", view(self.set_secret), name="ingest_feed_set_secret"),
            path("<int:feed_id>/upload/", view(self.upload), name="ingest_feed_upload"),
            path("<int:feed_id>/answer/", view(self.answer), name="ingest_feed_answer"),
            path("<int:feed_id>/ask-again/", view(self.ask_again), name="ingest_feed_ask_again"),
            path("<int:feed_id>/try-sign-in/", view(self.try_sign_in), name="ingest_feed_try_sign_in"),
            path("<int:feed_id>/plan/", view(self.plan), name="ingest_feed_plan"),
            path("<int:feed_id>/try-remap/<slug:selection>/", view(self.try_remap), name="ingest_feed_try_remap"),
            path("<int:feed_id>/remap/<slug:selection>/", view(self.remap), name="ingest_feed_remap"),
            path("new-list/", view(self.new_list), name="ingest_feed_new_list"),
            path("<int:feed_id>/list/", view(self.look_at_list), name="ingest_feed_list"),
            path("schedule/", polled(self.admin_site, self.schedule), name="ingest_feed_schedule_live"),
            *super().get_urls(),
        ]

    @method_decorator(sensitive_post_parameters())
    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First the adapter, then its form; the supplier is looked at before there is a feed."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        adapter = request.GET.get("adapter", "")
        form = None
        if adapter in ADAPTERS:
            made = NewFeedForm.of(adapter)
            form = made(request.POST) if request.method == "POST" else made(initial=initial_of(adapter, {}))
        if form is not None and request.method == "POST" and form.is_valid():
            try:
                feed = creating.create_feed(
                    form.feed,
                    form.secrets,
                    look=creating.look_at_once,
                    actor=request.user.get_username(),
                    reason=form.cleaned_data["reason"],
                )
            except IngestError as error:
                form.add_error(None, sentence(scrub.reason(error)))
            else:
                self.log_addition(request, feed, "Created.")
                messages.success(request, f"The feed {feed.slug} is created. Start a full run when it may begin.")
                return redirect("admin:ingest_feed_change", feed.pk)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"New feed of {adapter}" if form else "New feed",
            "form": form,
            "adapters": sorted(ADAPTERS),
            "media": self.media,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/ingest/feed/new.html", context)

    @method_decorator(sensitive_post_parameters())
    def new_list(self, request: HttpRequest) -> HttpResponse:
        """Look at a price list before there is a feed of it, and make one."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return lists.page(request, self, None)

    def look_at_list(self, request: HttpRequest, feed_id: int) -> HttpResponse:
        """Look at a list as a feed would read it, before it is fed."""
        feed = Feed.objects.filter(pk=feed_id, adapter=looking_at_lists.ADAPTER).first()
        if not self.has_change_permission(request, feed):
            raise PermissionDenied
        if feed is None:
            raise Http404("there is no such feed of price lists")
        return lists.page(request, self, feed)

    def schedule(self, request: HttpRequest) -> HttpResponse:
        """What a schedule that is being typed means, with its next times."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        typed = next((request.GET[name] for name in SCHEDULES if name in request.GET), "")
        return render(request, "admin/ingest/feed/schedule_meaning.html", meaning_of(typed[:MAX_SCHEDULE]))

    def try_sign_in(self, request: HttpRequest, feed_id: int) -> HttpResponse:
        """Ask the feed's supplier, once and now, whether it lets us in; what came is kept and shown."""

        def do(feed: Feed, reason: str) -> tuple[str, str]:
            value = sign_in.try_sign_in(feed).as_json()
            jobs.record(job_kinds.SIGN_IN, feed.slug, by=request.user.get_username(), result=value, reason=reason)
            words = sign_in.in_words(value)
            if value["outcome"] != sign_in.Outcome.OK:
                raise NotLetIn(words)
            return words, reverse("admin:ingest_feed_change", args=[feed_id])

        return self._of_feed(request, feed_id, START, do)

    def plan(self, request: HttpRequest, feed_id: int) -> HttpResponse:
        """Have a full run planned in the background, and none started."""

        def do(feed: Feed, reason: str) -> tuple[str, str]:
            return ask_and_show(request, job_kinds.PLAN, feed.slug, reason=reason)

        return self._of_feed(request, feed_id, START, do)

    def try_remap(self, request: HttpRequest, feed_id: int, selection: str) -> HttpResponse:
        """Have the feed's stones mapped again in the background, and rolled back: what would change."""

        def do(feed: Feed, reason: str) -> tuple[str, str]:
            parameters = {"selection": _selection(selection)}
            return ask_and_show(request, job_kinds.REMAP_TRIAL, feed.slug, reason=reason, parameters=parameters)

        return self._of_feed(request, feed_id, "ingest.change_feed", do)

    def remap(self, request: HttpRequest, feed_id: int, selection: str) -> HttpResponse:
        """Have the feed's stones mapped again for good, for a reason."""

        def do(feed: Feed, reason: str) -> tuple[str, str]:
            parameters = {"selection": _selection(selection)}
            return ask_and_show(request, job_kinds.REMAP, feed.slug, reason=reason, parameters=parameters)

        return self._of_feed(request, feed_id, "ingest.change_feed", do, form=RequiredReason)

    def _of_feed(
        self,
        request: HttpRequest,
        feed_id: int,
        permission: str,
        do: Callable[[Feed, str], tuple[str, str]],
        *,
        form: type[forms.Form] = Reason,
    ) -> HttpResponse:
        """A button of a feed's page."""

        def do_with_feed(reason: str) -> tuple[str, str]:
            feed = Feed.objects.filter(pk=feed_id).first()
            if feed is None:
                raise runs.UnknownFeed
            return do(feed, reason)

        return act(
            request,
            permission,
            do_with_feed,
            back=reverse("admin:ingest_feed_change", args=[feed_id]),
            form=form,
        )

    def answer(self, request: HttpRequest, feed_id: int) -> HttpResponse:
        """Keep what a person says of a column of prices, as the feed's parameters."""
        here = reverse("admin:ingest_feed_change", args=[feed_id])

        def do(reason: str) -> tuple[str, str]:
            number = request.POST.get("answer", "")
            said = price_meanings.answer(
                feed_id,
                request.POST.get("question", ""),
                int(number) if number.isascii() and number.isdigit() and len(number) < 3 else -1,
                actor=request.user.get_username(),
                reason=reason,
            )
            return f"{said}: the next run reads the list so.", here

        return act(request, "ingest.change_feed", do, back=here)

    def upload(self, request: HttpRequest, feed_id: int) -> HttpResponse:
        """The page that takes a list which came by mail; see `ingest.admin.uploading`."""
        return uploading.page(request, self, feed_id)

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


def _selection(text: str) -> str:
    if text not in Remap.Selection.values:
        raise runs.NothingToDo(f"there is no way {text!r} to choose stones: stale or all")
    return text


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
        "headers": ["Due", "Kind", "State", "Run, or why not"],
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
        "headers": ["It refuses", "In its words", "Found out", "Tried again after"],
        "rows": rows,
        "note": "Nothing that was tried: it is asked in every way that saves requests.",
    }


def _run(pk: int | None, state: str | None) -> str | SafeString:
    if pk is None or state is None:
        return NOTHING
    return format_html("{} {}", row_link(Run(pk=pk), f"Run {pk}"), badge(state))
