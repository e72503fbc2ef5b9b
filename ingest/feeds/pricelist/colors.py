"""The colour of a row's stone, by all the columns that say something of it."""

from __future__ import annotations

from catalog.fancy_colors import color_name, said_of_color
from ingest.feeds.fancy import FancyFacts, fancy_facts
from ingest.feeds.pricelist.columns import Cells


def color_of(cells: Cells) -> FancyFacts:
    """The stone's colour, by all the columns that say something of it."""
    name, intensity, overtone = cells["fancy_color"], cells["fancy_intensity"], cells["fancy_overtone"]
    others = cells.of_list.others
    if "fancy_color" in others and color_name(name) is None:
        # The best column may hold an intensity only: "FCI" beside "Yellow".
        name = " ".join(cells.each("fancy_color"))
    if second := cells["fancy_color_second"]:
        name = f"{second} {name}"
    if "fancy_overtone" in others:
        overtone = " ".join(cells.each("fancy_overtone"))
    if not name and "treated_color" in cells.columns:
        name = cells["treated_color"]
    facts = fancy_facts(cells["color"], name, intensity, overtone)
    if facts.name is None and "color" in others:
        # A letter beside "Fancy Intense Yellow" is no grade.
        fancies = [cell for cell in cells.each("color") if said_of_color(cell).fancy]
        if told := next((cell for cell in fancies if said_of_color(cell).name), fancies[0] if fancies else ""):
            facts = fancy_facts(told, name, intensity, overtone)
    if facts.tint is None and "color" in others:
        tints = (said_of_color(cell).tint for cell in cells.each("color"))
        facts = facts._replace(tint=next((tint for tint in tints if tint), None))
    return facts
