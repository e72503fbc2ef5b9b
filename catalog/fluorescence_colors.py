"""Names of fluorescence's colours: one form for the spellings that suppliers use."""

from __future__ import annotations

import re
from collections.abc import Mapping

from catalog import words
from catalog.grades import fold
from catalog.letters import plain

#: Those that laboratories name, the commonest first.
KNOWN_FLUORESCENCE_COLORS = ("BLUE", "YELLOW", "WHITE", "ORANGE", "GREEN", "RED")
SPELLINGS: Mapping[str, str] = words.table("fluorescence_colors")
#: Longest name that the catalogue keeps (characters).
MAX_LENGTH = 32


def fluorescence_color(text: str) -> str | None:
    """The name of a fluorescence's colour: `"Blue"` and `"BL"` are both `"BLUE"`; None for a text that names none."""
    if known := SPELLINGS.get(fold(text)):
        return known
    name = re.sub(r"[^A-Z0-9]+", "_", plain(text).upper(), flags=re.ASCII).strip("_")[:MAX_LENGTH].rstrip("_")
    return name or None
