"""The page that says why a diamond costs what it costs: the steps from cost to price, and the rules that did not match."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString

from catalog.models import Diamond
from diamondhub.admin.display import NOTHING, Group, Link, Table, link, moment
from diamondhub.admin.display import dollars as price
from pricing.differences import percent
from pricing.errors import CannotExplain
from pricing.explain import Explanation, explain


def explanation_page(request: HttpRequest, diamond_id: UUID, site_context: dict[str, Any]) -> HttpResponse:
    """The explanation of the price that the diamond holds. 405 for anything but GET, 404 if there is no such diamond."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "HEAD"])
    diamond = Diamond.objects.filter(pk=diamond_id).first()
    if diamond is None:
        raise Http404("there is no such diamond")
    context: dict[str, Any] = {
        **site_context,
        "opts": Diamond._meta,
        "original": diamond,
        "title": f"Why does {diamond} cost {price(diamond.price_cents)}?",
        "links": [Link("The diamond", reverse("admin:catalog_diamond_change", args=[diamond.pk]), "diamond")],
    }
    try:
        explanation = explain(diamond)
    except CannotExplain as error:
        context["warning"] = f"{str(error)[0].upper()}{str(error)[1:]}."
    else:
        context |= {"warning": explanation.warning, "groups": _groups(explanation), "tables": _tables(explanation)}
    return TemplateResponse(request, "admin/pricing/explanation.html", context)


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
