"""The page that says why a diamond costs what it costs, now or on a day of the past.

It has the steps from cost to price, and the rules that did not match.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from catalog.models import Diamond
from diamondhub.admin.base import bounded
from diamondhub.admin.display import NOTHING, Group, Link, Table, link, moment
from diamondhub.admin.display import dollars as price
from pricing.admin.causes import cause_of
from pricing.admin.timing import STATEMENT_SECONDS, in_time
from pricing.differences import percent
from pricing.errors import CannotExplain, HistoryNotKept, NoPriceThen
from pricing.explain import Explanation, explain
from pricing.in_force import day_of
from pricing.past import PastExplanation, explain_on


def explanation_page(request: HttpRequest, diamond_id: UUID, site_context: dict[str, Any]) -> HttpResponse:
    """The explanation of the price that the diamond holds, or had at the end of `?day=`.

    405 for anything but GET, 404 if there is no such diamond.
    """
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    diamond = Diamond.objects.filter(pk=diamond_id).first()
    if diamond is None:
        raise Http404("there is no such diamond")
    asked = request.GET.get("day", "").strip()
    context: dict[str, Any] = {
        **site_context,
        "opts": Diamond._meta,
        "original": diamond,
        "links": [
            Link("The diamond", reverse("admin:catalog_diamond_change", args=[diamond.pk]), "diamond"),
            Link("Price over time", reverse("admin:pricing_price_of", args=[diamond.pk]), "show_chart"),
        ],
        **days_of(diamond),
        "explained_at": reverse("admin:pricing_explanation", args=[diamond.pk]),
        "day": asked,
    }
    with in_time(), bounded(STATEMENT_SECONDS):
        context |= _on_day(diamond, asked) if asked else _now(diamond)
    return TemplateResponse(request, "admin/pricing/explanation.html", context)


def days_of(diamond: Diamond) -> dict[str, str]:
    """The first and the last day that can be asked for."""
    return {"first_day": day_of(diamond.first_seen_at).isoformat(), "last_day": day_of(timezone.now()).isoformat()}


def _now(diamond: Diamond) -> dict[str, Any]:
    title = f"Why does {diamond} cost {price(diamond.price_cents)}?"
    try:
        explanation = explain(diamond)
    except CannotExplain as error:
        return {"title": title, "warning": f"{str(error)[0].upper()}{str(error)[1:]}."}
    return {
        "title": title,
        "warning": explanation.warning,
        "groups": _groups(explanation),
        "tables": _tables(explanation),
    }


def _on_day(diamond: Diamond, text: str) -> dict[str, Any]:
    title = f"What did {diamond} cost on that day?"
    day = _day(text)
    if day is None:
        return {"title": title, "warning": "That is no day: write it as 2026-01-31.", "day": ""}
    try:
        told = explain_on(diamond, day)
    except (NoPriceThen, HistoryNotKept) as error:
        return {"title": title, "warning": f"{str(error)[0].upper()}{str(error)[1:]}."}
    groups, tables = [_then(told)], []
    if told.explanation is not None:
        groups += _groups(told.explanation)
        tables = _tables(told.explanation)
    return {
        "title": f"Why did {diamond} cost {price(told.past.price_cents)} at the end of {day} (UTC)?",
        "doubts": told.doubts,
        "groups": groups,
        "tables": tables,
    }


def _day(text: str) -> date | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        return None


def _then(told: PastExplanation) -> Group:
    past = told.past
    since = moment(past.since) if past.since else "the first day on: no change is known before"
    in_force = f"version {told.in_force}" if told.in_force is not None else "not remembered"
    if told.in_force not in (None, past.rule_set) and past.arm is None:
        in_force += f", which gave the same price as version {past.rule_set} before it"
    return Group(
        f"At the end of {past.day} (UTC)",
        [
            ("price", price(past.price_cents)),
            ("cost that it was made from", price(past.cost_cents)),
            ("since", since),
            ("because of", cause_of(past.cause, past.cause_id) if past.cause else NOTHING),
            ("by", past.actor or NOTHING),
            ("rule set in force", in_force),
        ],
    )


def _groups(explanation: Explanation) -> list[Group]:
    rule_set = explanation.rule_set
    return [
        Group(
            "Price",
            [
                ("price", price(explanation.price_cents)),
                ("cost", price(explanation.cost_cents)),
                ("stone type", explanation.stone_type.replace("_", "-")),
                ("base margin", percent(explanation.base_margin)),
                ("rule", _rule(explanation)),
                ("clause that matched", explanation.clause or NOTHING),
                ("rating", explanation.rating or NOTHING),
            ],
        ),
        Group(
            "Decided by",
            [
                ("rule set", link(_set(explanation), f"version {rule_set.version}")),
                ("experiment arm", explanation.arm or NOTHING),
                ("by the rules in force on", explanation.day.isoformat()),
                ("published", moment(rule_set.published_at)),
                ("published by", rule_set.published_by or NOTHING),
                ("reason", rule_set.published_reason or NOTHING),
            ],
        ),
    ]


def _set(explanation: Explanation) -> str:
    return reverse("admin:pricing_ruleset_change", args=[explanation.rule_set.pk])


def _rule(explanation: Explanation) -> str | SafeString:
    if explanation.rule is None:
        return "none matched: base margin alone"
    return link(reverse("admin:pricing_rule_change", args=[explanation.rule.pk]), str(explanation.rule))


def _tables(explanation: Explanation) -> list[Table]:
    steps = [(price(step.cents), step.words) for step in explanation.steps]
    passed = [(str(rule.priority), f"{rule.name} (no. {rule.number})", rule.why) for rule in explanation.passed]
    if explanation.rules_left_out:
        passed.append(("", NOTHING, f"and {explanation.rules_left_out} more, which did not match either"))
    return [
        Table("From cost to price", ("amount", "step"), steps),
        Table(
            "Rules that were looked at before",
            ("priority", "rule", "why it did not price the stone"),
            passed,
            "None: no rule comes before.",
        ),
    ]
