"""Styles of workbooks of records, XLS and XLSB: what a cell's style adds to its value, and whether it strikes it out."""

from __future__ import annotations

from ingest.feeds.pricelist.formats.marks.sheet import BUILT_IN, form_of

#: The bit of a font's flags that strikes out.
STRUCK = 0x08


class Styles:
    """The fonts, formats and styles of a workbook, as their records come; `skips` is a number that no font has."""

    def __init__(self, skips: int | None = None) -> None:
        self.fonts: list[bool] = []
        self.formats: dict[int, str] = dict(BUILT_IN)
        #: Style → what it adds to a value and whether it strikes it out, for those that do either.
        self.looks: dict[int, tuple[str, bool]] = {}
        self._styles, self._skips = 0, skips

    def add_format(self, number: int, code: str) -> None:
        """A format by its number."""
        self.formats[number] = form_of(code)

    def add_style(self, font: int, number_format: int) -> None:
        """The next style; fonts and formats come before those."""
        if self._skips is not None and font > self._skips:
            font -= 1
        look = self.formats.get(number_format, ""), font < len(self.fonts) and self.fonts[font]
        if any(look):
            self.looks[self._styles] = look
        self._styles += 1
