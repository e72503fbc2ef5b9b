"""Runs in the admin: the list, the page that follows a live run, and the buttons that cancel, approve and retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, badge, duration, number, progress_bar
from ingest import review_stones, runs
from ingest.admin import pauses, run_page
from ingest.admin import review_stones as review_stones_of
from ingest.admin.acting import DECIDE, START, RequiredReason, act
from ingest.admin.request_chart import request_chart
from ingest.live import live_runs
from ingest.models import Run
from ingest.models.run import LIVE_STATES
from ingest.progress import progress


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin[Run]):
    """Runs, newest first. Finished ones show their summary; live ones, of which a feed has one at most, are looked at."""

    list_display = ("name", "badge", "feed", "kind", "started_by", "window", "stones", "took", "changes", "letters")
    list_filter = ("state", "kind", "feed")
    search_help_text = "Number of the run"
    detail_template = "admin/ingest/run/detail.html"

    @admin.display(description="run")
    def name(self, run: Run) -> str:
        """The number; links to the page."""
        return f"Run {run.pk}"

    @admin.display(description="state")
    def badge(self, run: Run) -> SafeString:
        """The state as a badge."""
        return badge(run.state)

    @admin.display(description="window")
    def window(self, run: Run) -> str:
        """From and to, on the supplier's clock."""
        if run.window_to is None:
            return NOTHING
        start = f"{run.window_from:%m-%d %H:%M}" if run.window_from else "all"
        return f"{start} – {run.window_to:%m-%d %H:%M}"

    @admin.display(description="duration")
    def took(self, run: Run) -> str:
        """From start to end, or until now."""
        return duration((run.finished_at or timezone.now()) - run.created_at)

    @admin.display(description="stones")
    def stones(self, run: Run) -> str | SafeString:
        """Stones received; of a live run how much of its stage is done, of one that broke off what the plan counted."""
        if run.live:
            return progress_bar(progress(run).share)
        return number(run.summary["received"]) if run.summary else number(run.plan.total if run.plan.made else None)

    @admin.display(description="new / changed / delisted")
    def changes(self, run: Run) -> str:
        """What the run did to the catalogue."""
        if not run.summary:
            return NOTHING
        return " / ".join(f"{run.summary[name]:,}" for name in ("inserted", "updated", "delisted"))

    @admin.display(description="dead letters")
    def letters(self, run: Run) -> str:
        """How many stones could not be processed."""
        return number(run.summary["dead_letters"]) if run.summary else NOTHING

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Runs with what list and page name of them, and `read_at`: when they were read, by the database's clock."""
        rows: QuerySet[Run] = super().get_queryset(request).select_related("feed", "experiment").annotate(read_at=Now())
        return rows

    # --- the page of a run -----------------------------------------------------------------------------------------

    def groups(self, request: HttpRequest, row: Run) -> list[Group]:
        """What was asked for."""
        return run_page.groups(row)

    def detail_context(self, request: HttpRequest, row: Run) -> dict[str, Any]:
        """The live part, and which buttons this person has."""
        may, now = request.user.has_perm(DECIDE), row.read_at  # type: ignore[attr-defined]  # annotated above
        may_start = not row.live and request.user.has_perm(START)
        part = run_page.live_part(row, request.GET.get("partitions", "1"))
        return {
            **part,
            "title": f"Run {row.pk} of {row.feed.slug}",
            "state": badge(row.state),
            "requests": request_chart(row, now),
            "review": run_page.review_of(row),
            "suspect_url": review_stones_of.address(row, review_stones.SUSPECT),
            **(pauses.panel_of_feed(request, row.feed, page=f"run-{row.pk}", now=now) if row.live else {}),
            "may_start_again": may_start,
            "live_run": may_start and Run.objects.filter(feed=row.feed_id, state__in=LIVE_STATES).first(),
            "may_cancel": may and row.live,
            "may_approve": may and row.state == Run.State.IN_REVIEW,
            "may_retry": may
            and part["progress"].partitions_failed
            and row.state in (Run.State.FAILED, Run.State.COMPLETED, Run.State.SETTLING, Run.State.INGESTING),
        }

    def get_urls(self) -> list[URLPattern]:
        """The live part and the buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("live/", view(self.all_live), name="ingest_run_all_live"),
            path("<int:run_id>/live/", view(self.live), name="ingest_run_live"),
            path("<int:run_id>/requests/", view(self.requests), name="ingest_run_requests"),
            path("<int:run_id>/stones/<str:brake>/", view(self.causes), name="ingest_run_causes"),
            path("<int:run_id>/stones/<str:brake>/<str:cause>/", view(self.stones_of_cause), name="ingest_run_stones"),
            path("<int:run_id>/drift/", view(self.drift), name="ingest_run_drift"),
            path("<int:run_id>/cancel/", view(self.cancel), name="ingest_run_cancel"),
            path("<int:run_id>/approve/", view(self.approve), name="ingest_run_approve"),
            path("<int:run_id>/start-again/", view(self.start_again), name="ingest_run_start_again"),
            path("<int:run_id>/retry/", view(self.retry), name="ingest_run_retry"),
            *super().get_urls(),
        ]

    def live(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The part that the page polls; when the run's state is not the page's any more, the page is asked to reload."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = Run.objects.select_related("feed").filter(pk=run_id).first()
        if run is None:
            raise Http404("there is no such run")
        if request.GET.get("state", run.state) != run.state:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return HttpResponse(run_page.polled_part(run, request.GET.get("partitions", "1")))

    def requests(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The picture of the run's requests, which the page polls."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = Run.objects.select_related("feed").filter(pk=run_id).first()
        if run is None:
            raise Http404("there is no such run")
        picture = run_page.polled_requests(run)
        if not picture:
            raise Http404("the run asks no supplier")
        return HttpResponse(picture)

    def causes(self, request: HttpRequest, run_id: int, brake: str) -> HttpResponse:
        """The causes of a brake, or of a suspicion, with a list of stones each."""
        return self._stones(request, run_id, lambda run: review_stones_of.of_brake(run, brake))

    def stones_of_cause(self, request: HttpRequest, run_id: int, brake: str, cause: str) -> HttpResponse:
        """The stones that the run was held for, of one cause."""
        return self._stones(request, run_id, lambda run: review_stones_of.of_cause(request, run, brake, cause))

    def drift(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """The stones on which what the supplier sends is strange."""
        return self._stones(request, run_id, lambda run: review_stones_of.of_drift(request, run))

    def _stones(self, request: HttpRequest, run_id: int, make: Callable[[Run], dict[str, Any]]) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = Run.objects.select_related("feed").filter(pk=run_id).first()
        if run is None:
            raise Http404("there is no such run")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "original": run, **make(run)}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "admin/ingest/run/stones.html", context)

    def all_live(self, request: HttpRequest) -> HttpResponse:
        """The live runs of the start page, polled."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return render(request, "admin/ingest/live_runs.html", {"live_runs": live_runs()})

    def cancel(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Cancel the run."""
        here = reverse("admin:ingest_run_change", args=[run_id])

        def do(reason: str) -> tuple[str, str]:
            runs.cancel_run(run_id, actor=request.user.get_username(), reason=reason)
            return f"Run {run_id} is cancelled.", here

        return act(request, DECIDE, do, back=here)

    def approve(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Let the run go on past its brake, for a reason."""
        here = reverse("admin:ingest_run_change", args=[run_id])

        def do(reason: str) -> tuple[str, str]:
            runs.approve_run(
                run_id,
                actor=request.user.get_username(),
                reason=reason,
                renumbered=request.POST.get("renumbered") or None,
            )
            return f"Run {run_id} is approved and goes on.", here

        return act(request, DECIDE, do, back=here, form=RequiredReason)

    def start_again(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Start a new run of the same kind and show it."""

        def do(reason: str) -> tuple[str, str]:
            run = runs.start_again(run_id, started_by=request.user.get_username(), reason=reason)
            return f"Run {run.pk} started.", reverse("admin:ingest_run_change", args=[run.pk])

        return act(request, START, do, back=reverse("admin:ingest_run_change", args=[run_id]))

    def retry(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Make the failed partitions ready again."""
        here = reverse("admin:ingest_run_change", args=[run_id])

        def do(reason: str) -> tuple[str, str]:
            retried = runs.retry_partitions(run_id, actor=request.user.get_username(), reason=reason)
            return f"{len(retried)} partitions of run {run_id} are tried again, from where they stopped.", here

        return act(request, DECIDE, do, back=here)
