"""What the tests of the admin's pages share: people with permissions, and forms as a browser would send them."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from pricing.models import Clause, Experiment, Rule, RuleSet

#: What a merchandiser may who edits, and what one may besides who publishes.
EDITOR = (
    *(f"{verb}_{noun}" for verb in ("view", "add", "change", "delete") for noun in ("ruleset", "rule", "clause")),
    *("view_repricing", "view_pricechange", "view_experiment", "view_diamond"),
)
PUBLISHER = (*EDITOR, "publish_ruleset")


def signed_in(*permissions: str, name: str = "maria") -> Client:
    """A browser of a person with these permissions, by codename; one with none is a superuser."""
    person = User.objects.create_user(name, is_staff=True, is_superuser=not permissions)
    person.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    browser = Client()
    browser.force_login(person)
    return browser


def messages_of(response: Any) -> str:
    """What the page that a redirect led to says."""
    return "\n".join(str(message) for message in response.context["messages"])


def set_url(name: str, rule_set: RuleSet) -> str:
    return reverse(f"admin:pricing_ruleset_{name}", args=[rule_set.pk])


def rule_url(name: str, rule: Rule, *more: str) -> str:
    return reverse(f"admin:pricing_rule_{name}", args=[rule.pk, *more])


def job_url(name: str, *arguments: Any) -> str:
    return reverse(f"admin:pricing_repricing_{name}", args=arguments)


def add_url(draft: RuleSet) -> str:
    return reverse("admin:pricing_rule_add_to", args=[draft.pk])


def margins(draft: RuleSet, **changes: Any) -> dict[str, Any]:
    """The form of a draft, as it is read."""
    values = {
        "revision": draft.revision,
        "margin_natural": "40",
        "margin_lab_grown": "79",
        "margin_fancy": "40",
        "floor_margin": "",
        "notes": "",
    }
    return {**values, **changes}


def rule_form(
    draft: RuleSet, *clauses: dict[str, Any], kept: tuple[Clause, ...] = (), **changes: Any
) -> dict[str, Any]:
    """The form of a rule; the first of `clauses` are those that it had (`kept`)."""
    values: dict[str, Any] = {
        "revision": draft.revision,
        "priority": "10",
        "name": "Ovals",
        "active": "on",
        "modifier": "5",
        "fixed_cents": "",
        "ending_cents": "",
        "ending_step_cents": "",
        "ending_mode": "nearest",
        "rating": "",
        "valid_from": "",
        "valid_to": "",
        "notes": "",
        "clauses-TOTAL_FORMS": len(clauses),
        "clauses-INITIAL_FORMS": len(kept),
        "clauses-MIN_NUM_FORMS": 0,
        "clauses-MAX_NUM_FORMS": 50,
    }
    for place, clause in enumerate(clauses):
        named = {"id": kept[place].pk, "rule": kept[place].rule_id} if place < len(kept) else {"id": "", "rule": ""}
        values |= {f"clauses-{place}-{name}": value for name, value in {**named, **clause}.items()}
    return {**values, **changes}


def seen_of(browser: Client, experiment: Experiment) -> str:
    """What the page of a prepared experiment says that it shows."""
    page = browser.get(reverse("admin:pricing_experiment_change", args=[experiment.pk])).content.decode()
    return page.split('name="seen" value="')[1].split('"')[0]


def errors_of(response: Any) -> dict[str, list[str]]:
    """The errors of the page's form and of its clauses, by field; those of clauses as `0.carats_max`."""
    assert response.status_code == 200, response
    found = {name: list(map(str, said)) for name, said in response.context["adminform"].form.errors.items()}
    for inline in response.context["inline_admin_formsets"]:
        for place, errors in enumerate(inline.formset.errors):
            found |= {f"{place}.{name}": list(map(str, said)) for name, said in errors.items()}
        if inline.formset.non_form_errors():
            found["clauses"] = list(map(str, inline.formset.non_form_errors()))
    return found
