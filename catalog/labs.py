"""Laboratories: the names that the trade uses, and the spellings that mean the same one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from catalog import words
from catalog.letters import plain

#: Laboratories that certify stones of the trade, the commonest first.
KNOWN_LABS = ("GIA", "IGI", "HRD", "GCAL", "AGS", "EGL", "GSI")
#: Every spelling, folded: `catalog/words/labs.csv`; an empty name stands for words that say that no laboratory graded.
SPELLINGS: Mapping[str, str] = words.table("labs")
#: Longest name that the catalogue keeps (characters).
MAX_LENGTH = 32


@lru_cache(maxsize=4096)
def normal_lab(text: str) -> str | None:
    """The name of a laboratory: `"G.I.A."` and `"gia"` are both `"GIA"`; None for a text without letters or digits."""
    name = re.sub(r"[^A-Z0-9]+", "_", plain(text).replace(".", "").upper(), flags=re.ASCII).strip("_")
    return SPELLINGS.get(name.replace("_", ""), name)[:MAX_LENGTH].rstrip("_") or None
