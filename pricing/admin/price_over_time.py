"""The page of one stone's price over time: a chart with the rule sets in force, its table, and any day explained."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.models import Diamond
from diamondhub.admin.base import bounded
from diamondhub.admin.display import Link, Table, link, moment
from diamondhub.admin.display import dollars as price
from pricing.admin.causes import cause_of, made_by
from pricing.admin.explanations import days_of
from pricing.admin.timing import STATEMENT_SECONDS, in_time
from pricing.diamond_history import MAX_CHANGES
from pricing.in_force import day_of
from pricing.models import PriceChange, RuleSet
from pricing.price_chart import Stretch, chart
from pricing.publications import Publication, publications

#: Stretches that the table lists; the chart has all that are read.
MAX_LISTED = 200


def price_page(request: HttpRequest, diamond_id: UUID, site_context: dict[str, Any]) -> HttpResponse:
    """The page. 405 for anything but GET, 404 if there is no such diamond."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    diamond = Diamond.objects.filter(pk=diamond_id).first()
    if diamond is None:
        raise Http404("there is no such diamond")
    with in_time(), bounded(STATEMENT_SECONDS):
        changes = _changes(diamond)
        published = publications()
    is_whole = len(changes) <= MAX_CHANGES
    changes = changes[:MAX_CHANGES][::-1]
    now = timezone.now()
    stretches = _stretches(diamond, changes, now, is_whole=is_whole)
    list_url = f"{reverse('admin:pricing_pricechange_changelist')}?diamond_id={diamond.pk}"
    context: dict[str, Any] = {
        **site_context,
        "opts": Diamond._meta,
        "original": diamond,
        "title": f"Price of {diamond} over time",
        "links": [
            Link("The diamond", reverse("admin:catalog_diamond_change", args=[diamond.pk]), "diamond"),
            Link("Why this price?", reverse("admin:pricing_explanation", args=[diamond.pk]), "help"),
            Link("In the list of changes", list_url, "list"),
        ],
        **days_of(diamond),
        "explained_at": reverse("admin:pricing_explanation", args=[diamond.pk]),
        "chart": chart(stretches, published),
        "words": _in_words(stretches),
        "is_whole": is_whole,
        "most": MAX_CHANGES,
        "tables": [_table(diamond, changes, stretches, published)],
    }
    return TemplateResponse(request, "admin/pricing/price_over_time.html", context)


def _changes(diamond: Diamond) -> list[PriceChange]:
    """The newest changes first, one more than are shown; the index is by day."""
    changes = PriceChange.objects.filter(diamond_id=diamond.pk)
    return list(changes.order_by("-changed_on", "-id")[: MAX_CHANGES + 1])


def _stretches(diamond: Diamond, changes: Sequence[PriceChange], now: datetime, *, is_whole: bool) -> list[Stretch]:
    """The stone's prices one behind the other, up to now."""
    if not changes:
        return [Stretch(diamond.first_seen_at, now, diamond.price_cents)]
    stretches = []
    if is_whole and diamond.first_seen_at < changes[0].changed_at:
        stretches.append(Stretch(diamond.first_seen_at, changes[0].changed_at, changes[0].old_price_cents))
    ends = [*(change.changed_at for change in changes[1:]), now]
    for change, end in zip(changes, ends, strict=True):
        stretches.append(Stretch(change.changed_at, max(end, change.changed_at), change.new_price_cents))
    return stretches


def _in_words(stretches: Sequence[Stretch]) -> str:
    prices = [each.price_cents for each in stretches]
    return (
        f"From {stretches[0].begin:%Y-%m-%d} to {stretches[-1].end:%Y-%m-%d} the price went from {price(prices[0])} to "
        f"{price(prices[-1])}, in {len(stretches) - 1:,} changes; it was {price(min(prices))} at the least and "
        f"{price(max(prices))} at the most."
    )


def _table(
    diamond: Diamond, changes: Sequence[PriceChange], stretches: Sequence[Stretch], published: Sequence[Publication]
) -> Table:
    """The chart as a table, the newest stretch first."""
    made: list[PriceChange | None] = [*([None] * (len(stretches) - len(changes))), *changes]
    versions = {change.new_rule_set for change in changes} | {diamond.rule_set} | {each.version for each in published}
    sets = dict(RuleSet.objects.filter(version__in=versions).values_list("version", "pk"))
    rows: list[tuple[Any, ...]] = []
    for stretch, change in list(zip(stretches, made, strict=True))[::-1][:MAX_LISTED]:
        rows.append(
            (
                moment(stretch.begin),
                price(stretch.price_cents),
                *_made(diamond, changes, change, stretch, sets),
                _in_force(stretch, published),
                _days(diamond, stretch),
            )
        )
    headers = (
        "from",
        "price",
        "cost",
        "margin",
        "made by rule set",
        "because of",
        "by",
        "in force then",
        "explain",
    )
    return Table("The same as a table", headers, rows)


def _made(
    diamond: Diamond,
    changes: Sequence[PriceChange],
    change: PriceChange | None,
    stretch: Stretch,
    sets: dict[int, int],
) -> tuple[Any, ...]:
    if change is not None:
        cost, cause, actor = change.new_cost_cents, cause_of(change.cause, change.cause_id), change.actor
        version, rule, arm = change.new_rule_set, change.new_rule, change.new_arm
    elif changes:
        cost, cause, actor = changes[0].old_cost_cents, "first seen", ""
        version, rule, arm = changes[0].old_rule_set, changes[0].old_rule, changes[0].old_arm
    else:
        cost, cause, actor = diamond.cost_cents, "first seen", ""
        version, rule, arm = diamond.rule_set, diamond.rule, diamond.experiment_arm
    margin = f"{(stretch.price_cents - cost) / cost:.1%}" if cost else "–"
    words = made_by(version, rule, arm)
    page = reverse("admin:pricing_ruleset_change", args=[sets[version]]) if version in sets else ""
    return price(cost), margin, link(page, words) if page else words, cause, actor


def _in_force(stretch: Stretch, published: Sequence[Publication]) -> str:
    earlier = [each.version for each in published if each.at <= stretch.begin]
    within = [each.version for each in published if stretch.begin < each.at < stretch.end]
    return " → ".join(map(str, [*earlier[-1:], *within][:6])) or "–"


def _days(diamond: Diamond, stretch: Stretch) -> SafeString | str:
    """The link to the last whole day on which the stone had this price, if there is one."""
    day = day_of(stretch.begin)
    if day == day_of(stretch.end) and stretch.end < timezone.now():
        return ""
    url = f"{reverse('admin:pricing_explanation', args=[diamond.pk])}?day={day}"
    return format_html('<a class="dh-link" href="{}" aria-label="Explain the price of {}">{}</a>', url, day, day)
