"""Background jobs in the admin: what was asked for, by whom, how far it is, what came of it; live ones can be cancelled."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from diamondhub.admin.acting import RequiredReason, act
from diamondhub.admin.base import ReadOnlyAdmin, SelectFilter
from diamondhub.admin.display import NOTHING, Group, Table, badge, duration, link, moment, progress_bar
from diamondhub.admin.polling import polled
from diamondhub.operations import jobs
from diamondhub.operations.models import Job

#: Jobs about one thing that its page shows.
SHOWN = 5


class KindFilter(SelectFilter):
    """Jobs of one kind."""

    title = "kind"
    parameter_name = field = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds that this person may see."""
        return [(kind.name, kind.title) for kind in _seen_by(request)]


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin[Job]):
    """Jobs, newest first; everybody sees those of the kinds that they may see."""

    list_display = ("name", "badge", "about", "asked_by", "progress_shown", "outcome", "created")
    list_filter = (KindFilter, "state")
    search_help_text = "Number of the job"
    detail_template = "admin/operations/job/detail.html"
    list_before_template = "admin/operations/job/buttons.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever may see any kind."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Job | None = None) -> bool:
        """Whoever may see all jobs, or the kind of this one."""
        if request.user.has_perm("operations.view_job"):
            return True
        if obj is None:
            return bool(_seen_by(request))
        kind = jobs.kind_of(obj)
        return kind is not None and may_see(request, kind)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Job]:
        """The jobs that this person may see."""
        rows = super().get_queryset(request)
        if request.user.has_perm("operations.view_job"):
            return rows
        return rows.filter(kind__in=[kind.name for kind in _seen_by(request)])

    @admin.display(description="job")
    def name(self, job: Job) -> str:
        """Number and kind; links to the page."""
        return titled(job)

    @admin.display(description="state")
    def badge(self, job: Job) -> SafeString:
        """The state as a badge."""
        return state_of(job)

    @admin.display(description="about")
    def about(self, job: Job) -> str:
        """What it is about."""
        return about(job) or NOTHING

    @admin.display(description="progress")
    def progress_shown(self, job: Job) -> str | SafeString:
        """How far a live one is."""
        return progress_bar(job.share) if job.live else NOTHING

    @admin.display(description="outcome")
    def outcome(self, job: Job) -> str:
        """What came of it, in a line."""
        return in_words(job)

    @admin.display(description="asked for")
    def created(self, job: Job) -> str | SafeString:
        """When it was asked for."""
        return moment(job.created_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list below the buttons of what may be asked for here."""
        buttons = [kind for kind in jobs.kinds().values() if kind.button and request.user.has_perm(kind.permission)]
        return super().changelist_view(request, {"buttons": buttons, **(extra_context or {})})

    # --- the page of a job -----------------------------------------------------------------------------------------

    def groups(self, request: HttpRequest, row: Job) -> list[Group]:
        """Who asked for what, and its course."""
        kind = jobs.kind_of(row)
        url = kind.link(row.subject) if kind and row.subject else ""
        subject = about(row)
        fields: list[tuple[str, Any]] = [
            ("what", kind.title if kind else row.kind),
            ("about", (link(url, subject) if url else subject) or NOTHING),
            ("asked for by", row.asked_by),
            ("reason", row.reason or NOTHING),
            ("asked for", moment(row.created_at)),
            ("begun", moment(row.started_at)),
            ("ended", moment(row.finished_at)),
        ]
        if row.state == Job.State.CANCELLED:
            fields += [("cancelled by", row.cancelled_by), ("reason of that", row.cancelled_reason or NOTHING)]
        return [Group("Order", fields)]

    def tables(self, request: HttpRequest, row: Job) -> list[Table]:
        """What came of it, in full."""
        kind = jobs.kind_of(row)
        return list(kind.tables(row.result)) if kind and row.result is not None else []

    def detail_context(self, request: HttpRequest, row: Job) -> dict[str, Any]:
        """The live part, and the buttons that this person has."""
        kind = jobs.kind_of(row)
        can = request.user.has_perm
        follow = kind.onward(row) if kind and row.state == Job.State.COMPLETED else ()
        return {
            "title": titled(row),
            **live_part(row),
            "may_cancel": row.live and kind is not None and can(kind.permission),
            "onward": [button for button in follow if can(button.permission)],
        }

    def get_urls(self) -> list[URLPattern]:
        """The live part and the button's address besides the usual ones."""
        return [
            path("<int:job_id>/live/", polled(self.admin_site, self.live), name="operations_job_live"),
            path("ask/<slug:kind>/", self.admin_site.admin_view(self.ask), name="operations_job_ask"),
            path("<int:job_id>/cancel/", self.admin_site.admin_view(self.cancel), name="operations_job_cancel"),
            *super().get_urls(),
        ]

    def live(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """The part that the page polls; when the job is over, the page is asked to reload."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = self.get_queryset(request).filter(pk=job_id).first()
        if job is None:
            raise Http404("there is no such job")
        if request.GET.get("state", job.state) != job.state:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "admin/operations/job/live.html", live_part(job))

    def ask(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Ask for a job that is about nothing in particular."""
        declared = jobs.kinds().get(kind)
        if declared is None or not declared.button:
            if not request.user.has_perm("operations.add_job"):
                raise PermissionDenied
            raise Http404("there is no such button")

        def do(reason: str) -> tuple[str, str]:
            return ask_and_show(request, kind, reason=reason)

        back = reverse("admin:operations_job_changelist")
        return act(request, declared.permission, do, back=back, errors=jobs.JobError)

    def cancel(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """End the job, for a reason; what it has done stays done."""
        here = reverse("admin:operations_job_change", args=[job_id])
        job = Job.objects.filter(pk=job_id).first()
        kind = jobs.kind_of(job) if job else None

        def do(reason: str) -> tuple[str, str]:
            jobs.cancel(job_id, by=request.user.get_username(), reason=reason)
            return f"Job {job_id} is cancelled.", here

        permission = kind.permission if kind else "operations.change_job"
        return act(request, permission, do, back=here, errors=jobs.JobError, form=RequiredReason)


def job_page(job: Job) -> str:
    """The address of a job's page."""
    return reverse("admin:operations_job_change", args=[job.pk])


def ask_and_show(request: HttpRequest, kind: str, subject: str = "", **order: Any) -> tuple[str, str]:
    """Ask for a job in this person's name; returns the message and the address of its page, as `act` wants them."""
    job, is_new = jobs.ask(kind, subject, by=request.user.get_username(), **order)
    here = job_page(job)
    if is_new:
        return "A worker takes it up. This page shows how far it is.", here
    return f"This is under way already: {job.asked_by} asked for it.", here


def jobs_about(request: HttpRequest, subject: str, *kinds: str) -> Table:
    """The last jobs about something that this person may see, as a table of its page."""
    seen = [kind.name for kind in _seen_by(request) if kind.name in kinds]
    rows = Job.objects.filter(kind__in=seen, subject=subject).order_by("-pk")[:SHOWN]
    return Table(
        "Asked for here",
        ["What", "State", "By", "When", "What came of it"],
        [
            [
                link(job_page(job), titled(job)),
                state_of(job),
                job.asked_by,
                moment(job.created_at),
                in_words(job),
            ]
            for job in rows
        ],
        note="Nothing yet.",
    )


def live_part(job: Job) -> dict[str, Any]:
    """The part of a job's page that is polled."""
    waits = job.live and job.started_at is None
    return {
        "job": job,
        "live": job.live,
        "state": state_of(job),
        "words": "waits for a worker" if waits else job.progress or "begins",
        "outcome": in_words(job),
        "took": duration((job.finished_at or timezone.now()) - job.created_at),
        "attempts": job.attempts if job.live and job.attempts > 1 else 0,
    }


def titled(job: Job) -> str:
    """A job's number and kind."""
    kind = jobs.kind_of(job)
    return f"Job {job.pk}: {kind.title[0].lower()}{kind.title[1:]}" if kind else f"Job {job.pk}: {job.kind}"


def about(job: Job) -> str:
    """What a job is about, as people call it."""
    kind = jobs.kind_of(job)
    return kind.about(job.subject) if kind and job.subject else job.subject


def state_of(job: Job) -> SafeString:
    """The state as a badge: a live one waits or is worked at."""
    if not job.live:
        return badge(job.state)
    return badge("working") if job.lease_owner else badge("waiting")


def in_words(job: Job) -> str:
    """What came of a job, or why nothing did."""
    kind = jobs.kind_of(job)
    if job.state == Job.State.FAILED:
        return f"failed: {job.error}"
    if job.state == Job.State.CANCELLED:
        return f"cancelled by {job.cancelled_by}"
    if job.state == Job.State.COMPLETED and kind is not None and job.result is not None:
        return kind.in_words(job.result)
    return job.progress or NOTHING


def may_see(request: HttpRequest, kind: jobs.Kind) -> bool:
    """Whether this person may see jobs of a kind."""
    can = request.user.has_perm
    return can("operations.view_job") or can(kind.seen_by) or can(kind.permission)


def _seen_by(request: HttpRequest) -> list[jobs.Kind]:
    return [kind for kind in jobs.kinds().values() if may_see(request, kind)]
