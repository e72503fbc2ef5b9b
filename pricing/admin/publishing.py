"""The page that publishes a draft, or an earlier version again: what changes in words, what sells below cost, and why."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from diamondhub.admin.base import bounded
from diamondhub.admin.display import counted
from pricing import publishing
from pricing.admin.acting import database_refusals
from pricing.admin.timing import STATEMENT_SECONDS, TakesTooLong, in_time
from pricing.differences import difference
from pricing.errors import AlreadyPublished, PricingError, SellsBelowCost
from pricing.in_force import published_rule_set, with_rules
from pricing.models import RuleSet

#: Changed rules that the page lists; a set that differs in more is another set.
MAX_LISTED = 200


class PublishForm(forms.Form):
    """The reason of a publication, the state that the person looked at, and the second word for sales below cost.

    That state is the set at its `revision`, and the version that was `in_force`, against which the page says what changes.
    """

    in_force = forms.IntegerField(min_value=1, max_value=2**31 - 1, widget=forms.HiddenInput)
    revision = forms.IntegerField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=500, error_messages={"required": "Say why: the reason is kept for those who ask later."}
    )
    below_cost = forms.BooleanField(required=False)


def publish_page(request: HttpRequest, rule_set_id: int, site_context: dict[str, Any]) -> HttpResponse:
    """Show what publishing changes (GET), or publish (POST) and go to the repricing that follows.

    A refusal is shown on the page, with what the person typed.
    """
    if request.method not in ("GET", "HEAD", "POST"):
        return HttpResponseNotAllowed(["GET", "HEAD", "POST"])
    rule_set = with_rules(RuleSet.objects.filter(pk=rule_set_id)).first()
    if rule_set is None:
        raise Http404("there is no such rule set")
    here = reverse("admin:pricing_ruleset_change", args=[rule_set_id])
    if rule_set.state == RuleSet.State.PUBLISHED:
        messages.error(request, str(AlreadyPublished(f"rule set {rule_set.version} is in force already")))
        return redirect(here)
    form = PublishForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(_publish(request, rule_set, form.cleaned_data))
        except SellsBelowCost as refusal:
            form.add_error("below_cost", f"{str(refusal)[0].upper()}{str(refusal)[1:]}.")
        except PricingError as refusal:
            form.add_error(None, f"{str(refusal)[0].upper()}{str(refusal)[1:]}.".replace("..", "."))
        rule_set = with_rules(RuleSet.objects.filter(pk=rule_set_id)).get()
        if rule_set.state == RuleSet.State.PUBLISHED:
            messages.error(request, f"Somebody else has just put rule set {rule_set.version} in force.")
            return redirect(here)
    context = {**site_context, **_context(rule_set, form, request.POST), "opts": RuleSet._meta, "here": here}
    return TemplateResponse(request, "admin/pricing/ruleset/publish.html", context)


def _publish(request: HttpRequest, rule_set: RuleSet, given: dict[str, Any]) -> str:
    actor = request.user.get_username()
    with database_refusals(), in_time(), bounded(STATEMENT_SECONDS):
        repricing = publishing.publish(
            rule_set.pk,
            actor=actor,
            reason=given["reason"],
            below_cost_confirmed=given["below_cost"],
            revision=given["revision"],
            replaces=given["in_force"],
        )
    messages.success(
        request, f"Rule set {rule_set.version} is in force. Prices are being changed: this page shows how far."
    )
    return reverse("admin:pricing_repricing_change", args=[repricing.pk])


def _context(rule_set: RuleSet, form: PublishForm, posted: Any) -> dict[str, Any]:
    in_force = with_rules(RuleSet.objects.filter(pk=published_rule_set().pk)).get()
    changes = difference(in_force, rule_set)
    again = rule_set.published_at is not None
    below, too_slow = _below_cost(rule_set)
    return {
        "title": f"{'Roll back to' if again else 'Publish'} rule set {rule_set.version}",
        "original": rule_set,
        "rule_set": rule_set,
        "in_force": in_force,
        "again": again,
        "changes": changes,
        "added": changes.added[:MAX_LISTED],
        "removed": changes.removed[:MAX_LISTED],
        "changed": changes.changed[:MAX_LISTED],
        "most_listed": MAX_LISTED,
        "below_cost": counted(below, "stone") if below else "",
        "too_slow": too_slow,
        "asks_below_cost": bool(below) or too_slow,
        "form": form,
        "reason": posted.get("reason", "")[:500],
    }


def _below_cost(rule_set: RuleSet) -> tuple[int, bool]:
    """The number of stones that would sell below cost, and whether counting them took too long."""
    try:
        with in_time(), bounded(STATEMENT_SECONDS):
            return publishing.stones_below_cost(rule_set), False
    except TakesTooLong:
        return 0, True
