"""Looking at a price list before it is fed: fetched into a folder that is thrown away, and priced by the rules in force.

`inspect_list` and the admin's page "New price list" call it. Nothing is saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from django.conf import settings
from django.utils import timezone

from catalog.grades import Clarity, Color, FancyIntensity, Fluorescence, LabFinish
from catalog.models import Diamond
from catalog.rows import StoneFacts
from ingest import feed_secrets
from ingest.errors import IngestError
from ingest.feeds.pricelist import source
from ingest.feeds.pricelist.build import limits
from ingest.feeds.pricelist.inspecting import Inspection, StoneSeen, inspect
from ingest.feeds.pricelist.parameters import Parameters, parameters_of
from ingest.models import Feed
from pricing.evaluate import evaluate
from pricing.in_force import current_pricing, with_rules
from pricing.models import RuleSet

#: The name of the adapter whose feeds read lists.
ADAPTER = "pricelist"
#: Stands for the source of a list that is there as a file.
_NO_SOURCE = "looked-at"
_GRADES: Mapping[str, Any] = {
    "color": Color,
    "clarity": Clarity,
    "cut": LabFinish,
    "polish": LabFinish,
    "symmetry": LabFinish,
    "fluorescence_intensity": Fluorescence,
    "fancy_intensity": FancyIntensity,
}
#: What to do about a list that is too long to be looked at while somebody waits.
WAY_OUT = (
    "have `manage.py inspect_list` look at it, which takes its time, and make its feed with `manage.py create_feed`"
)
#: The columns of a stone that are shown, in this order.
SHOWN = (
    *("offer_id", "shape", "carats", "color", "fancy_color", "fancy_intensity", "clarity", "cut", "polish", "symmetry"),
    *(
        "fluorescence_intensity",
        "lab",
        "certificate_number",
        "length_mm",
        "width_mm",
        "depth_mm",
        "lab_grown",
        "treated",
    ),
    *("availability",),
)


#: Those of them that a person is shown in a table of stones, after the number.
IN_TABLES = (
    *("shape", "carats", "color", "fancy_color", "clarity", "cut", "fluorescence_intensity", "lab"),
    "certificate_number",
)


class NoPriceList(IngestError):
    """The feed reads no price list."""


def feed_parameters(feed: Feed) -> dict[str, Any]:
    """The parameters of a feed of lists. Raises `NoPriceList`."""
    if feed.adapter != ADAPTER:
        raise NoPriceList(f"feed {feed.slug} reads no price list: its adapter is {feed.adapter}")
    return dict(feed.parameters)


def look_at_file(
    path: Path,
    parameters: Mapping[str, Any],
    *,
    feed: Feed | None = None,
    slug: str = "",
    most_mapped: int | None = None,
) -> Inspection:
    """Look at a list that is there as a file, read by these parameters. Raises `IngestError`s."""
    chosen = parameters_of({**parameters, "source": parameters.get("source") or _NO_SOURCE})
    return _inspect(path, chosen, feed, slug, most_mapped)


def look_at_source(
    parameters: Mapping[str, Any],
    secrets: Mapping[str, str],
    *,
    feed: Feed | None = None,
    slug: str = "",
    most_bytes: int | None = None,
    seconds: float | None = None,
    most_mapped: int | None = None,
) -> Inspection:
    """Look at the list that `source` of the parameters names, within bounds. Raises `IngestError`s."""
    chosen = parameters_of(dict(parameters))
    bounds = limits()
    if most_bytes is not None and most_bytes < bounds.most_bytes:
        bounds = replace(bounds, most_bytes=most_bytes, way_out=WAY_OUT)
    bounds = replace(bounds, seconds=min(bounds.seconds, seconds or bounds.seconds))
    with TemporaryDirectory(prefix="looking-") as folder:
        copy = Path(folder) / "list"
        source.fetch(source.filled(chosen.source, secrets), copy, bounds, host_key=chosen.host_key)
        return _inspect(copy, chosen, feed, slug, most_mapped)


def secrets_for(feed: Feed, parameters: Mapping[str, Any]) -> Mapping[str, str]:
    """The feed's secrets, which are sent to its own address only."""
    return feed_secrets.opened(feed) if parameters.get("source") == feed.parameters.get("source") else {}


def _inspect(path: Path, parameters: Parameters, feed: Feed | None, slug: str, most_mapped: int | None) -> Inspection:
    return inspect(
        path,
        parameters,
        most_bytes=settings.PRICELIST_MAX_BYTES,
        price=_pricing(feed.slug if feed is not None else slug),
        error_budget=feed.error_budget if feed is not None else Feed._meta.get_field("error_budget").default,
        band_factor=settings.PRICELIST_BAND_FACTOR,
        most_mapped=most_mapped,
    )


def _pricing(slug: str) -> Callable[[StoneFacts], int | None]:
    """What a stone of the feed would be sold for by the rule set in force, in cents; experiments are left out."""
    pricing = current_pricing(timezone.now())
    rule_set = with_rules(RuleSet.objects.filter(pk=pricing.rule_set.pk)).get()

    def price(facts: StoneFacts) -> int | None:
        stone = Diamond(feed=slug, supplier_stone_id=facts.offer_id, **msgspec.structs.asdict(facts))
        return evaluate(rule_set, stone, pricing.as_of).price_cents

    return price


# --- for people and programs -----------------------------------------------------------------------------------------


def stone_of(seen: StoneSeen) -> dict[str, Any]:
    """A stone with the names of its grades, and its money in cents."""
    facts = msgspec.structs.asdict(seen.facts)
    stone: dict[str, Any] = {}
    for column in SHOWN:
        value = facts[column]
        if column in _GRADES and value is not None:
            value = _GRADES[column](value).name
        stone[column] = str(value) if column in ("carats", "length_mm", "width_mm", "depth_mm") and value else value
    return {**stone, "cost_cents": facts["cost_cents"], "price_cents": seen.price_cents}


def as_json(inspection: Inspection) -> dict[str, Any]:
    """All of it as JSON: amounts in cents."""
    said: dict[str, Any] = msgspec.to_builtins(
        msgspec.structs.replace(inspection, stones=()), builtin_types=(), str_keys=True
    )
    return {**said, "stones": [stone_of(stone) for stone in inspection.stones], "is_fine": inspection.is_fine}
