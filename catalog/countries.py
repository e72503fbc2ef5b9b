"""Countries that diamonds come from and lie in: one name for the spellings that suppliers use.

The list is open: what it does not have is kept as it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

#: Names as the catalogue keeps them, each with its other spellings: ISO 3166's codes of two and three letters, and mines
#: whose names stand for the country.
COUNTRIES: Mapping[str, tuple[str, ...]] = {
    "Angola": ("AO", "AGO", "Catoca"),
    "Australia": ("AU", "AUS", "Argyle", "Ellendale"),
    "Belgium": ("BE", "BEL"),
    "Botswana": ("BW", "BWA", "Jwaneng", "Orapa", "Karowe"),
    "Brazil": ("BR", "BRA", "Brasil"),
    "Canada": ("CA", "CAN", "Diavik", "Ekati", "Gahcho Kue", "Gahcho Kué", "Snap Lake"),
    "Central African Republic": ("CF", "CAF"),
    "China": ("CN", "CHN", "PRC", "People's Republic of China", "Mainland China"),
    "DR Congo": ("CD", "COD", "DRC", "Democratic Republic of the Congo", "Congo Kinshasa", "Congo"),
    "Guinea": ("GN", "GIN"),
    "Hong Kong": ("HK", "HKG", "Hongkong", "Hong Kong SAR"),
    "India": ("IN", "IND"),
    "Israel": ("IL", "ISR"),
    "Japan": ("JP", "JPN"),
    "Lesotho": ("LS", "LSO", "Letseng", "Letšeng"),
    "Liberia": ("LR", "LBR"),
    "Namibia": ("NA", "NAM"),
    "Russia": ("RU", "RUS", "Russian Federation"),
    "Sierra Leone": ("SL", "SLE"),
    "Singapore": ("SG", "SGP"),
    "South Africa": ("ZA", "ZAF", "RSA", "Republic of South Africa", "Cullinan", "Venetia"),
    "South Korea": ("KR", "KOR", "Korea", "Republic of Korea"),
    "Sri Lanka": ("LK", "LKA"),
    "Switzerland": ("CH", "CHE"),
    "Taiwan": ("TW", "TWN"),
    "Tanzania": ("TZ", "TZA"),
    "Thailand": ("TH", "THA"),
    "UAE": ("AE", "ARE", "United Arab Emirates", "Emirates", "Dubai"),
    "UK": ("GB", "GBR", "United Kingdom", "Great Britain", "England"),
    "USA": ("US", "United States", "United States of America", "America"),
    "Zimbabwe": ("ZW", "ZWE"),
}
#: Longest name that the catalogue keeps (characters).
MAX_LENGTH = 80


def _fold(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).upper()


_BY_SPELLING = {_fold(spelling): name for name, others in COUNTRIES.items() for spelling in (name, *others)}


@lru_cache(maxsize=4096)
def normal_country(text: str) -> str | None:
    """The name of a country: `"U.S.A."` and `"united states"` are both `"USA"`; None for a text without any letter."""
    folded = _fold(text)
    if not folded:
        return None
    return _BY_SPELLING.get(folded) or " ".join(text.split())[:MAX_LENGTH].rstrip()


def is_country(text: str) -> bool:
    """Whether the list has the country."""
    return _fold(text) in _BY_SPELLING
