"""A column "Natural" says whether a stone is natural, or whether it has a natural: a rest of the rough's skin.

Lists of the trade have the second beside open and extra facets. Where its cells or the columns beside it say so it is not
read; where stones that it denies to be natural are priced as natural ones are, it is asked about.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from catalog.grades import fold as word_fold
from ingest.feeds import values
from ingest.feeds.pricelist import bands, certificates
from ingest.feeds.pricelist.columns import is_filled
from ingest.feeds.pricelist.headers import fold, key, ranked_columns
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.proving.cheap import MIN_ROWS, per_carat
from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.pricelist.proving.finding import NOTHING, Finding, Sample, cells_below
from ingest.feeds.verdicts import Answer, Means, Question

if TYPE_CHECKING:
    from ingest.feeds.pricelist.mapping import Mapper

#: Where a natural is, and how large.
_OF_SURFACE = frozenset(
    {
        "GIRDLE",
        "CROWN",
        "PAVILION",
        "PAV",
        "TABLE",
        "CULET",
        "UPPERGIRDLE",
        "LOWERGIRDLE",
        "BEZEL",
        "INDENTED",
        "SURFACE",
    }
    | {"SMALL", "MINOR", "MEDIUM", "LARGE", "BIG", "TINY", "SLIGHT", "VERYSMALL", "MINUTE", "HEAVY"}
)
#: The columns beside it that lists of blemishes have.
_BESIDE = re.compile(
    r"(?:TABLE|CROWN|PAVILION|PAV|GIRDLE|CULET)OPEN|OPEN(?:ING)?(?:IN)?(?:TABLE|CROWN|PAVILION|PAV|GIRDLE|CULET)"
    r"|(?:EXTRA|OPEN)FACETS?|(?:INDENTED|INTERNAL)NATURALS?"
)
#: How many of the rows that a column denies to be natural are priced as natural stones, for it to be asked about.
_MOST = 0.5


def find(headers: Sequence[str], sample: Sample, parameters: Parameters, mapper: Mapper) -> Finding:
    """A column "Natural" that is one of the surface by its cells or by the columns beside it, and is not read."""
    beside = next((header for header in headers if _BESIDE.fullmatch(fold(header))), None)
    found = NOTHING
    for header in _columns(headers, parameters):
        filled = [cell for cell in cells_below(header, sample) if is_filled(cell)]
        placed = next((cell for cell in filled if _is_of_surface(cell)), None)
        yes = sum(values.yes_or_no(cell) is True for cell in filled)
        if placed is not None:
            found |= Finding(
                {header: ""}, (f"{header!r} says where stones have a natural ({placed[:40]!r}), not what they are",)
            )
        elif beside is not None and 2 * yes <= len(filled) and filled:
            found |= Finding(
                {header: ""}, (f"{header!r} beside {beside!r} says which stones have a natural, not what they are",)
            )
    return found


def question_of(
    headers: Sequence[str],
    sample: Sample,
    rows: Sequence[SampleRow],
    prices: Mapping[str, Means],
    parameters: Parameters,
    mapper: Mapper,
) -> Question | None:
    """What to ask of such a column that alone makes stones lab-grown which are priced as natural ones."""
    if parameters.labgrown:
        return None
    for header in _columns(headers, parameters):
        denied = [
            row
            for row, cell, (_, written) in zip(rows, cells_below(header, sample), sample, strict=True)
            if values.yes_or_no(cell) is False and _says_alone(header, written, mapper)
        ]
        priced = [
            (row, found[1]) for row in denied if (found := per_carat(row, prices)) is not None and not row.kind.fancy
        ]
        dear = [row for row, price in priced if price > _between(row.carats or 1.0)]
        if len(priced) >= MIN_ROWS and len(dear) >= _MOST * len(priced):
            return Question(
                f"{header!r} says no on {len(denied):,} rows, and {len(dear):,} of them are priced as natural stones are: "
                "were they grown in a laboratory, or have they no natural, the rest of the rough's skin?",
                (
                    Answer("They were grown", {"columns": {header: "natural"}}),
                    Answer("The column does not say how stones were made", {"columns": {header: ""}}),
                ),
            )
    return None


def _columns(headers: Sequence[str], parameters: Parameters) -> list[str]:
    of_field = ranked_columns(headers, parameters.chosen).get("natural", ())
    return [header for header in of_field if fold(header) == "NATURAL" and key(header) not in parameters.chosen]


def _is_of_surface(cell: str) -> bool:
    return any(word_fold(part) in _OF_SURFACE for part in re.split(r"[/,;&+()\s-]+", cell))


def _says_alone(header: str, written: Mapping[str, Any], mapper: Mapper) -> bool:
    """Whether only this column of a row says that its stone was grown."""
    cells = mapper.cells_of(dict(written))
    number, link = certificates.certificate_number(cells), certificates.certificate_url(cells)
    return {spoken.field for spoken in cells.evidence(number, link) if spoken.said.grown} == {header}


def _between(carats: float) -> float:
    """Dollars a carat between what grown and natural stones cost, as far from either by ratio."""
    grown, natural = (bands.usual(carats, bands.Kind(lab_grown=is_grown)) or 0.0 for is_grown in (True, False))
    return float((grown * natural) ** 0.5)
