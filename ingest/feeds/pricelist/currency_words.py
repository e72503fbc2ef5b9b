"""The currencies that texts and headers of lists name by code, sign or word in any language (`currency_words.csv`).

Prices are US dollars: whatever is in another currency is asked about or refused.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

from catalog.letters import plain


def _words() -> tuple[list[str], list[str]]:
    """The words of US dollars, and those of all other currencies."""
    with Path(__file__).with_name("currency_words.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row["word"] for row in rows if row["currency"] == "USD"], [
        row["word"] for row in rows if row["currency"] != "USD"
    ]


def _written(word: str) -> str:
    """A word that stands by itself, in scripts that part words; a sign may stand behind a number."""
    begins, ends = (
        (r"(?<![^\W\d_])" if _parts_words(word[0]) else ""),
        (r"(?![^\W_])" if _parts_words(word[-1]) else ""),
    )
    if "\u0590" <= word[0] <= "\u05ff":
        # Hebrew writes "in", "the" and "to" together with the word; "of" makes another one of it, a weight.
        begins += "[בהול]{0,2}"
    return begins + re.escape(word).replace(r"\$", r"\s?\$") + ends


def _parts_words(letter: str) -> bool:
    return letter.isalpha() and letter < "\u0e00"


_OF_DOLLARS, _OF_OTHERS = _words()
#: US dollars by any of their names, the longest first; a bare sign is theirs.
DOLLARS = re.compile(rf"{'|'.join(map(_written, sorted(_OF_DOLLARS, key=len, reverse=True)))}|\$")
# Of two names at one place the longer one is meant: 美元 is no 元, 香港ドル no ドル.
_ANY = re.compile(
    "|".join(
        f"(?P<{group}>{'|'.join(map(_written, words))})"
        for group, words in (
            ("long", sorted((word for word in _OF_OTHERS if len(word) > 1), key=len, reverse=True)),
            ("dollars", sorted(_OF_DOLLARS, key=len, reverse=True)),
            ("short", [word for word in _OF_OTHERS if len(word) == 1]),
        )
    )
)


def named(text: str) -> tuple[bool, bool]:
    """Whether a text names US dollars, and whether another currency."""
    groups = {found.lastgroup for found in _ANY.finditer(plain(text).upper())}
    return "dollars" in groups, bool(groups & {"long", "short"})


def other(text: str) -> bool:
    """Whether a text names another currency than US dollars."""
    return named(text)[1]


def is_name(text: str) -> bool:
    """Whether a text is the name of a currency and nothing else."""
    return _ANY.fullmatch(plain(text).upper().strip()) is not None
