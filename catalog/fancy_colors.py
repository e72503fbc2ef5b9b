"""Names of fancy colours: one normal form for spellings in any order, with words among them that name no colour."""

from __future__ import annotations

import re
from functools import lru_cache

#: Words in a colour's name that name no colour: the distribution of the colour, and intensities.
_NOISE = frozenset(
    {"EVEN", "UNEVEN", "NATURAL", "FANCY", "INTENSE", "VIVID", "DARK", "DEEP", "LIGHT", "FAINT", "VERY"}
    | {"COLOR", "COLOUR", "NONE", "NULL", "OTHER", "UNKNOWN", "FCY"}
)
_SPELLINGS = {"GREY": "GRAY", "GREYISH": "GRAYISH"}
#: The commonest names, and those of overtones.
KNOWN_COLORS = (
    *("YELLOW", "BROWN", "PINK", "ORANGE", "GREEN", "BLUE", "GRAY", "BLACK", "PURPLE", "RED", "VIOLET", "WHITE"),
    *("CHAMPAGNE", "COGNAC", "BROWN_ORANGE", "BROWN_YELLOW", "GREEN_YELLOW", "ORANGE_YELLOW", "PINK_PURPLE"),
)
KNOWN_OVERTONES = (
    *("YELLOWISH", "BROWNISH", "PINKISH", "ORANGISH", "GREENISH", "BLUISH", "GRAYISH", "PURPLISH", "REDDISH"),
    *("YELLOW", "BROWN", "PINK", "ORANGE", "GREEN", "BLUE", "GRAY", "PURPLE"),
)
#: Longest name that the catalogue keeps (characters).
MAX_LENGTH = 64


@lru_cache(maxsize=4096)
def color_name(text: str) -> str | None:
    """The normal form of a fancy colour's name: `"orange-Brown"` and `"BROWN ORANGE"` are both `"BROWN_ORANGE"`.

    Modifiers (`-ISH`) come first, colours in alphabetical order. None for noise such as `"EVEN"` and `"U-V"`.
    """
    words = (_SPELLINGS.get(word, word) for word in re.findall(r"[A-Z]+", text.upper()))
    # One or two letters are a grade ("U-V") or an abbreviation that names no colour.
    colors = {word for word in words if len(word) > 2 and word not in _NOISE}
    ordered = sorted(colors, key=lambda word: (not word.endswith("ISH"), word))
    return "_".join(ordered)[:MAX_LENGTH] or None
