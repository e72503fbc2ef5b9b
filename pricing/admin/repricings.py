"""Repricings in the admin: the list, the page that follows a live one, and the buttons that start and cancel one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, OuterRef, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from diamondhub.admin.acting import RequiredReason
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Group, Link, badge, duration, moment, number, progress_bar, row_link
from pricing import reprice
from pricing.admin.acting import PUBLISH, act
from pricing.admin.causes import link_to_changes
from pricing.models import Repricing, RepricingBatch

#: Characters of a reason that fit into the cause of a repricing, behind "on demand: ".
MAX_REASON_LENGTH = 180
#: Batches that failed at least once, which the page shows.
FAILING_SHOWN = 20


class StartReason(forms.Form):
    """The reason for pricing all stones anew."""

    reason = forms.CharField(
        max_length=MAX_REASON_LENGTH, label="Reason", error_messages=RequiredReason.base_fields["reason"].error_messages
    )


@admin.register(Repricing)
class RepricingAdmin(ReadOnlyAdmin[Repricing]):
    """Repricings, newest first."""

    list_display = ("name", "badge", "of_set", "cause", "started_by", "progress", "repriced", "took", "created")
    list_filter = ("state",)
    search_help_text = "Number of the repricing"
    list_before_template = "admin/pricing/repricing/start.html"
    detail_template = "admin/pricing/repricing/detail.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Repricing]:
        """With how far each is, of which a page shows few."""
        own = RepricingBatch.objects.filter(repricing=OuterRef("pk")).order_by().values("repricing")
        done = own.filter(state=RepricingBatch.State.COMPLETED)
        return (
            super()
            .get_queryset(request)
            .select_related("rule_set")
            .defer("rule_set__compiled")
            .annotate(
                all_batches=Subquery(own.annotate(total=Count("pk")).values("total")),
                done_batches=Subquery(done.annotate(total=Count("pk")).values("total")),
                new_prices=Subquery(own.annotate(total=Sum("repriced")).values("total")),
            )
        )

    @admin.display(description="repricing")
    def name(self, repricing: Repricing) -> str:
        """The number; links to the page."""
        return str(repricing)

    @admin.display(description="state")
    def badge(self, repricing: Repricing) -> SafeString:
        """The state as a badge."""
        return _state(repricing)

    @admin.display(description="rule set")
    def of_set(self, repricing: Repricing) -> str | SafeString:
        """The set, as a link."""
        return row_link(repricing.rule_set, f"version {repricing.rule_set.version}")

    @admin.display(description="progress")
    def progress(self, repricing: Any) -> SafeString:
        """The share that is done."""
        return progress_bar((repricing.done_batches or 0) / repricing.all_batches if repricing.all_batches else 1.0)

    @admin.display(description="prices changed")
    def repriced(self, repricing: Any) -> str:
        """The number of prices that it changed."""
        return number(repricing.new_prices or 0)

    @admin.display(description="duration")
    def took(self, repricing: Repricing) -> str:
        """From start to end, or until now."""
        return _took(repricing)

    @admin.display(description="started")
    def created(self, repricing: Repricing) -> str | SafeString:
        """The moment of its beginning."""
        return moment(repricing.created_at)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list below the button that starts one."""
        return super().changelist_view(
            request,
            {
                "may_start": request.user.has_perm(PUBLISH),
                "longest_reason": MAX_REASON_LENGTH,
                **(extra_context or {}),
            },
        )

    # --- the page of a repricing -----------------------------------------------------------------------------------

    def groups(self, request: HttpRequest, row: Repricing) -> list[Group]:
        """Its deed, its reason and its end."""
        experiment = row.experiment
        return [
            Group(
                "Order",
                [
                    ("rule set", row_link(row.rule_set, f"version {row.rule_set.version}")),
                    ("experiment", row_link(experiment, experiment.slug) if experiment else NOTHING),
                    ("by the rules in force on", row.as_of.isoformat()),
                    ("cause", row.cause),
                    ("started by", row.started_by),
                ],
            ),
            Group(
                "Course",
                [
                    ("started", moment(row.created_at)),
                    ("finished", moment(row.finished_at)),
                    ("cancelled by", row.cancelled_by or NOTHING),
                    ("reason", row.cancelled_reason or NOTHING),
                    ("dataset version", row.dataset_version or NOTHING),
                    ("trace id", row.trace_id),
                ],
            ),
        ]

    def links(self, request: HttpRequest, row: Repricing) -> list[Link]:
        """The changes of prices that it made."""
        return link_to_changes(request, cause="repricing", cause_id=row.pk)

    def detail_context(self, request: HttpRequest, row: Repricing) -> dict[str, Any]:
        """The live part, and whether this person may cancel."""
        return {**live_part(row), "may_cancel": row.state == Repricing.State.READY and request.user.has_perm(PUBLISH)}

    def get_urls(self) -> list[URLPattern]:
        """The live part and the buttons' addresses besides the usual ones."""
        view = self.admin_site.admin_view
        return [
            path("start/", view(self.start), name="pricing_repricing_start"),
            path("<int:repricing_id>/live/", view(self.live), name="pricing_repricing_live"),
            path("<int:repricing_id>/cancel/", view(self.cancel), name="pricing_repricing_cancel"),
            *super().get_urls(),
        ]

    def live(self, request: HttpRequest, repricing_id: int) -> HttpResponse:
        """The part that the page polls; when the repricing is over, the page is asked to reload."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        repricing = Repricing.objects.select_related("rule_set").filter(pk=repricing_id).first()
        if repricing is None:
            raise Http404("there is no such repricing")
        if request.GET.get("state", repricing.state) != repricing.state:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "admin/pricing/repricing/live.html", live_part(repricing))

    def start(self, request: HttpRequest) -> HttpResponse:
        """Price every stone anew by what is in force, for a reason."""

        def do(reason: str) -> tuple[str, str]:
            repricing = reprice.start(cause=f"on demand: {reason}", actor=request.user.get_username())
            return f"Repricing {repricing.pk} is started.", reverse(
                "admin:pricing_repricing_change", args=[repricing.pk]
            )

        return act(request, PUBLISH, do, back=reverse("admin:pricing_repricing_changelist"), form=StartReason)

    def cancel(self, request: HttpRequest, repricing_id: int) -> HttpResponse:
        """Stop the repricing, for a reason; what is done stays done."""
        here = reverse("admin:pricing_repricing_change", args=[repricing_id])

        def do(reason: str) -> tuple[str, str]:
            reprice.cancel(repricing_id, actor=request.user.get_username(), reason=reason)
            return f"Repricing {repricing_id} is cancelled. Stones that have their new price keep it.", here

        return act(request, PUBLISH, do, back=here, form=RequiredReason)


def live_part(repricing: Repricing) -> dict[str, Any]:
    """The part of the page that is polled: progress, numbers, and batches that do not get on."""
    done = reprice.totals(repricing)
    failing = repricing.batches.filter(state=RepricingBatch.State.READY).exclude(last_error="").order_by("ordinal")
    return {
        "repricing": repricing,
        "live": repricing.state == Repricing.State.READY,
        "state": _state(repricing),
        "share": done["done"] / done["batches"] if done["batches"] else 1.0,
        "done": done,
        "numbers": [
            ("batches", f"{done['done']:,} of {done['batches']:,}", "the first may look which prices change"),
            ("stones", number(done["stones"]), "looked at"),
            ("changed", number(done["changed"]), "with another price, rating, rule or arm"),
            ("prices changed", number(done["repriced"]), "each of them in the history"),
            ("time", _took(repricing), ""),
        ],
        "failing": failing[:FAILING_SHOWN],
    }


def _took(repricing: Repricing) -> str:
    return duration((repricing.finished_at or timezone.now()) - repricing.created_at)


def _state(repricing: Repricing) -> SafeString:
    if repricing.state == Repricing.State.READY:
        return format_html("{}", badge("working", "under way"))
    return badge(repricing.state)
