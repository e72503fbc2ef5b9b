"""Pages with whole lists of stones: what a review or a suspicion is about, and on which stones what is sent drifts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from catalog.models import Diamond
from diamondhub.admin.display import NOTHING, Link, Table, badge, dollars, link, spoken
from ingest import drift_stones, review, review_stones
from ingest.models import ReviewStone, Run

#: Stones of a page.
PAGE = 100
#: What the causes of a list mean.
CAUSES = {**review.ANSWERS, **review.COSTS, "renumbered": review.RENUMBERED}
#: Places have so many digits at most.
_MAX_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Stone:
    """A stone of a list: its number at the supplier if the catalogue does not have it, and what is said of it besides."""

    diamond_id: Any
    name: str
    cells: tuple[Any, ...]


#: What is said of each stone of a list besides what it is: the headings, and the cells.
_COST: tuple[tuple[str, ...], Callable[[ReviewStone], tuple[Any, ...]]] = (
    ("cost then",),
    lambda stone: (dollars(stone.cost_cents),),
)
_BESIDES = {
    "median": (
        ("cost then", "cost by the run"),
        lambda stone: (dollars(stone.cost_cents), dollars(stone.brought_cents)),
    ),
    "renumbered": (("number then", "number now"), lambda stone: (stone.was, stone.name)),
}


def of_cause(request: HttpRequest, run: Run, brake: str, cause: str) -> dict[str, Any]:
    """A page of the stones of one cause. Four statements, whatever the list's length."""
    place = _number(request)
    kept = review_stones.behind(run, brake, cause, place, PAGE + 1)
    if not kept and not place:
        raise Http404("no such list is kept")
    besides, cells = _BESIDES.get(brake, _COST)
    stones = [Stone(stone.diamond_id, "", cells(stone)) for stone in kept[:PAGE]]
    words = CAUSES.get(cause, cause)
    first, last = place + 1, place + len(stones)
    return {
        "title": f"Run {run.pk}: {_called(brake)}, {cause.replace('_', ' ')}",
        "links": _links(run, bool(place), len(kept) > PAGE, behind=last),
        "tables": [
            Table(
                f"Stones {first:,} to {last:,}: {words}",
                ("stone", "what it is", *besides, "now"),
                _rows(stones, len(besides)),
                note="The list ends before this.",
            )
        ],
        "groups": [],
        "note": f"Kept when the run was {'marked' if brake == review_stones.SUSPECT else 'held'}"
        f"{'' if brake in _BESIDES else ', the dearest first'}; at most {review_stones.MAX_STONES:,} of each cause.",
    }


def of_brake(run: Run, brake: str) -> dict[str, Any]:
    """The causes of a brake, or of a suspicion, each of which has a list."""
    causes = review_stones.causes(run, brake)
    rows = [(link(address(run, brake, cause), CAUSES.get(cause, cause)),) for cause in causes]
    return {
        "title": f"Run {run.pk}: {_called(brake)}",
        "links": _links(run, paged=False, more=False),
        "tables": [
            Table("Stones by cause", ("cause",), rows, note="No stone of the catalogue is known to be concerned.")
        ],
        "groups": [],
    }


def of_drift(request: HttpRequest, run: Run) -> dict[str, Any]:
    """Stones of the run with a field that is not known, or a column whose value is not understood: a bounded look."""
    what, name = request.GET.get("what", ""), request.GET.get("name", "")
    if what not in drift_stones.WHATS or not name or "\0" in name:
        raise Http404("there is no such list")
    look = drift_stones.behind(run, what, name, _stone(request))
    stones = [Stone(hit.diamond_id, hit.supplier_stone_id, (hit.value or NOTHING,)) for hit in look.hits]
    query = {"what": what, "name": name, "behind": look.last}
    words = f"field {name} is not known" if what == "field" else f"{name} not understood"
    return {
        "title": f"Run {run.pk}: {words}",
        "links": _links(run, bool(request.GET.get("behind")), look.last is not None, **query),
        "tables": [
            Table(
                f"{len(stones):,} of {look.looked_at:,} stones",
                ("stone", "what it is", "value", "now"),
                _rows(stones, 1),
                note="None among these: the next ones may have some.",
            )
        ],
        "groups": [],
        "note": f"Each page looks at the payloads that the run brought of {drift_stones.LOOK_AT:,} stones. "
        "Stones whose payload was the same as before came with none.",
    }


def address(run: Run, brake: str, cause: str = "") -> str:
    """Where the list of a cause is, or the causes of a brake."""
    if cause:
        return reverse("admin:ingest_run_stones", args=[run.pk, brake, cause])
    return reverse("admin:ingest_run_causes", args=[run.pk, brake])


def address_of_drift(run: Run, what: str, name: str) -> str:
    """Where the stones of a line of the run's drift are; empty for what no payload shows by itself."""
    if what not in drift_stones.WHATS:
        return ""
    return f"{reverse('admin:ingest_run_drift', args=[run.pk])}?{urlencode({'what': what, 'name': name})}"


def _called(brake: str) -> str:
    return "why it is suspect" if brake == review_stones.SUSPECT else brake.replace("_", " ")


def _number(request: HttpRequest) -> int:
    text = request.GET.get("behind", "0")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else 0


def _stone(request: HttpRequest) -> UUID:
    try:
        return UUID(request.GET.get("behind", ""))
    except ValueError:
        return UUID(int=0)


def _links(run: Run, paged: bool, more: bool, **query: Any) -> list[Link]:
    """Back to the run, and to the first and the next page; the query of the next one says behind what it begins."""
    links = [Link(f"Run {run.pk}", reverse("admin:ingest_run_change", args=[run.pk]), "arrow_back")]
    if paged:
        links.append(Link("First page", f"?{urlencode({**query, 'behind': ''})}", "first_page"))
    if more:
        links.append(Link("Next page", f"?{urlencode(query)}", "navigate_next"))
    return links


def _rows(stones: Iterable[Stone], besides: int) -> list[tuple[Any, ...]]:
    """Each stone as the catalogue has it now, if it does."""
    named = list(stones)
    known = Diamond.objects.in_bulk([stone.diamond_id for stone in named])
    rows = []
    for stone in named:
        name, what, state = _now(known.get(stone.diamond_id), stone)
        rows.append((name, what, *stone.cells[:besides], state))
    return rows


def _now(diamond: Diamond | None, stone: Stone) -> tuple[str | SafeString, str, str | SafeString]:
    if diamond is None:
        return stone.name or str(stone.diamond_id), NOTHING, NOTHING
    url = reverse("admin:catalog_diamond_change", args=[diamond.pk])
    return (
        link(url, diamond.supplier_stone_id),
        f"{diamond.carats} ct {spoken(diamond.shape)}",
        badge(diamond.availability),
    )
