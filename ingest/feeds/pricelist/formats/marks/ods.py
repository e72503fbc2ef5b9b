"""What an OpenDocument spreadsheet shows of its cells beyond their values."""

from __future__ import annotations

import zipfile
from xml.parsers import expat

from ingest.feeds.pricelist.formats.marks.sheet import PERCENT, Damaged, Marks, form_of

_NAMESPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_TABLE, _STYLE, _OFFICE = (f"{_NAMESPACE}{name}:1.0 " for name in ("table", "style", "office"))
_NUMBER = f"{_NAMESPACE}datastyle:1.0 "
_CELLS = frozenset({_TABLE + "table-cell", _TABLE + "covered-table-cell"})
_COLUMNS_REPEATED, _CELL_STYLE = _TABLE + "number-columns-repeated", _TABLE + "style-name"
_TYPE, _CURRENCY = _OFFICE + "value-type", _OFFICE + "currency"
_ROW, _GROUP, _COLUMN, _SHEET = (_TABLE + name for name in ("table-row", "table-row-group", "table-column", "table"))
_OF_CELLS, _PROPERTIES = _STYLE + "style", _STYLE + "text-properties"
_TEXTS = frozenset({_NUMBER + "text", _NUMBER + "currency-symbol"})
_FORMATS = frozenset({_NUMBER + kind for kind in ("number-style", "currency-style", "percentage-style")})
_DOLLARS, _PLAIN = "USD", ("", False)
#: Elements at whose end something is done.
_ENDING = frozenset({_ROW, _GROUP}) | _TEXTS | _FORMATS
#: Rows and columns that a sheet has at most, however often one of them is repeated.
_MAX_ROWS, _MAX_COLUMNS = 1 << 20, 1 << 14


def read(parts: zipfile.ZipFile) -> dict[str, Marks]:
    """The marks of each sheet by its name. Raises `Damaged`."""
    reader = _Reader()
    try:
        for name in ("styles.xml", "content.xml"):
            if name in parts.namelist():
                with parts.open(name) as part:
                    reader.parser().ParseFile(part)
    except expat.ExpatError as error:
        raise Damaged(str(error)) from error
    return reader.sheets


class _Reader:
    """Reads elements as they come: styles stand before the sheets that use them."""

    def __init__(self) -> None:
        self.sheets: dict[str, Marks] = {}
        self._marks = Marks()
        self._parser = expat.ParserCreate()
        self._codes: dict[str, str] = {}
        self._code = ""
        #: Style → its look, and the style that it takes it from where it says nothing.
        self._looks: dict[str, tuple[str, bool | None, str]] = {}
        #: The same of the styles that cells have, where all is said.
        self._known: dict[str, tuple[str, bool]] = {}
        self._style = ""
        self._row = self._column = self._times = 0
        #: Row groups that are folded, of those that are open.
        self._folded: list[bool] = []
        self._is_hidden = self._is_filled = False
        self._row_style = ""
        self._defaults: list[str] = []
        self._noted: list[tuple[int, int, tuple[str, bool]]] = []

    def parser(self) -> expat.XMLParserType:
        """A parser of one part."""
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler, self._parser.EndElementHandler = self._begin, self._end
        return self._parser

    def _begin(self, name: str, said: dict[str, str]) -> None:
        if name in _CELLS:
            self._cell(said)
        elif name == _ROW:
            self._times = _times(said, _TABLE + "number-rows-repeated", _MAX_ROWS)
            self._is_hidden = said.get(_TABLE + "visibility", "visible") != "visible" or any(self._folded)
            self._row_style, self._column, self._is_filled = said.get(_TABLE + "default-cell-style-name", ""), 0, False
        elif name == _GROUP:
            self._folded.append(said.get(_TABLE + "display", "true") == "false")
        elif name == _COLUMN:
            times = _times(said, _TABLE + "number-columns-repeated", _MAX_COLUMNS)
            self._defaults += [said.get(_TABLE + "default-cell-style-name", "")] * times
        elif name == _SHEET:
            self._marks = self.sheets[said.get(_TABLE + "name", "")] = Marks()
            self._row, self._defaults = 0, []
        elif name in _FORMATS:
            self._style, self._code = said.get(_STYLE + "name", ""), ""
        elif name in _TEXTS:
            self._parser.CharacterDataHandler = self._text
            self._code += "[$" if name.endswith("symbol") else '"'
        elif name == _OF_CELLS:
            # Paragraphs and drawings have styles of the same names.
            self._style = said.get(_STYLE + "name", "") if said.get(_STYLE + "family") == "table-cell" else ""
            form = form_of(self._codes.get(said.get(_STYLE + "data-style-name", ""), ""))
            self._looks[self._style] = form, None, said.get(_STYLE + "parent-style-name", "")
        elif name == _PROPERTIES and self._style in self._looks:
            lines = [said[key] for kind in ("style", "type") if (key := f"{_STYLE}text-line-through-{kind}") in said]
            if lines:
                form, _, parent = self._looks[self._style]
                self._looks[self._style] = form, any(line != "none" for line in lines), parent

    def _end(self, name: str) -> None:
        if name not in _ENDING:
            return
        if name == _ROW:
            self._end_of_row()
        elif name == _GROUP:
            self._folded.pop()
        elif name in _TEXTS:
            self._parser.CharacterDataHandler = None
            self._code += "]" if name.endswith("symbol") else '"'
        elif name in _FORMATS:
            self._codes[self._style] = self._code

    def _text(self, text: str) -> None:
        self._code += text

    def _cell(self, said: dict[str, str]) -> None:
        times = _times(said, _COLUMNS_REPEATED, _MAX_COLUMNS) if _COLUMNS_REPEATED in said else 1
        column, self._column = self._column, self._column + times
        kind = said.get(_TYPE)
        if not kind:
            return
        self._is_filled = True
        style = said.get(_CELL_STYLE) or self._row_style
        if not style and column < len(self._defaults):
            style = self._defaults[column]
        look = self._known.get(style)
        if look is None:
            look = self._known[style] = self._look(style)
        if kind == "percentage":
            look = PERCENT, look[1]
        elif kind == "currency" and (currency := said.get(_CURRENCY, "")) and currency.upper() != _DOLLARS:
            look = currency[:8], look[1]
        if look != _PLAIN:
            self._noted.append((column, times, look))

    def _look(self, style: str) -> tuple[str, bool]:
        form, is_struck, seen = "", None, 0
        while style and seen < len(self._looks):
            of_style, strikes, style = self._looks.get(style, ("", None, ""))
            form, is_struck = form or of_style, strikes if is_struck is None else is_struck
            seen += 1
        return form, bool(is_struck)

    def _end_of_row(self) -> None:
        # Below a list many blank rows are written as one.
        if self._is_filled:
            last = min(self._row + self._times, _MAX_ROWS)
            self._marks.rows += last - self._row
            for row in range(self._row + 1, last + 1):
                if self._is_hidden:
                    self._marks.hidden.add(row)
                for column, times, look in self._noted:
                    for at in range(column, column + times):
                        self._marks.note(row, at, look)
        self._row += self._times
        self._noted.clear()


def _times(said: dict[str, str], name: str, most: int) -> int:
    written = said.get(name, "1")
    return min(int(written), most) if written.isascii() and written.isdigit() else 1
