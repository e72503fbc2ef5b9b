"""Laboratories: the names that the trade uses, and the spellings that mean the same one."""

from __future__ import annotations

import re
from functools import lru_cache

#: Laboratories that certify stones of the trade, the commonest first.
KNOWN_LABS = ("GIA", "IGI", "HRD", "GCAL", "AGS", "EGL", "GSI")
SPELLINGS = {
    "GEMOLOGICAL_INSTITUTE_OF_AMERICA": "GIA",
    "INTERNATIONAL_GEMOLOGICAL_INSTITUTE": "IGI",
    "HRD_ANTWERP": "HRD",
    "AGSL": "AGS",
}
#: Longest name that the catalogue keeps (characters).
MAX_LENGTH = 32


@lru_cache(maxsize=4096)
def normal_lab(text: str) -> str | None:
    """The name of a laboratory: `"G.I.A."` and `"gia"` are both `"GIA"`; None for a text without letters or digits."""
    name = re.sub(r"[^A-Z0-9]+", "_", text.replace(".", "").upper(), flags=re.ASCII).strip("_")
    name = SPELLINGS.get(name, name)
    return name[:MAX_LENGTH].rstrip("_") or None
