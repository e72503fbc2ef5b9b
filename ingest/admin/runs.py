"""Runs in the admin: the list, the page that follows a live run, and the buttons that cancel, approve and retry."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, badge, duration, number, progress_bar
from ingest import runs
from ingest.admin import run_page
from ingest.admin.acting import DECIDE, RequiredReason, act
from ingest.models import Run
from ingest.operations import live_runs
from ingest.progress import progress


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin[Run]):
    """Runs, newest first. Finished ones show their summary; live ones, of which a feed has one at most, are looked at."""

    list_display = ("name", "badge", "feed", "kind", "started_by", "window", "stones", "took", "changes", "letters")
    list_filter = ("state", "kind", "feed")
    list_select_related = ("feed",)
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

    # --- the page of a run -----------------------------------------------------------------------------------------

    def groups(self, request: HttpRequest, row: Run) -> list[Group]:
        """What was asked for."""
        return run_page.groups(row)

    def detail_context(self, request: HttpRequest, row: Run) -> dict[str, Any]:
        """The live part, and which buttons this person has."""
        may = request.user.has_perm(DECIDE)
        part = run_page.live_part(row, request.GET.get("partitions", "1"))
        return {
            **part,
            "title": f"Run {row.pk} of {row.feed.slug}",
            "state": badge(row.state),
            "review": run_page.review_of(row),
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
            path("<int:run_id>/cancel/", view(self.cancel), name="ingest_run_cancel"),
            path("<int:run_id>/approve/", view(self.approve), name="ingest_run_approve"),
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
        return render(
            request, "admin/ingest/run/live.html", run_page.live_part(run, request.GET.get("partitions", "1"))
        )

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
            runs.approve_run(run_id, actor=request.user.get_username(), reason=reason)
            return f"Run {run_id} is approved and goes on.", here

        return act(request, DECIDE, do, back=here, form=RequiredReason)

    def retry(self, request: HttpRequest, run_id: int) -> HttpResponse:
        """Make the failed partitions ready again."""
        here = reverse("admin:ingest_run_change", args=[run_id])

        def do(reason: str) -> tuple[str, str]:
            retried = runs.retry_partitions(run_id, actor=request.user.get_username(), reason=reason)
            return f"{len(retried)} partitions of run {run_id} are tried again, from where they stopped.", here

        return act(request, DECIDE, do, back=here)
