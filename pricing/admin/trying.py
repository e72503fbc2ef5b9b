"""The panel above a rule's form: while one types, how many stones the rule has, and which rule would price a given stone.

It reads the form as it is posted, and saves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from psycopg.errors import QueryCanceled

from catalog.explorer.asking import named
from catalog.models import Diamond
from catalog.searching.hits import Count
from diamondhub.admin.base import bounded
from diamondhub.admin.display import counted, dollars
from pricing import as_typed
from pricing.admin.rule_table import state
from pricing.faults import warnings_of
from pricing.in_force import day_of
from pricing.models import Clause, Rule, RuleSet

#: Mistakes of a form that the panel lists; the form lists all when it is saved.
MAX_TOLD = 8
#: The longest text that can name a stone (characters).
MAX_STONE = 200


def panel(request: HttpRequest, draft: RuleSet, form: Any, formset: Any) -> HttpResponse:
    """What the panel says of a posted form and its clauses."""
    context: dict[str, Any] = {}
    # Both are looked at, so that all that is wrong is told.
    if not all([form.is_valid(), formset.is_valid()]):
        context["mistakes"] = list(_mistakes(form, formset))
        return TemplateResponse(request, "admin/pricing/rule/tried.html", context)
    clauses: list[Clause] = [each.instance for each in formset.forms if each not in formset.deleted_forms]
    rule: Rule = form.instance
    with bounded(as_typed.COUNT_SECONDS):
        typed = as_typed.with_rule(draft, rule, clauses)
    day = day_of(timezone.now())
    context |= {"rule": rule, "warnings": [fault.message for fault in warnings_of(clauses)], "state": state(rule, day)}
    try:
        context["reach"] = _in_words(as_typed.reach_of(rule, typed, day))
    except OperationalError as error:
        if not isinstance(error.__cause__, QueryCanceled):
            raise
        context["too_slow"] = True
    text = request.POST.get("try_stone", "").strip()
    if text:
        context |= {"asked": text[:MAX_STONE], "stones": _stones(text, rule, typed)}
    return TemplateResponse(request, "admin/pricing/rule/tried.html", context)


def _in_words(reach: as_typed.Reach) -> dict[str, Any]:
    return {
        "matched": _number(reach.matched),
        "left": _number(reach.left),
        "stones": _number(reach.stones),
        "is_by_database": reach.found_by == "database",
    }


def _number(count: Count) -> str:
    return f"{count.number:,}{'' if count.exact else '+'}"


def _stones(text: str, rule: Rule, typed: RuleSet) -> list[dict[str, Any]]:
    """What would become of the stones that a text names."""
    if len(text) > MAX_STONE or "\0" in text:
        return []
    with bounded(as_typed.COUNT_SECONDS):
        ids: Sequence[Any] = named(text).values
        stones = list(Diamond.objects.filter(pk__in=ids).order_by("pk")[: as_typed.MAX_NAMED])
    day = day_of(timezone.now())
    return [_stone(as_typed.decide(rule, typed, stone, day)) for stone in stones]


def _stone(decided: as_typed.Decided) -> dict[str, Any]:
    stone, priced = decided.stone, decided.priced
    if decided.is_this:
        by = "This rule prices it"
    elif priced.rule is None:
        by = "No rule matches it: the base margin alone prices it"
    else:
        by = f"Rule “{priced.rule.name}” (no. {priced.rule.number}, priority {priced.rule.priority}) prices it"
    change = priced.price_cents - stone.price_cents
    return {
        "name": f"{stone} ({stone.supplier_stone_id})",
        "url": reverse("admin:catalog_diamond_change", args=[stone.pk]),
        "by": by,
        "price": dollars(priced.price_cents),
        "now": "as now" if not change else f"now {dollars(stone.price_cents)}",
        "why_not": _why_not(decided),
    }


def _why_not(decided: as_typed.Decided) -> str:
    if decided.is_this:
        return ""
    if decided.why_not is None:
        return "That rule comes before this one, so this one is not asked."
    if decided.why_not.clauses_left_out:
        more = f"; and {counted(decided.why_not.clauses_left_out, 'clause')} more"
        return f"This rule does not, because {decided.why_not.why}{more}."
    return f"This rule does not, because {decided.why_not.why}."


def _mistakes(form: Any, formset: Any) -> Iterable[tuple[str, str]]:
    """The first mistakes, each with the place that it is at."""
    told: list[tuple[str, str]] = []
    for name, errors in form.errors.items():
        told += [(_label(form, name), str(error)) for error in errors]
    for place, each in enumerate(formset.forms, start=1):
        if each in formset.deleted_forms:
            continue
        for name, errors in each.errors.items():
            told += [(f"Clause {place}, {_label(each, name)}".rstrip(", "), str(error)) for error in errors]
    told += [("", str(error)) for error in formset.non_form_errors()]
    if len(told) > MAX_TOLD:
        return [*told[:MAX_TOLD], ("", f"and {len(told) - MAX_TOLD} more")]
    return told


def _label(form: Any, name: str) -> str:
    if name not in form.fields:
        return ""
    return str(form.fields[name].widget.attrs.get("aria-label") or form.fields[name].label or name.replace("_", " "))
