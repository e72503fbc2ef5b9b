"""The history of prices in the admin: on each diamond's page, and as a list of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.stones import link_from_diamonds, show_below_diamonds
from catalog.models import Diamond
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import Link, Table, address_of, link, moment
from diamondhub.admin.display import dollars as price
from pricing import changes_file
from pricing.admin.causes import VIEW, cause_of, made_by
from pricing.admin.change_filter import ChangeFilter, parameters
from pricing.admin.explanations import explanation_page
from pricing.admin.price_over_time import price_page
from pricing.differences import signed
from pricing.models import PriceChange, RuleSet

log = structlog.get_logger(__name__)

#: Changes that a diamond's page shows; the list has all of them.
SHOWN = 20


@admin.register(PriceChange)
class PriceChangeAdmin(ReadOnlyAdmin[PriceChange]):
    """Price changes, newest first. Whatever they are looked up by, an index serves it."""

    list_display = ("at", "stone", "old", "new", "change", "rules", "why", "actor")
    list_display_links = None
    list_filter = (ChangeFilter,)
    allowed_lookups = ("diamond_id", *parameters())
    ordering = changes_file.NEWEST_FIRST
    list_before_template = "admin/pricing/pricechange/export.html"
    search_help_text = "Diamond id"

    def find(self, rows: QuerySet[PriceChange], text: str) -> QuerySet[PriceChange]:
        """By the diamond's id."""
        try:
            return rows.filter(diamond_id=UUID(text))
        except ValueError:
            return rows.none()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The list, with the button that exports what it shows."""
        url = f"{reverse('admin:pricing_pricechange_export')}?{request.GET.urlencode()}"
        context = {"export_url": url, "most": f"{changes_file.MAX_CHANGES:,}", **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        """The list as a file, a stone's price over time and its explanation, besides the usual addresses."""
        view = self.admin_site.admin_view
        return [
            path("export/", view(self.export), name="pricing_pricechange_export"),
            path("of/<uuid:diamond_id>/", view(self.over_time), name="pricing_price_of"),
            path("of/<uuid:diamond_id>/why/", view(self.explanation), name="pricing_explanation"),
            *super().get_urls(),
        ]

    def export(self, request: HttpRequest) -> HttpResponseBase:
        """What the list shows, as CSV. 405 for anything but GET, 403 without permission."""
        if request.method != "GET":
            return HttpResponseNotAllowed(["GET"])
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            changes = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            messages.error(request, "These filters cannot be exported.")
            return redirect("admin:pricing_pricechange_changelist")
        log.info("price_changes_saved", user=request.user.get_username(), query=request.GET.urlencode()[:500])
        response = StreamingHttpResponse(changes_file.lines(changes), content_type="text/csv; charset=utf-8")
        name = f"price-changes-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def over_time(self, request: HttpRequest, diamond_id: UUID) -> HttpResponse:
        """A stone's price over time. 405 for anything but GET, 403 without permission, 404 without the stone."""
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        return price_page(request, diamond_id, self.admin_site.each_context(request))

    def explanation(self, request: HttpRequest, diamond_id: UUID) -> HttpResponse:
        """The explanation of a diamond's price. 405 for anything but GET, 403 without permission, 404 without the stone."""
        if not request.user.has_perm(VIEW):
            raise PermissionDenied
        return explanation_page(request, diamond_id, self.admin_site.each_context(request))

    @admin.display(description="changed")
    def at(self, change: PriceChange) -> str | SafeString:
        """The moment of the change."""
        return moment(change.changed_at)

    @admin.display(description="diamond")
    def stone(self, change: PriceChange) -> SafeString:
        """The beginning of the diamond's id, which is the tooltip, as a link."""
        url = reverse("admin:catalog_diamond_change", args=[change.diamond_id])
        identity = str(change.diamond_id)
        return format_html('<a class="dh-link" href="{}" title="{}">{}…</a>', url, identity, identity[:8])

    @admin.display(description="price before")
    def old(self, change: PriceChange) -> str:
        """The old price."""
        return price(change.old_price_cents)

    @admin.display(description="after")
    def new(self, change: PriceChange) -> str:
        """The new price."""
        return price(change.new_price_cents)

    @admin.display(description="change")
    def change(self, change: PriceChange) -> str:
        """The difference."""
        return _difference(change)

    @admin.display(description="rules")
    def rules(self, change: PriceChange) -> str:
        """By which sets and rules."""
        before = made_by(change.old_rule_set, change.old_rule, change.old_arm)
        return f"{before} → {made_by(change.new_rule_set, change.new_rule, change.new_arm)}"

    @admin.display(description="because of")
    def why(self, change: PriceChange) -> str | SafeString:
        """The cause of the change."""
        return cause_of(change.cause, change.cause_id)


def history_of(request: HttpRequest, diamond: Diamond) -> Table | None:
    """The newest changes of the diamond's price, for whom may see them."""
    if not request.user.has_perm(VIEW):
        return None
    changes = PriceChange.objects.filter(diamond_id=diamond.pk).order_by("-changed_on", "-changed_at", "-id")[:SHOWN]
    versions = {version for change in changes for version in (change.old_rule_set, change.new_rule_set)}
    sets = dict(RuleSet.objects.filter(version__in=versions).values_list("version", "pk"))
    rows: list[tuple[Any, ...]] = [
        (
            moment(change.changed_at),
            f"{price(change.old_price_cents)} → {price(change.new_price_cents)}",
            _difference(change),
            f"{price(change.old_cost_cents)} → {price(change.new_cost_cents)}"
            if change.old_cost_cents != change.new_cost_cents
            else price(change.new_cost_cents),
            format_html(
                "{} → {}",
                _linked(sets, change.old_rule_set, change.old_rule, change.old_arm),
                _linked(sets, change.new_rule_set, change.new_rule, change.new_arm),
            ),
            cause_of(change.cause, change.cause_id),
            change.actor,
        )
        for change in changes
    ]
    headers = ("changed", "price", "change", "cost", "rule set and rule", "because of", "by")
    return Table("Price history", headers, rows, "The price has not changed since the stone came into the catalogue.")


def link_to_history(request: HttpRequest, diamond: Diamond) -> Link | None:
    """The list of all changes of the diamond's price, for whom may see them."""
    if not request.user.has_perm(VIEW):
        return None
    url = f"{reverse('admin:pricing_pricechange_changelist')}?diamond_id={diamond.pk}"
    return Link("Price history", url, "timeline")


def link_to_chart(request: HttpRequest, diamond: Diamond) -> Link | None:
    """The diamond's price over time, for those who may see its history."""
    if not request.user.has_perm(VIEW):
        return None
    return Link("Price over time", address_of("admin:pricing_price_of", diamond.pk), "show_chart")


def link_to_explanation(request: HttpRequest, diamond: Diamond) -> Link | None:
    """The explanation of the diamond's price, for those who may see its history."""
    if not request.user.has_perm(VIEW):
        return None
    return Link("Why this price?", address_of("admin:pricing_explanation", diamond.pk), "help")


show_below_diamonds(history_of)
link_from_diamonds(link_to_explanation)
link_from_diamonds(link_to_chart)
link_from_diamonds(link_to_history)


def _difference(change: PriceChange) -> str:
    moved = change.new_price_cents - change.old_price_cents
    return f"{signed(moved)} ({moved / change.old_price_cents:+.1%})"


def _linked(sets: dict[int, int], version: int, rule: int | None, arm: str | None) -> str | SafeString:
    words = made_by(version, rule, arm)
    pk = sets.get(version)
    return link(reverse("admin:pricing_ruleset_change", args=[pk]), words) if pk else words
