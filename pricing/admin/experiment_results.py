"""The results of an experiment as tables: what was measured, how sure one can be, what was expected, and what is stocked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.safestring import SafeString

from diamondhub.admin.display import NOTHING, Table, badge, number
from diamondhub.admin.display import dollars as price
from pricing.differences import dollars, signed
from pricing.models import Experiment
from pricing.uncertainty import MIN_FOR_MEAN, MIN_OF_EITHER, Verdict

_OTHERS = "all other stones"


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.2%}"


def _points(share: float | None) -> str:
    return NOTHING if share is None else f"{share * 100:+.2f} points"


def _cents(cents: float | None) -> str:
    return NOTHING if cents is None else dollars(round(cents))


def _signed(cents: float | None) -> str:
    return NOTHING if cents is None else signed(round(cents))


_Says = Callable[[float | None], str]
#: What is compared: words, how a figure is said, and how a difference is.
_COMPARED: Mapping[str, tuple[str, _Says, _Says]] = {
    "share_sold": ("share sold", _percent, _points),
    "share_gone": ("share sold or taken off", _percent, _points),
    "revenue_per_stone": ("revenue per stone offered", _cents, _signed),
    "margin_per_stone": ("margin per stone offered", _cents, _signed),
    "margin_of_sold": ("margin on cost, of those sold", _percent, _points),
}
_SAID = {
    Verdict.TOO_FEW: ("warn", "too few stones to say"),
    Verdict.NOT_SEEN: ("dull", "no difference that chance does not explain"),
    Verdict.HIGHER: ("busy", "higher in the share"),
    Verdict.LOWER: ("busy", "lower in the share"),
}


def tables_of(results: Mapping[str, Any]) -> list[Table]:
    """The tables of results as `pricing.experiments.results` gives them."""
    tables = []
    measured = results.get("measured")
    if measured:
        tables += [_measured(measured), _comparisons(measured)]
    else:
        tables.append(
            Table("Measured", (), [], "Not measured: it took the database too long, or the experiment is an old one.")
        )
    if results.get("expected"):
        tables.append(_expected(results["expected"]))
    tables.append(_stock(results.get("arms", [])))
    return tables


def planning(experiment: Experiment, stones: int) -> str:
    """A sentence about how long one has to wait to know anything."""
    if not stones:
        return "The share has no stones now: nothing can be learnt from it."
    share = float(experiment.share)
    smaller = min(stones, round(stones * (100 - share) / share))
    if smaller < MIN_FOR_MEAN:
        return f"The smaller group has about {smaller:,} stones: too few to ever say anything of margins."
    needed = f"that is {MIN_FOR_MEAN / smaller:.2%} of the about {smaller:,} stones of the smaller group"
    return (
        f"Nothing is said of shares before {MIN_OF_EITHER} stones of each group are sold, and nothing of margins before "
        f"{MIN_FOR_MEAN} are: {needed}. Decide now when you will end it: who looks every day and ends it on a good one "
        "takes chance for effect."
    )


def _measured(measured: Mapping[str, Any]) -> Table:
    rows = [
        (
            arm["arm"] or _OTHERS,
            number(arm["stones"]),
            number(arm["sold"]),
            number(arm["gone"]),
            dollars(arm["revenue_cents"]),
            dollars(arm["margin_cents"]),
        )
        for arm in measured["arms"]
    ]
    headers = ("group", "stones offered", "sold", "sold or taken off", "their asking prices", "their asking margins")
    return Table(f"Measured over {measured['days']:g} days: the stones that were for sale at the start", headers, rows)


def _comparisons(measured: Mapping[str, Any]) -> Table:
    rows = []
    for each in measured["comparisons"]:
        if each["what"] not in _COMPARED:
            continue
        words, say, say_difference = _COMPARED[each["what"]]
        interval = (
            NOTHING if each["low"] is None else f"{say_difference(each['low'])} to {say_difference(each['high'])}"
        )
        figures = (say(each["arm"]), say(each["others"]), say_difference(each["difference"]))
        rows.append((words, _verdict(each["verdict"]), *figures, interval))
    certain = f"{measured['confidence']} % interval"
    headers = ("compared", "what can be said", "share", _OTHERS, "difference", certain)
    return Table("How sure one can be", headers, rows)


def _verdict(name: str) -> SafeString | str:
    try:
        tone, words = _SAID[Verdict(name)]
    except ValueError:
        return name
    return badge({"warn": "warning", "busy": "info", "dull": "none"}[tone], words)


def _expected(expected: Mapping[str, int]) -> Table:
    cost, old, new = expected["cost_cents"], expected["old_cents"], expected["new_cents"]
    rows = [
        (
            number(expected["stones"]),
            number(expected["changed"]),
            f"{dollars(old)} → {dollars(new)}",
            f"{signed(new - old)}" + (f" ({(new - old) / old:+.2%})" if old else ""),
            f"{_of(old, cost)} → {_of(new, cost)}",
            number(expected["below_cost"]),
        )
    ]
    headers = ("stones of the share", "change", "all their prices", "effect", "margin over cost", "below cost")
    return Table("Expected by the simulation at the start", headers, rows)


def _of(amount: int, cost: int) -> str:
    return f"{(amount - cost) / cost:.1%}" if cost else NOTHING


def _stock(arms: list[Mapping[str, Any]]) -> Table:
    rows = [
        (arm["arm"] or _OTHERS, number(arm["stones"]), price(arm["mean_price_cents"]), number(arm["sold"]))
        for arm in arms
    ]
    headers = ("group", "stones that are not delisted", "mean price", "sold since the start")
    return Table("The catalogue by group, with stones that came later", headers, rows)
