"""What can be wrong with prices, and news of them."""

from __future__ import annotations

from django.urls import reverse

from diamondhub.operations.problems.kinds import Button, Kind, NewsKind, Severity, declare, declare_news

_REPRICINGS, _CHANGE = "pricing.view_repricing", "pricing.publish_ruleset"


def _page(target: str) -> str:
    number = target.removeprefix("repricing:")
    return reverse("admin:pricing_repricing_change", args=[number])


def _cancel(target: str) -> str:
    return reverse("admin:pricing_repricing_cancel", args=[int(target.removeprefix("repricing:"))])


declare(
    Kind(
        "repricing-failing",
        "A repricing does not get on",
        Severity.CRITICAL,
        found="a batch of a repricing has failed five times: prices are in part those of before",
        ends="the repricing is completed or cancelled",
        permission=_REPRICINGS,
        link=_page,
        buttons=(Button("Cancel the repricing", _cancel, _CHANGE, acts=True, reason=True),),
    ),
)

declare_news(
    NewsKind("rule_set_published", "A rule set was published", "pricing.view_ruleset"),
    NewsKind("repricing_completed", "A repricing is completed", _REPRICINGS),
    NewsKind("experiment_started", "An experiment began", "pricing.view_experiment"),
    NewsKind("experiment_ended", "An experiment ended", "pricing.view_experiment"),
)
