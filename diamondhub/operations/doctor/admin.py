"""The doctor's page in the admin: what the newest look found, earlier looks, and the button to look again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import Table, ago, badge, moment, row_link
from diamondhub.operations.doctor import examining
from diamondhub.operations.models import Examination

LIST = "admin:operations_examination_changelist"
LOOK = "operations.add_examination"
#: Earlier looks on the page.
SHOWN = 20
_PAGE, _PART = "admin/operations/doctor.html", "admin/operations/doctor_part.html"


@admin.register(Examination)
class ExaminationAdmin(ReadOnlyAdmin[Examination]):
    """The doctor's page in the place of a list, and a page for each look."""

    def get_urls(self) -> list[URLPattern]:
        """The addresses of the part that moves and of the button, too."""
        own = [
            path("look/", self.admin_site.admin_view(self.look), name="operations_examination_look"),
            path("live/", self.admin_site.admin_view(self.live), name="operations_examination_live"),
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The newest look with all that it found, and those before it."""
        self._check(request)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Doctor",
            **self._newest(request),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, _PAGE, context)

    def live(self, request: HttpRequest) -> HttpResponse:
        """The part that moves, for htmx."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        self._check(request)
        return TemplateResponse(request, _PART, self._newest(request))

    def detail_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One look, as it was."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        self._check(request)
        examination = self.get_object(request, unquote(object_id))
        if examination is None:
            return redirect(LIST)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": str(examination),
            **_shown(examination),
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, _PAGE, context)

    def look(self, request: HttpRequest) -> HttpResponse:
        """Look again: reads only, so no reason is asked for."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not request.user.has_perm(LOOK):
            raise PermissionDenied
        if _under_way() is None:
            examining.start(started_by=request.user.get_username())
        messages.success(request, "The doctor is looking; what it finds is shown here in some seconds.")
        return redirect(LIST)

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_permission(request):
            raise PermissionDenied

    def _newest(self, request: HttpRequest) -> dict[str, Any]:
        last = examining.newest()
        earlier = Examination.objects.filter(state=Examination.State.COMPLETED).order_by("-completed_at")[:SHOWN]
        rows = [
            (row_link(row, f"Look {row.pk}"), moment(row.completed_at), row.started_by, _state(row)) for row in earlier
        ]
        return {
            **(_shown(last) if last else {"results": None}),
            "is_looking": _under_way() is not None,
            "may_look": request.user.has_perm(LOOK),
            "look_url": reverse("admin:operations_examination_look"),
            "earlier": Table("Looks", ("look", "when (UTC)", "by", "worst"), rows),
        }


def _under_way() -> Examination | None:
    """A look that somebody asked for and that is not over; one by schedule that waits is none."""
    ready = Examination.objects.filter(state=Examination.State.READY)
    return ready.filter(slot__isnull=True).order_by("-pk").first() or ready.exclude(lease_owner="").first()


def _state(examination: Examination) -> Any:
    return badge(examination.severity) if examination.severity else badge("completed", "all is well")


def _shown(examination: Examination) -> dict[str, Any]:
    """The checks with findings first, the worst on top; then what is well."""
    order = ["critical", "warning", "info", ""]
    results = []
    for result in examination.results:
        severity = result["findings"][0]["severity"] if result["findings"] else ""
        findings = [{**finding, "badge": badge(finding["severity"])} for finding in result["findings"]]
        results.append({**result, "findings": findings, "severity": severity})
    results.sort(key=lambda result: (order.index(result["severity"]), result["check"]))
    return {
        "examination": examination,
        "state": _state(examination),
        "age": ago(examination.completed_at),
        "at": moment(examination.completed_at),
        "run_book_url": reverse("admin:operations_run_book", args=["doctor-finding"]),
        "results": [result for result in results if result["findings"]],
        "well": [result for result in results if not result["findings"]],
    }
