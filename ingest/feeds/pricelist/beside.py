"""What a list says of a row beside the columns that are read: in the heading of its part, the name of its sheet, or a word
that was written into a column that nobody reads.

A heading that stands directly above rows is true of them until the next one: "SOLD THIS WEEK", "ON MEMO", "LAB GROWN". What
it says is carried by each of these rows, is told with their number, and is asked about on the first day all the same. A
shape is that of the rows that name none, and below "FANCY COLORS" a letter that is a code of a colour names it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from catalog.fancy_colors import MIN_LETTERS, color_name, said_of_fancy
from catalog.grades import fold
from catalog.shapes import known_shape
from ingest.feeds import nature
from ingest.feeds.pricelist import words
from ingest.feeds.pricelist.columns import RESERVED, Columns, is_filled
from ingest.feeds.pricelist.headers import key
from ingest.feeds.pricelist.outside import AVAILABILITY, NATURE, is_legend, kind_of
from ingest.feeds.pricelist.parameters import Parameters
from ingest.feeds.pricelist.reading import BESIDE, PERHAPS, SHAPE, Layout, Row

#: Fields of names, in whose columns nothing else is looked for.
_NAMES = frozenset({"supplier_name", "country", "brand"})
#: A sentence is no heading: it has more words.
_MOST_WORDS = 6
#: A name of so few letters is a code of anything.
_CODE = 2
_NATURAL = re.compile(r"NATURAL(?: (?:DIAMONDS?|STONES?|GOODS))?|(?:EARTH )?MINED(?: DIAMONDS?)?", re.IGNORECASE)
#: "FANCY COLOR DIAMONDS", "FANCY YELLOW"; "FANCY SHAPES" names no colour.
_FANCY = re.compile(
    r"(?:NATURAL )?F(?:AN|N)?CY (?:COLOU?R(?:S|ED)?|([A-Z][A-Z -]*?))(?: (?:DIAMONDS?|STONES?|GOODS))?", re.IGNORECASE
)


@dataclass(slots=True)
class _Part:
    """A heading above rows: what it says, and whether another one since may have ended its part."""

    text: str
    kind: str
    doubtful: bool = False


class Beside:
    """Finds what is said beside the columns of one list's rows, which come in the list's order.

    `held` has the number of rows by heading or sheet, `taken` that by column that nobody reads.
    """

    def __init__(self, layout: Layout, columns: Columns, parameters: Parameters) -> None:
        self.held: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()
        read = {header for field, header in columns.best.items() if field not in _NAMES}
        passed = _NAMES | {"stock_number"}
        read |= {header for field, others in columns.others.items() if field not in passed for header in others}
        #: The column of shapes, and what the name of the sheet and the last heading say where its cell is blank.
        self._of_shapes = columns.best.get("shape", SHAPE)
        self._shape_of_sheet = self._shape = ""
        self.shapes: Counter[str] = Counter()
        #: The same of colours, for fancy ones.
        self._of_colors = columns.best.get("color")
        self._fancy_sheet = self._fancy = ""
        self.fancies: Counter[str] = Counter()
        self._unread = [
            header
            for header in layout.headers
            if header not in read | RESERVED and key(header) not in parameters.chosen
        ]
        self._said = parameters.meanings.get("availability", {})
        self._named = parameters.sheet.strip().casefold()
        self._sheet = ""
        self._of_sheet: list[str] = []
        self._parts: list[_Part] = []
        #: Whether stones have come since the last heading, whether headings stand below that of the part, and whether rows
        #: are set apart from each other.
        self._begun = self._nested = self._apart = False

    def heading(self, text: str) -> bool:
        """Take a row with nothing but a text; whether that is a heading that speaks of the rows below it."""
        kind, ends, shape, fancy = self._kind(text), _ends(text), _shape(text), _fancy(text)
        if shape or self._begun:
            self._shape = shape
        if fancy or (self._begun and not shape):
            self._fancy = fancy
        if self._begun:
            kept = [part for part in self._parts if part.kind not in (kind, ends)]
            for part in kept:
                part.doubtful |= bool(kind or ends) or not self._nested
            self._parts, self._begun = kept, False
        elif self._parts and not kind:
            self._nested = True
        if kind:
            self._parts.append(_Part(text, kind))
            self._nested = False
        return bool(kind or ends or shape or fancy)

    def interrupt(self) -> None:
        """Take a row that is no stone, or none at all, after which another part may begin: a sum, a repeated header."""
        if self._begun:
            self._shape = self._fancy = ""
        if self._begun and not self._nested:
            for part in self._parts:
                part.doubtful = True

    def reach(self, row: Row) -> None:
        """Take the next row, before it is known what it is."""
        if row.part != self._sheet:
            self._enter(row.part)
        if row.gap and not self._apart:
            self.interrupt()
        self._apart = row.gap

    def mark(self, row: Row) -> str:
        """Have a row of a stone carry what is said of it; the text that keeps it from being offered, or nothing."""
        self._begun = True
        if (shape := self._shape or self._shape_of_sheet) and not is_filled(str(row.cells.get(self._of_shapes) or "")):
            row.cells[self._of_shapes] = shape
            self.shapes[shape] += 1
        if (fancy := self._fancy or self._fancy_sheet) and self._of_colors is not None:
            self._name_color(row, self._of_colors, fancy)
        if not (self._of_sheet or self._parts or self._unread):
            return ""
        firm: list[str] = list(self._of_sheet)
        perhaps: list[str] = []
        for part in self._parts:
            # A stone that may be gone is not offered; of what one may be, the others of its columns have to tell.
            (perhaps if part.doubtful and part.kind == NATURE else firm).append(part.text)
        if firm or perhaps:
            self.held.update(firm + perhaps)
        for header in self._unread:
            cell = row.cells.get(header)
            if cell and isinstance(cell, str) and words.typed_over[cell] is not None:
                self.taken[header] += 1
                firm.append(cell)
        if perhaps:
            row.cells[PERHAPS] = perhaps
        if firm:
            row.cells[BESIDE] = firm
            return next((text for text in firm if words.said_beside[text] is not None), "")
        return ""

    def _name_color(self, row: Row, header: str, fancy: str) -> None:
        """Put the colour of a fancy stone in the place of its code, or of nothing."""
        cell = str(row.cells.get(header) or "").strip()
        named = (len(cell) < MIN_LETTERS and color_name(cell)) if is_filled(cell) else fancy
        if named:
            row.cells[header] = named
            self.fancies[fancy] += 1

    def told(self) -> tuple[str, ...]:
        """What a person is told of headings, with the rows that they were taken to be said of."""
        return (
            tuple(
                f"{text[:60]!r} stands above {rows:,} rows, which are taken for "
                + ("stones that are not to be had" if words.said_beside[text] is not None else "such stones")
                for text, rows in self.held.items()
            )
            + tuple(
                f"{text[:60]!r} stands above {rows:,} rows, whose shape it is" for text, rows in self.shapes.items()
            )
            + tuple(
                f"{text[:60]!r} stands above {rows:,} rows, whose colours are fancy ones"
                for text, rows in self.fancies.items()
            )
        )

    def _enter(self, sheet: str) -> None:
        self._sheet, self._parts, self._begun, self._nested, self._apart = sheet, [], False, False, False
        self._shape_of_sheet, self._shape = _shape(sheet), ""
        self._fancy_sheet, self._fancy = _fancy(sheet), ""
        kind = self._kind(sheet)
        # Who names a sheet says that what it has is for sale.
        is_answered = kind == AVAILABILITY and sheet.strip().casefold() == self._named
        self._of_sheet = [sheet] if kind and not is_answered else []

    def _kind(self, text: str) -> str:
        """What a heading says of the rows below it: whether they are to be had, or what they are."""
        if fold(text) in self._said:
            return AVAILABILITY if words.said_beside[self._said[fold(text)]] is not None else ""
        kind = kind_of(text)
        if is_legend(text):
            return ""
        if kind in (AVAILABILITY, NATURE) and words.said_beside[text] is not None:
            return AVAILABILITY
        said = nature.of_text[text]
        is_heading = (said.grown or said.treated) and not said.unclear and len(text.split()) <= _MOST_WORDS
        return NATURE if kind == NATURE and is_heading else ""


def _ends(text: str) -> str:
    """Of what a heading says that the rows below it are ordinary stones."""
    if words.promises(text):
        return AVAILABILITY
    return NATURE if _NATURAL.fullmatch(text.strip(" :-*")) else ""


def _shape(text: str) -> str:
    """A heading or the name of a sheet that is a shape and nothing else: "OVAL", "Round brilliant"."""
    text = text.strip(" :-*")
    return text if len(text) > _CODE and known_shape(text) is not None else ""


def _fancy(text: str) -> str:
    """A heading or the name of a sheet that says of its stones that they are of fancy colours."""
    text = text.strip(" :-*")
    found = _FANCY.fullmatch(text)
    return text if found and (found[1] is None or said_of_fancy(found[1]).fancy) else ""


def alone(texts: Sequence[str]) -> str:
    """The text of a row that has no other, however many of its cells it fills; empty for other rows."""
    return texts[0].strip() if len(set(texts)) == 1 else ""
