"""The page that shows what publishing a rule set would do. It reads, and writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse

from diamondhub.admin.base import bounded
from diamondhub.admin.display import Table, link, number
from pricing.admin.acting import PUBLISH
from pricing.admin.rule_table import listed
from pricing.admin.timing import STATEMENT_SECONDS, TakesTooLong, in_time
from pricing.conflicts import conflicts
from pricing.differences import dollars, signed
from pricing.in_force import with_rules
from pricing.models import RuleSet
from pricing.simulate import Bar, Mover, Simulation, TypeEffect, simulate

_TYPES = {"natural": "Natural", "lab_grown": "Lab-grown", "fancy": "Fancy"}


@dataclass(frozen=True, slots=True)
class DrawnBar:
    """A bar of the histogram: what it stands for, how many stones, and its length in percent of the longest."""

    label: str
    stones: str
    length: int
    down: bool


def simulation_page(request: HttpRequest, rule_set_id: int, site_context: dict[str, Any]) -> HttpResponse:
    """The simulation of one rule set. 405 for anything but GET, 404 if there is none."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    rule_set = with_rules(RuleSet.objects.filter(pk=rule_set_id)).first()
    if rule_set is None:
        raise Http404("there is no such rule set")
    context: dict[str, Any] = {
        **site_context,
        "opts": RuleSet._meta,
        "original": rule_set,
        "rule_set": rule_set,
        "title": f"Simulation of rule set {rule_set.version}",
        "may_publish": request.user.has_perm(PUBLISH) and rule_set.state != RuleSet.State.PUBLISHED,
        **listed(conflicts(rule_set)),
    }
    try:
        with in_time(), bounded(STATEMENT_SECONDS):
            context |= shown(simulate(rule_set))
    except TakesTooLong as error:
        context["too_slow"] = str(error)
    return TemplateResponse(request, "admin/pricing/ruleset/simulate.html", context)


def shown(result: Simulation) -> dict[str, Any]:
    """The simulation for its template."""
    total = result.total
    return {
        "total": total,
        "figures": _figures(total),
        "types": [(_TYPES[kind], *_effect(effect)) for kind, effect in (*result.by_type.items(),) if effect.stones],
        "bars": bars(result.histogram),
        "rule_counts": [
            (
                effect.rule.priority if effect.rule else "",
                link(reverse("admin:pricing_rule_change", args=[effect.rule.pk]), effect.rule.name)
                if effect.rule
                else "no rule: base margin",
                number(effect.stones),
                signed(effect.effect_cents),
            )
            for effect in result.rules
        ],
        "movers": [
            Table("Greatest rises", _MOVER_HEADERS, _movers(result, result.up), "No price rises."),
            Table("Greatest falls", _MOVER_HEADERS, _movers(result, result.down), "No price falls."),
        ],
    }


_MOVER_HEADERS = ("stone", "cost", "price now", "then", "change", "rule")


def _figures(total: TypeEffect) -> list[tuple[str, str, str, str]]:
    """Numbers at the top: label, value, note, tone."""
    share = f"{total.changed / total.stones:.1%} of {total.stones:,}" if total.stones else "the catalogue is empty"
    relative = f"{total.effect_cents / total.old_cents:+.2%}" if total.old_cents else ""
    return [
        ("stones that change", number(total.changed), share, ""),
        ("effect on all prices", signed(total.effect_cents), relative, ""),
        ("all prices then", dollars(total.new_cents), f"now {dollars(total.old_cents)}", ""),
        ("margin over cost", _margin(total.new_cents, total.cost_cents), _now(total), ""),
        ("below cost", number(total.below_cost), "stones that would lose money", "bad" if total.below_cost else "good"),
    ]


def _now(total: TypeEffect) -> str:
    return f"now {_margin(total.old_cents, total.cost_cents)}"


def _margin(price: int, cost: int) -> str:
    return f"{(price - cost) / cost:.1%}" if cost else "–"


def _effect(effect: TypeEffect) -> tuple[str, ...]:
    relative = f"{effect.effect_cents / effect.old_cents:+.2%}" if effect.old_cents else ""
    return (
        number(effect.stones),
        number(effect.changed),
        dollars(effect.old_cents),
        dollars(effect.new_cents),
        signed(effect.effect_cents),
        relative,
        number(effect.below_cost),
    )


def bars(histogram: Sequence[Bar]) -> list[DrawnBar]:
    """The histogram's bars, the longest of which is 100; a bar with stones is never too short to be seen."""
    longest = max((bar.stones for bar in histogram), default=0)
    return [
        DrawnBar(
            label=_range(bar),
            stones=number(bar.stones),
            length=max(1, round(100 * bar.stones / longest)) if bar.stones else 0,
            down=bar.high is not None and bar.high <= 0,
        )
        for bar in histogram
    ]


def _range(bar: Bar) -> str:
    if bar.low is None:
        return f"below {_percent(bar.high)}"
    if bar.high is None:
        return f"{_percent(bar.low)} and more"
    return f"{_percent(bar.low)} to {_percent(bar.high)}"


def _percent(bound: int | None) -> str:
    return f"{bound:+d} %".replace("+0", "0").replace("-", "−")


def _movers(result: Simulation, movers: Sequence[Mover]) -> list[tuple[Any, ...]]:
    names = {effect.rule.number: effect.rule.name for effect in result.rules if effect.rule}
    return [
        (
            link(reverse("admin:catalog_diamond_change", args=[mover.diamond_id]), mover.supplier_stone_id),
            dollars(mover.cost_cents),
            dollars(mover.old_cents),
            dollars(mover.new_cents),
            f"{signed(mover.effect_cents)} ({mover.effect_cents / mover.old_cents:+.1%})",
            names.get(mover.rule, "") if mover.rule else "base margin",
        )
        for mover in movers
    ]
