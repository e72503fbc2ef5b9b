"""The history of prices in the admin: on each diamond's page, and as a list of its own."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.stones import link_from_diamonds, show_below_diamonds
from catalog.models import Diamond
from diamondhub.admin.base import ReadOnlyAdmin
from diamondhub.admin.display import NOTHING, Link, Table, link, moment
from diamondhub.admin.display import dollars as price
from pricing.admin.explanations import explanation_page
from pricing.differences import signed
from pricing.models import PriceChange, Repricing, RuleSet

#: Changes that a diamond's page shows; the list has all of them.
SHOWN = 20
VIEW = "pricing.view_pricechange"


@admin.register(PriceChange)
class PriceChangeAdmin(ReadOnlyAdmin[PriceChange]):
    """Price changes, newest first. Looked up by diamond, which an index serves."""

    list_display = ("at", "stone", "old", "new", "change", "rules", "why", "actor")
    list_display_links = None
    allowed_lookups = ("diamond_id",)
    ordering = ("-pk",)
    search_help_text = "Diamond id"

    def find(self, rows: QuerySet[PriceChange], text: str) -> QuerySet[PriceChange]:
        """By the diamond's id."""
        try:
            return rows.filter(diamond_id=UUID(text))
        except ValueError:
            return rows.none()

    def get_urls(self) -> list[URLPattern]:
        """The explanation of a diamond's price, besides the usual addresses."""
        view = self.admin_site.admin_view(self.explanation)
        return [path("of/<uuid:diamond_id>/why/", view, name="pricing_explanation"), *super().get_urls()]

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
        """The diamond's id, as a link."""
        return link(reverse("admin:catalog_diamond_change", args=[change.diamond_id]), str(change.diamond_id))

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
        before = _by(change.old_rule_set, change.old_rule, change.old_arm)
        return f"{before} → {_by(change.new_rule_set, change.new_rule, change.new_arm)}"

    @admin.display(description="because of")
    def why(self, change: PriceChange) -> str | SafeString:
        """The cause of the change."""
        return _cause(change)


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
            _cause(change),
            change.actor,
        )
        for change in changes
    ]
    headers = ("changed (UTC)", "price", "change", "cost", "rule set and rule", "because of", "by")
    return Table("Price history", headers, rows, "The price has not changed since the stone came into the catalogue.")


def link_to_history(request: HttpRequest, diamond: Diamond) -> Link | None:
    """The list of all changes of the diamond's price, for whom may see them."""
    if not request.user.has_perm(VIEW):
        return None
    url = f"{reverse('admin:pricing_pricechange_changelist')}?diamond_id={diamond.pk}"
    return Link("Price history", url, "timeline")


def link_to_explanation(request: HttpRequest, diamond: Diamond) -> Link | None:
    """The explanation of the diamond's price, for those who may see its history."""
    if not request.user.has_perm(VIEW):
        return None
    return Link("Why this price?", reverse("admin:pricing_explanation", args=[diamond.pk]), "help")


show_below_diamonds(history_of)
link_from_diamonds(link_to_explanation)
link_from_diamonds(link_to_history)


def _difference(change: PriceChange) -> str:
    moved = change.new_price_cents - change.old_price_cents
    return f"{signed(moved)} ({moved / change.old_price_cents:+.1%})"


def _by(version: int, rule: int | None, arm: str | None) -> str:
    words = f"{version}, {f'rule {rule}' if rule else 'base margin'}"
    return f"{words}, {arm}" if arm else words


def _linked(sets: dict[int, int], version: int, rule: int | None, arm: str | None) -> str | SafeString:
    words = _by(version, rule, arm)
    pk = sets.get(version)
    return link(reverse("admin:pricing_ruleset_change", args=[pk]), words) if pk else words


def _cause(change: PriceChange) -> str | SafeString:
    words = f"{change.cause} {change.cause_id}" if change.cause_id is not None else change.cause or NOTHING
    if change.cause == "repricing" and change.cause_id is not None:
        return link(reverse("admin:pricing_repricing_change", args=[Repricing(pk=change.cause_id).pk]), words)
    return words
