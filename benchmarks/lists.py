"""The memory and the time that a price list takes until it can be planned: a million rows of CSV, 100,000 of XLSX.

Each list is read by a process of its own, as a worker would, and its peak is what the system counted; a workbook is read by
a further process, whose peak stands beside it.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

from benchmarks.result import Figure
from diamondhub.local.stack import ROOT

#: Megabytes that reading may add to a worker, and that a workbook may take.
WORKER_MB, WORKBOOK_MB = 200.0, 1_000.0
_HEADERS = (
    *("Stock #", "Shape", "Weight", "Color", "Clarity", "Cut", "Polish", "Symmetry", "Fluorescence", "Lab", "Cert #"),
    *(
        "Measurements",
        "Depth %",
        "Table %",
        "Girdle",
        "Culet",
        "Price/Ct",
        "Total Price",
        "Location",
        "Comments",
        "Image",
    ),
)
_PROGRAM = """
import json, resource, sys, time
import django
django.setup()
from pathlib import Path
from ingest.feeds.adapter import StoneQuery
from ingest.feeds.pricelist.adapter import PricelistAdapter
from ingest.feeds.pricelist.parameters import parameters_of
from ingest.feeds.pricelist.spool import Spool
from ingest.feeds.pricelist.source import Limits

path = Path(sys.argv[1])
chosen = parameters_of({"source": path.name})
spool = Spool(path.parent / "spool", chosen, Limits(path.parent, [], 2_000_000_000, 300.0))
adapter = PricelistAdapter(chosen, spool)
# Not `ru_maxrss`, which begins with what the process had that started this one.
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))
before, began = peak(), time.perf_counter()
until = adapter.server_time()
seconds = time.perf_counter() - began
rows = adapter.count([StoneQuery(window_to=until, price_from=at, price_to=at + 499) for at in range(0, 20_000, 500)])
print(json.dumps({"rows": sum(rows), "seconds": seconds, "before": before, "peak": peak(),
    "workbook": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024}))
"""


def measure(of_csv: int, of_xlsx: int) -> list[Figure]:
    """Write both lists, and read each in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        text, book = Path(folder) / "list.csv", Path(folder) / "list.xlsx"
        with text.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(_HEADERS)
            writer.writerows(_rows(of_csv))
        _write_workbook(book, of_xlsx)
        csv_taken, book_taken = _taken(text), _taken(book)
    return [
        Figure(
            "lists, a CSV, memory added to a worker",
            (csv_taken["peak"] - csv_taken["before"]) / WORKER_MB,
            f"{WORKER_MB:,.0f} MB",
            f"{csv_taken['rows']:,.0f} rows in {csv_taken['seconds']:.0f} s; {csv_taken['before']:.0f} MB before,"
            f" {csv_taken['peak']:.0f} MB at most",
            goal=1.0,
            at_most=True,
        ),
        Figure(
            "lists, an XLSX, memory of its reader",
            book_taken["workbook"] / WORKBOOK_MB,
            f"{WORKBOOK_MB:,.0f} MB",
            f"{book_taken['rows']:,.0f} rows in {book_taken['seconds']:.0f} s; the worker had"
            f" {book_taken['peak']:.0f} MB at most, the reader {book_taken['workbook']:.0f} MB",
            goal=1.0,
            at_most=True,
        ),
    ]


def _taken(path: Path) -> dict[str, float]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "diamondhub.settings", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    taken: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return taken


def _rows(number: int) -> Iterator[tuple[str | float, ...]]:
    shapes, colors, clarities = ("RB", "OV", "PS", "EM"), "DEFGHIJ", ("VVS2", "VS1", "VS2", "SI1")
    for at in range(number):
        carats = 0.3 + at * 7 % 270 / 100
        per_carat = 900 + round(1_900 * carats) + at % 400
        yield (
            *(f"S-{at:07d}", shapes[at % 4], round(carats, 2), colors[at % 7], clarities[at // 7 % 4]),
            *("EX", "EX", "VG", ("NON", "FNT", "MED")[at % 3], "GIA", 2_140_000_000 + at),
            *(f"{6 + carats:.2f}-{6.05 + carats:.2f}x3.9{at % 10}", 62.1, 58, "MED-STK", "NON"),
            *(per_carat, round(per_carat * carats, 2), "Mumbai, India", f"comment {at}"),
            f"https://images.example.com/{at}.jpg",
        )


def _write_workbook(path: Path, number: int) -> None:
    """A workbook as programs write it: words in the cells themselves."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    of_parts = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    related = "http://schemas.openxmlformats.org/package/2006/relationships"
    types = "http://schemas.openxmlformats.org/package/2006/content-types"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr("[Content_Types].xml", f'<Types xmlns="{types}"/>')
        parts.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{related}"><Relationship Id="r1" Type="{of_parts}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        parts.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{of_parts}"><sheets><sheet name="Stock" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        parts.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{related}"><Relationship Id="r1" Type="{of_parts}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        with parts.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            sheet.write(f'<worksheet xmlns="{main}"><sheetData>'.encode())
            for at, row in enumerate([_HEADERS, *_rows(number)], 1):
                cells = "".join(_cell(f"{chr(65 + place)}{at}", value) for place, value in enumerate(row))
                sheet.write(f'<row r="{at}">{cells}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")


def _cell(place: str, value: str | float) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{escape(value)}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'
