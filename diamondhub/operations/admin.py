"""Problems in the admin: what needs somebody first, each with its cause, its run book and its buttons."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString

from diamondhub.admin.acting import Reason, RequiredReason, act
from diamondhub.admin.base import ReadOnlyAdmin, SelectFilter
from diamondhub.admin.display import NOTHING, Group, Link, Table, ago, badge, duration, json_code, link, moment, number
from diamondhub.alerts.models import Delivery
from diamondhub.database import clock
from diamondhub.operations import job_admin, worker_admin  # noqa: F401 - register their own
from diamondhub.operations.doctor import admin as doctor_admin  # noqa: F401 - as well
from diamondhub.operations.models import Problem
from diamondhub.operations.problems import kinds, reading, runbooks, tracking
from diamondhub.operations.problems.acting import CHANGE, UNTIL, buttons_of, link_of

#: Events and deliveries that the page of a problem shows.
EVENTS_SHOWN, DELIVERIES_SHOWN = 100, 50
#: A value of the details that is longer is shown below, whole (characters).
MAX_SHORT = 200


class StateFilter(SelectFilter):
    """Problems that are not resolved, or in one state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All states, and those that need somebody together."""
        return [("unresolved", "not resolved"), *((str(value), str(label)) for value, label in Problem.State.choices)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """What is not resolved stands first in the index; so does each state within it."""
        value = self.value()
        if value is None:
            return queryset
        if value == Problem.State.RESOLVED:
            return queryset.filter(place=Problem.RESOLVED_PLACE)
        unresolved = queryset.filter(place__lt=Problem.RESOLVED_PLACE)
        if value == "unresolved":
            return unresolved
        return unresolved.filter(state=value) if value in Problem.State.values else queryset.none()


class KindFilter(SelectFilter):
    """Problems of one kind."""

    title = "kind"
    parameter_name = "kind"
    field = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds that this person may see."""
        seen = {*reading.kinds_seen_by(request.user)}
        return [(kind.name, kind.title) for kind in kinds.all_kinds() if kind.name in seen]


class Acknowledgement(Reason):
    """Until when somebody takes care of a problem, and a note."""

    until = forms.ChoiceField(
        choices=[(word, label) for word, (label, _) in UNTIL.items()],
        error_messages={
            "required": "Say until when you take care of it.",
            "invalid_choice": f"You can take care of it {', '.join(label for label, _ in UNTIL.values())}.",
        },
    )


