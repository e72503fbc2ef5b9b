"""Encodings of text that is neither UTF-8 nor UTF-16: which one a list is in, its own words prove.

Nearly any bytes are some text in each of them. Read by the wrong one no header and no grade is a word that anybody knows, so
that one is taken in which the most are; where none makes words, the list is read as Windows-1252 as ever, and its garbled
headers are asked about.
"""

from __future__ import annotations

import codecs
import re
from functools import cache

from catalog import words
from catalog.grades import fold
from ingest.feeds.pricelist import headers

WESTERN = ("windows-1252", "latin-1")
#: Encodings of other scripts that lists come in, by the name that a feed says, and what Python calls them.
OF_OTHER_SCRIPTS = {
    "windows-1255": "cp1255",
    "windows-1251": "cp1251",
    "gb18030": "gb18030",
    "shift_jis": "cp932",
}
#: Bytes of a list in which words are looked for, and the fewest of them that prove an encoding.
_LOOKED_AT, _PROOF = 64 * 1024, 2
_CELL = re.compile(r"[^,;\t|\r\n]+")
SAY_IT = (
    "; if its headers are garbled, name the list's encoding in the feed's parameters, "
    f'e.g. "encoding": "windows-1255" (or {", ".join(list(OF_OTHER_SCRIPTS)[1:])})'
)


def codec(encoding: str) -> str:
    """Python's name of an encoding; a byte-order mark is no part of the first header."""
    return {"utf-8": "utf-8-sig", "windows-1252": "cp1252", **OF_OTHER_SCRIPTS}.get(encoding, encoding)


def by_words(sample: bytes, western: str) -> str:
    """The encoding that the words of a list prove; `western`, which is Windows-1252 or Latin-1, if they prove no other."""
    beginning = sample[:_LOOKED_AT]
    known = {encoding: _known(beginning, encoding) for encoding in (western, *OF_OTHER_SCRIPTS)}
    best = max(known, key=lambda encoding: known[encoding])
    return best if known[best] >= max(_PROOF, known[western] + 1) else western


def _known(beginning: bytes, encoding: str) -> int:
    """The number of cells with other letters than English ones that are known words; each counts once."""
    try:
        text = codecs.getincrementaldecoder(codec(encoding))().decode(beginning)
    except UnicodeDecodeError:
        return 0
    foreign = {cell.strip(' "') for cell in _CELL.findall(text) if not cell.isascii()}
    return sum(1 for cell in foreign if fold(cell) in _words() or headers.field_of(cell) is not None)


@cache
def _words() -> frozenset[str]:
    return frozenset(row["word"] for table in words.names() for row in words.rows(table))
