"""Workbooks for tests, written part by part, so that they can be as wrong as those of suppliers are."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape, quoteattr

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


@dataclass
class Cell:
    """A cell that is more than its value: shown by a number `format`, struck out, a `formula`, or an `error` of one."""

    value: Any = None
    format: str = ""
    formula: str = ""
    error: str = ""
    struck: bool = False

    @property
    def look(self) -> tuple[str, bool]:
        """What its style says."""
        return self.format, self.struck


#: Look of cells → the number of their style; 0 is the plain one.
Looks = dict[tuple[str, bool], int]


@dataclass
class Sheet:
    """Rows of one sheet."""

    rows: Sequence[Sequence[Any]]
    state: str = "visible"
    merged: Sequence[str] = field(default=())
    #: Numbers from 1 of the rows that are hidden, as by a filter.
    hidden: Collection[int] = field(default=())


def xlsx(sheets: Mapping[str, Sheet | Sequence[Sequence[Any]]], **more: bytes) -> bytes:
    """A workbook. `more` are further parts by their path, with `__` for a slash and `_` for the dot before its last word."""
    formats: Looks = {}
    parts = {}
    for number, sheet in enumerate(sheets.values(), 1):
        of_sheet = sheet if isinstance(sheet, Sheet) else Sheet(sheet)
        parts[f"xl/worksheets/sheet{number}.xml"] = _sheet(of_sheet, formats)
    states = [sheet.state if isinstance(sheet, Sheet) else "visible" for sheet in sheets.values()]
    listed = "".join(
        f'<sheet name={quoteattr(name)} sheetId="{number}" state="{state}" r:id="rId{number}"/>'
        for number, (name, state) in enumerate(zip(sheets, states, strict=True), 1)
    )
    related = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATED}/worksheet" Target="worksheets/sheet{number}.xml"/>'
        for number in range(1, len(sheets) + 1)
    )
    styles = f'<Relationship Id="rId99" Type="{_RELATED}/styles" Target="styles.xml"/>'
    parts |= {
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">{related}{styles}</Relationships>',
        "xl/styles.xml": _styles(formats),
        "_rels/.rels": (
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>'
        ),
        "[Content_Types].xml": (
            f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/></Types>'
        ),
    }
    written = {name: text.encode() for name, text in parts.items()}
    written |= {".".join(name.replace("__", "/").rsplit("_", 1)): content for name, content in more.items()}
    return zipped(written)


def ods(rows: Sequence[Sequence[Any]], hidden: Collection[int] = ()) -> bytes:
    """An OpenDocument spreadsheet of one sheet; numbers may be shown as percents by `Cell(0.62, "0%")`, or as `"EUR"`."""
    written = []
    for number, row in enumerate(rows, 1):
        cells = []
        for value in row:
            cell = value if isinstance(value, Cell) else Cell(value)
            style = ' table:style-name="struck"' if cell.struck else ""
            if isinstance(cell.value, int | float):
                kind = "percentage" if "%" in cell.format else "currency" if cell.format else "float"
                of = f' office:currency="{cell.format}"' if kind == "currency" else ""
                cells.append(f'<table:table-cell{style} office:value-type="{kind}"{of} office:value="{cell.value}"/>')
            else:
                text = escape(str(cell.value or ""))
                cells.append(
                    f'<table:table-cell{style} office:value-type="string"><text:p>{text}</text:p></table:table-cell>'
                )
        shown = ' table:visibility="filter"' if number in hidden else ""
        written.append(f"<table:table-row{shown}>{''.join(cells)}</table:table-row>")
    namespace = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<office:document-content xmlns:office="{namespace}:office:1.0" xmlns:table="{namespace}:table:1.0" '
        f'xmlns:style="{namespace}:style:1.0" xmlns:text="{namespace}:text:1.0"><office:automatic-styles>'
        '<style:style style:name="struck" style:family="table-cell"><style:text-properties '
        'style:text-line-through-style="solid"/></style:style></office:automatic-styles>'
        '<office:body><office:spreadsheet><table:table table:name="Stock">'
        f"{''.join(written)}</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    mimetype = "application/vnd.oasis.opendocument.spreadsheet"
    manifest = (
        f'<manifest:manifest xmlns:manifest="{namespace}:manifest:1.0"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{mimetype}"/></manifest:manifest>'
    )
    parts = {"mimetype": mimetype, "content.xml": content, "META-INF/manifest.xml": manifest}
    return zipped({name: text.encode() for name, text in parts.items()})


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive of files by name."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def column(number: int) -> str:
    """The letters of a column from 0."""
    letters = ""
    number += 1
    while number:
        number, letter = divmod(number - 1, 26)
        letters = chr(65 + letter) + letters
    return letters


def _sheet(sheet: Sheet, formats: Looks) -> str:
    rows = []
    for number, row in enumerate(sheet.rows, 1):
        cells = [_cell(f"{column(at)}{number}", value, formats) for at, value in enumerate(row)]
        hidden = ' hidden="1"' if number in sheet.hidden else ""
        rows.append(f'<row r="{number}" spans="1:9"{hidden}>{"".join(cells)}</row>')
    merged = "".join(f'<mergeCell ref="{of}"/>' for of in sheet.merged)
    return (
        f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData>'
        + (f"<mergeCells>{merged}</mergeCells>" if merged else "")
        + "</worksheet>"
    )


def _cell(place: str, value: Any, formats: Looks) -> str:
    cell = value if isinstance(value, Cell) else Cell(value)
    style = f' s="{formats.setdefault(cell.look, len(formats) + 1)}"' if any(cell.look) else ""
    formula = f"<f>{escape(cell.formula)}</f>" if cell.formula else ""
    if cell.error:
        return f'<c r="{place}"{style} t="e">{formula}<v>{cell.error}</v></c>'
    if cell.value is None or cell.value == "":
        return f'<c r="{place}"{style}>{formula}</c>' if style or formula else ""
    if isinstance(cell.value, bool):
        return f'<c r="{place}"{style} t="b">{formula}<v>{int(cell.value)}</v></c>'
    if isinstance(cell.value, int | float):
        return f'<c r="{place}"{style}>{formula}<v>{cell.value!r}</v></c>'
    if formula:
        return f'<c r="{place}"{style} t="str">{formula}<v>{escape(cell.value)}</v></c>'
    return f'<c r="{place}"{style} t="inlineStr"><is><t xml:space="preserve">{escape(cell.value)}</t></is></c>'


def _styles(looks: Looks) -> str:
    declared = "".join(
        f'<numFmt numFmtId="{200 + number}" formatCode={quoteattr(code)}/>'
        for (code, _), number in looks.items()
        if code
    )
    used = "".join(
        f'<xf numFmtId="{200 + number if code else 0}" fontId="{int(struck)}" applyNumberFormat="1"/>'
        for (code, struck), number in looks.items()
    )
    fonts = "<fonts><font><b/></font><font><strike/></font></fonts>"
    cells = f'<xf numFmtId="0"/>{used}'
    return f'<styleSheet xmlns="{_MAIN}"><numFmts>{declared}</numFmts>{fonts}<cellXfs>{cells}</cellXfs></styleSheet>'
