"""Columns of few words of which one is "natural" on some rows: they say how stones were made, whatever the other word is.

Where each of the words says it ("Mined" and "Created"), in any language, such a column is read below any header. Where one
is a house's own ("Lightbox") or says nothing, what it means is asked: the stones beside it are not to be sold as natural.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from catalog.grades import fold
from ingest.feeds import nature, values
from ingest.feeds.pricelist import certificates
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import key, ranked_columns, unknown_headers
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.pricelist.vocabulary import GROWN, KINDS, NATURAL
from ingest.feeds.verdicts import Answer, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Different words of such a column at most, if all are known and if not, and what a question shows of each (characters).
MOST_KNOWN, MOST_WORDS, _SHOWN = 20, 6, 40
#: A column that says natural on fewer rows, and nothing on the others, is one of remarks.
FEWEST = 0.1
#: Letters that stand for the two, of grown stones also those that a column of countries reads.
_NATURAL_LETTERS = frozenset({"N", "ND", "NAT"})
_COUNTRY_LIKE = frozenset({"L", "LC", "LD", "LB"})
_GROWN_LETTERS = _COUNTRY_LIKE | {"LG", "LGD", "LCD"}
#: What makes of one word for stones another: DIA and LGDIA.
_PREFIXES = ("LG", "LGD", "LAB", "L", "CVD")
#: Words beside which "Natural" is an inclusion, headers of such columns, and the types that natural stones have.
_INCLUSIONS = frozenset(
    {
        "FEATHER",
        "CRYSTAL",
        "CLOUD",
        "PINPOINT",
        "NEEDLE",
        "CAVITY",
        "TWINNINGWISP",
        "EXTRAFACET",
        "INDENTEDNATURAL",
        "CHIP",
    }
)
_OF_INCLUSIONS = re.compile(r"INCL|SYMBOL|BLEMISH|KTS|FEATURE|GIRDLE|COMMENT|REMARK|NOTE", re.IGNORECASE)
_TYPES = re.compile(r"(?:TYPE)?I{1,2}[AB]{0,2}")


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """The columns that say how stones were made by words that are known, and a question of others that do."""
    found = NOTHING
    unknown, ranked = unknown_headers(headers, parameters.chosen), ranked_columns(headers, parameters.chosen)
    for header in unknown:
        found |= _of_unknown(header, sample, parameters, mapper)
    for header in ranked.get(KINDS, ()):
        found |= _of_known(header, sample, parameters, mapper)
    for header in ranked.get("origin", ()):
        found |= _of_origins(header, sample, mapper) if key(header) not in parameters.chosen else NOTHING
    for header in ranked.get("lab", ()):
        found |= _laboratory(header, cells_below(header, sample)) if key(header) not in parameters.chosen else NOTHING
    return found


def _spelled(cells: Sequence[str], parameters: Parameters) -> dict[str, str]:
    """The words of a column that may say it, folded, each as it is written; empty if they are too many or of inclusions."""
    told = parameters.meanings.get(KINDS, {})
    spelled = {fold(cell): cell for cell in cells if is_filled(cell) and fold(cell) not in told}
    return spelled if len(spelled) <= MOST_KNOWN and spelled.keys().isdisjoint(_INCLUSIONS) else {}


def _of_unknown(header: str, sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    cells = cells_below(header, sample)
    spelled = _spelled(cells, parameters)
    counted = Counter(fold(cell) for cell in cells if fold(cell) in spelled)
    natural = [word for word, cell in spelled.items() if nature.is_natural(cell)]
    strange = [word for word, cell in spelled.items() if not _is_understood(cell)]
    if strange and len(spelled) > MOST_WORDS:
        return NOTHING
    if not natural:
        return _asked_of_letters(header, spelled, counted) if _are_letters(spelled, _GROWN_LETTERS) else NOTHING
    if strange:
        is_open = _are_open(header, set(strange), sample, mapper)
        return _asked(header, spelled, counted, natural, strange) if is_open else NOTHING
    if any(nature.of_grown_flag[cell].grown for cell in spelled.values()):
        note = f"{header!r} says how stones were made: natural on {_rows(counted, natural):,} of {len(cells):,} rows"
        return Finding({header: KINDS}, (note,))
    if parameters.labgrown is None and not _OF_INCLUSIONS.search(header) and _are_open(header, {""}, sample, mapper):
        return _asked_of_blanks(header, spelled[natural[0]], _rows(counted, natural), len(cells))
    return NOTHING


def _of_known(header: str, sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """A column of kinds with a word that nobody knows beside "Natural", "ND", or a word that it is another form of."""
    cells = cells_below(header, sample)
    spelled = _spelled(cells, parameters)
    natural = [word for word, cell in spelled.items() if nature.is_natural(cell) or word == "ND"]
    strange = [word for word, cell in spelled.items() if not _is_understood(cell)]
    if not natural:
        natural = [word for word in strange if any(f"{prefix}{word}" in strange for prefix in _PREFIXES)]
        strange = [f"{prefix}{word}" for word in natural for prefix in _PREFIXES if f"{prefix}{word}" in strange]
    if not (natural and strange) or len(spelled) > MOST_WORDS or not _are_open(header, set(strange), sample, mapper):
        return NOTHING
    return _asked(header, spelled, Counter(map(fold, cells)), natural, strange)


def _of_origins(header: str, sample: Sample, mapper: Mapper) -> Finding:
    """A column of countries that are letters for natural and grown stones."""
    cells = cells_below(header, sample)
    spelled = {fold(cell): cell for cell in cells if is_filled(cell)}
    if not _are_letters(spelled, _COUNTRY_LIKE):
        return NOTHING
    is_open = _are_open(header, spelled.keys() & _GROWN_LETTERS, sample, mapper)
    return _asked_of_letters(header, spelled, Counter(map(fold, cells))) if is_open else NOTHING


def _are_letters(spelled: Mapping[str, str], grown: Collection[str]) -> bool:
    """Whether all words are letters for natural and grown stones, of both kinds, and one of the latter is among these."""
    words = spelled.keys()
    return words <= _NATURAL_LETTERS | _GROWN_LETTERS and bool(words & _NATURAL_LETTERS) and not words.isdisjoint(grown)


def _laboratory(header: str, cells: Sequence[str]) -> Finding:
    """A column "Lab" that names no laboratory, but whether stones are of one: yes and no, or their kinds."""
    filled = [cell for cell in cells if fold(cell) not in values.NOTHING]
    said = [values.yes_or_no(cell) for cell in filled]
    kinds = [nature.is_natural(cell) or bool(nature.of_grown_flag[cell].grown) for cell in dict.fromkeys(filled)]
    if not filled or len(kinds) > MOST_WORDS or not (all(kinds) or None not in said):
        return NOTHING
    if True not in said:
        note = f"{header!r} says how stones were made, and names no laboratory on any of {len(filled):,} rows"
        return Finding({header: KINDS}, (note,))
    return Finding(
        question=Question(
            f"{header!r} is {filled[said.index(True)]!r} on {said.count(True):,} of {len(cells):,} rows: were these stones "
            "grown in a laboratory, or graded by one?",
            (
                Answer("They were grown", {"columns": {header: KINDS}}),
                Answer("They were graded", {"columns": {header: ""}}),
            ),
        )
    )


def _is_understood(cell: str) -> bool:
    """Whether a word says how a stone was made, or what else one is that may stand there: treated, a pair, of a type."""
    if values.yes_or_no(cell) is not None:
        return False
    said = nature.of_grown_flag[cell]
    return (fold(cell) != "HPHT" and said is not nature.SILENT) or _TYPES.fullmatch(fold(cell)) is not None


def _are_open(header: str, words: Collection[str], sample: Sample, mapper: Mapper) -> bool:
    """Whether of a row with one of these words no other column says how its stone was made."""
    for cell, (_, row) in zip(cells_below(header, sample), sample, strict=True):
        if (fold(cell) if is_filled(cell) else "") in words:
            cells = mapper.cells_of(dict(row))
            number, link = certificates.certificate_number(cells), certificates.certificate_url(cells)
            if not any(spoken.said.grown is not None for spoken in cells.evidence(number, link)):
                return True
    return False


def _rows(counted: Mapping[str, int], words: Sequence[str]) -> int:
    return sum(counted[word] for word in words)


def _asked(
    header: str, spelled: Mapping[str, str], counted: Mapping[str, int], natural: Sequence[str], strange: Sequence[str]
) -> Finding:
    shown = ", ".join(f"{spelled[word][:_SHOWN]!r} on {counted[word]:,}" for word in strange)
    words = (
        f"{header!r} says {spelled[natural[0]][:_SHOWN]!r} on {_rows(counted, natural):,} rows and {shown}: were the stones "
        "of the other rows grown in a laboratory?"
    )
    said = {
        kind: {"columns": {header: KINDS}, "words": {KINDS: {spelled[word]: kind for word in strange}}}
        for kind in (GROWN, NATURAL)
    }
    return Finding(
        question=Question(
            words,
            (
                Answer("They were grown", said[GROWN]),
                Answer("They are natural", said[NATURAL]),
                Answer("The column does not say how stones were made", {"columns": {header: ""}}),
            ),
        )
    )


def _asked_of_letters(header: str, spelled: Mapping[str, str], counted: Mapping[str, int]) -> Finding:
    natural, grown = (
        sorted(spelled.keys() & letters, key=lambda word: -counted[word])
        for letters in (_NATURAL_LETTERS, _GROWN_LETTERS)
    )
    words = (
        f"{header!r} is {spelled[natural[0]]!r} on {_rows(counted, natural):,} rows and {spelled[grown[0]]!r} on "
        f"{_rows(counted, grown):,}: natural and lab-grown stones?"
    )
    return Finding(
        question=Question(
            words,
            (
                Answer(f"{spelled[grown[0]]} was grown in a laboratory", {"columns": {header: KINDS}}),
                Answer("The column does not say how stones were made", {"columns": {header: ""}}),
            ),
        )
    )


def _asked_of_blanks(header: str, word: str, rows: int, of: int) -> Finding:
    """What a column leaves open that says natural on some rows and nothing on the others."""
    if not FEWEST * of <= rows < of:
        return NOTHING
    return Finding(
        question=Question(
            f"{header!r} says {word[:_SHOWN]!r} on {rows:,} of {of:,} rows and nothing on the others: were these stones "
            "grown in a laboratory?",
            (
                Answer("They were grown", {"columns": {header: KINDS}, "labgrown": True}),
                Answer("They are natural", {"columns": {header: KINDS}, "labgrown": False}),
            ),
        )
    )