@admin.register(Problem)
class ProblemAdmin(ReadOnlyAdmin[Problem]):
    """Problems: those that need somebody first, the worst of them at the top. Everybody sees those of their own work."""

    list_display = ("named", "level", "standing", "what", "since", "seen", "times")
    list_filter = (StateFilter, "severity", KindFilter)
    ordering = ("place", "-last_seen_at", "-pk")
    detail_template = "admin/operations/problem/detail.html"
    search_help_text = "Number of the problem"

    # --- who sees what -----------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Problem]:
        """Problems of the kinds that this person may see; of kinds that are no more, nobody's but superusers'."""
        rows = super().get_queryset(request)
        if request.user.is_superuser:
            return rows
        return rows.filter(kind__in=reading.kinds_seen_by(request.user))

    def has_view_permission(self, request: HttpRequest, obj: Problem | None = None) -> bool:
        """Who may see what a problem is about sees the problem."""
        if super().has_view_permission(request, obj):
            return True
        seen = reading.kinds_seen_by(request.user)
        return bool(seen) if obj is None else obj.kind in seen

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    # --- the list ----------------------------------------------------------------------------------------------------

    @admin.display(description="problem")
    def named(self, problem: Problem) -> str:
        return problem.subject if len(problem.subject) <= 120 else f"{problem.subject[:119]}…"

    @admin.display(description="severity")
    def level(self, problem: Problem) -> SafeString:
        return badge(problem.severity)

    @admin.display(description="state")
    def standing(self, problem: Problem) -> SafeString:
        return badge(problem.state)

    @admin.display(description="kind")
    def what(self, problem: Problem) -> str:
        kind = kinds.known(problem.kind)
        return kind.title if kind else problem.kind

    @admin.display(description="since")
    def since(self, problem: Problem) -> str | SafeString:
        return moment(problem.first_seen_at)

    @admin.display(description="last seen")
    def seen(self, problem: Problem) -> str:
        return ago(problem.last_seen_at)

    @admin.display(description="times")
    def times(self, problem: Problem) -> str:
        return number(problem.occurrences)

    # --- the page of a problem ---------------------------------------------------------------------------------------

    def links(self, request: HttpRequest, row: Problem) -> list[Link]:
        """What it is about, and what to do."""
        links = [Link("What to do (run book)", _runbook(row.kind), "menu_book")] if kinds.known(row.kind) else []
        if about := link_of(row):
            links.insert(0, Link(f"Go to {row.target.replace(':', ' ')}", about))
        return links

    def detail_context(self, request: HttpRequest, row: Problem) -> dict[str, Any]:
        kind = kinds.known(row.kind)
        may = request.user.has_perm(CHANGE) and row.state != Problem.State.RESOLVED
        until = row.acknowledged_until
        return {
            "problem": row,
            "kind_title": kind.title if kind else row.kind,
            "level": badge(row.severity),
            "state": badge(row.state),
            "lasted": duration((row.resolved_at or clock()) - row.first_seen_at),
            "until": f"{until:%Y-%m-%d %H:%M} UTC" if until else "",
            "buttons": list(buttons_of(row, request.user)),
            "may_acknowledge": may,
            "may_take_back": may and row.state == Problem.State.ACKNOWLEDGED,
            "may_resolve": may and (kind is None or kind.by_hand),
            "until_choices": [(word, label) for word, (label, _) in UNTIL.items()],
        }

    def groups(self, request: HttpRequest, row: Problem) -> list[Group]:
        """What is wrong, since when, how often, and why."""
        kind = kinds.known(row.kind)
        about = link_of(row)
        groups = [
            Group(
                "What is wrong",
                [
                    ("about", link(about, row.about) if about else row.about),
                    *([("last at", link(about, row.where) if about else row.where)] if row.where else []),
                    ("since", moment(row.first_seen_at)),
                    ("last seen", moment(row.last_seen_at)),
                    ("occurred", f"{number(row.occurrences)} times" if row.occurrences != 1 else "once"),
                    ("came back", f"{row.episode - 1} times" if row.episode > 1 else "never"),
                    *([("resolved", moment(row.resolved_at))] if row.resolved_at else []),
                    *([("resolved by", row.resolved_by)] if row.resolved_by else []),
                    *([("because", row.resolved_why)] if row.resolved_why else []),
                    ("trace id", row.trace_id or NOTHING),
                ],
            )
        ]
        if kind is not None:
            groups.append(
                Group(
                    "This kind of problem", [("kind", kind.name), ("found when", kind.found), ("ends when", kind.ends)]
                )
            )
        return [*groups, Group("Details", _details(row.details))]

    def tables(self, request: HttpRequest, row: Problem) -> list[Table]:
        """What became of it, and who was told."""
        return [
            Table(
                "What became of it",
                ["at", "what", "by", "note"],
                [
                    [moment(event.at), badge(event.what), event.by or NOTHING, event.note]
                    for event in row.events.order_by("-at", "-pk")[:EVENTS_SHOWN]
                ],
            ),
            Table(
                "Who was told",
                ["at (UTC)", "channel", "state", "attempts", "last error"],
                [
                    [
                        link(
                            reverse("admin:alerts_event_change", args=[delivery.event_id]), f"{delivery.at:%m-%d %H:%M}"
                        ),
                        delivery.channel,
                        badge(delivery.state),
                        delivery.attempts,
                        delivery.last_error or NOTHING,
                    ]
                    for delivery in _deliveries(row)
                ],
                note="Nobody was told: no channel is configured for it.",
            ),
        ]

    # --- buttons -----------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """The buttons' addresses and the run books besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("runbook/<slug:kind>/", view(self.runbook), name="operations_run_book"),
            path("<int:problem_id>/acknowledge/", view(self.acknowledge), name="operations_problem_acknowledge"),
            path("<int:problem_id>/take-back/", view(self.take_back), name="operations_problem_take_back"),
            path("<int:problem_id>/resolve/", view(self.resolve), name="operations_problem_resolve"),
            *super().get_urls(),
        ]

    def acknowledge(self, request: HttpRequest, problem_id: int) -> HttpResponse:
        """Have it noted that this person takes care of the problem for a while."""
        here = reverse("admin:operations_problem_change", args=[problem_id])

        def do(note: str) -> tuple[str, str]:
            self._require_seen(request, problem_id)
            label, until = UNTIL[request.POST["until"]]
            tracking.acknowledge(problem_id, by=request.user.get_username(), until=until(clock()), note=note)
            return f"You take care of it {label}: nobody is reminded of it before.", here

        return act(request, CHANGE, do, back=here, errors=tracking.NotOpen, form=Acknowledgement)

    def take_back(self, request: HttpRequest, problem_id: int) -> HttpResponse:
        """Have it noted that nobody takes care of the problem any more."""
        here = reverse("admin:operations_problem_change", args=[problem_id])

        def do(note: str) -> tuple[str, str]:
            self._require_seen(request, problem_id)
            tracking.take_back(problem_id, by=request.user.get_username(), note=note)
            return "Nobody takes care of the problem any more: it is open again.", here

        return act(request, CHANGE, do, back=here, errors=tracking.NotAcknowledged)

    def resolve(self, request: HttpRequest, problem_id: int) -> HttpResponse:
        """End the problem because this person says so, for a reason."""
        here = reverse("admin:operations_problem_change", args=[problem_id])

        def do(reason: str) -> tuple[str, str]:
            self._require_seen(request, problem_id)
            tracking.resolve_by_hand(problem_id, by=request.user.get_username(), reason=reason)
            return "The problem is resolved.", here

        errors = (tracking.NotOpen, tracking.EndsByItself)
        return act(request, CHANGE, do, back=here, errors=errors, form=RequiredReason)

    def _require_seen(self, request: HttpRequest, problem_id: int) -> Problem:
        problem = self.get_queryset(request).filter(pk=problem_id).first()
        if problem is None:
            raise Http404(f"there is no problem {problem_id}")
        return problem

    def runbook(self, request: HttpRequest, kind: str) -> HttpResponse:
        """A kind's run book."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        text, declared = runbooks.text_of(kind), kinds.known(kind)
        if text is None or declared is None:
            raise Http404(f"there is no run book {kind}")
        list_url = f"{reverse('admin:operations_problem_changelist')}?kind={kind}"
        request.current_app = self.admin_site.name
        return TemplateResponse(
            request,
            "admin/operations/problem/runbook.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": f"Run book: {declared.title}",
                "kind": declared,
                "level": badge(declared.severity),
                "links": [Link("Problems of this kind", list_url, "report")],
                "body": runbooks.as_html(text.partition("\n")[2] if text.startswith("# ") else text),
            },
        )


def _runbook(kind: str) -> str:
    return reverse("admin:operations_run_book", args=[kind])


def _details(details: dict[str, Any]) -> list[tuple[str, Any]]:
    """Single values one by one, and what has parts, or is long, as JSON."""
    short = {
        name: value
        for name, value in details.items()
        if not isinstance(value, dict | list) and len(str(value)) <= MAX_SHORT
    }
    rest = {name: value for name, value in details.items() if name not in short}
    shown = [(name.replace("_", " "), NOTHING if value in (None, "") else str(value)) for name, value in short.items()]
    return [*shown, *([("more", json_code(rest))] if rest else [])] or [("details", NOTHING)]


def _deliveries(row: Problem) -> list[Any]:
    """The newest deliveries of what was told of the problem."""
    told = Delivery.objects.filter(event__dedupe_key__startswith=f"problem:{row.pk}:")
    deliveries: list[Any] = list(told.select_related("event").order_by("-pk")[:DELIVERIES_SHOWN])
    for delivery in deliveries:
        delivery.at = delivery.event.created_at
    return deliveries
