"""What spreadsheets make of cells: formulas around text, numbers for names, and names that they have ruined.

A number that is a name (a stock number, the number of a certificate) is mended where nothing of it is lost, and refused
where digits are gone: rounded numbers of several stones are one and the same.
"""

from __future__ import annotations

import re

from catalog.labs import KNOWN_LABS

#: What a person does about a ruined name.
REMEDY = "format the column as text in the spreadsheet and export the list again"

_FORMULA = re.compile(r'=\s*"((?:[^"]|"")*)"')
_FORMULA_NUMBER = re.compile(r"=\s*([\d.,]+)", re.ASCII)
_HYPERLINK = re.compile(r'=\s*HYPERLINK\(\s*"([^"]*)"\s*(?:[,;]\s*"?([^")]*)"?\s*)?\)', re.IGNORECASE)
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|#+)", re.IGNORECASE)
#: A number as names are: whole, written with a fraction of nothing or with its digits grouped.
_WHOLE = re.compile(r"\d+\.0+", re.ASCII)
_GROUPED = re.compile(r"[1-9]\d{0,2}(?:,\d{3})+(?:\.0*)?", re.ASCII)
_SPACED = re.compile(r"\d{1,4}(?: \d{2,4})+", re.ASCII)
#: `2.14E+09`; `2.140000074E9` has all its digits.
_EXPONENT = re.compile(r"(\d)(?:[.,](\d+))?E(\+?)(\d{1,2})", re.IGNORECASE | re.ASCII)
_LAB_BEFORE = re.compile(
    r"([A-Za-z]{3,4})[\s:#./-]*((?:[A-Za-z]{1,3}[\s-]?)?\d[\d-]{4,}[A-Za-z]?)(?:\s*[(/].*)?", re.ASCII
)
_LAB_BEHIND = re.compile(r"((?:LG\s?)?\d[\d-]{4,})\s*[-/(,]?\s*([A-Za-z]{3,4})\)?", re.ASCII | re.IGNORECASE)
_NO_BEFORE = re.compile(r"(?:#|NO\b\.?|NR\b\.?|NUMBER\b)[\s:.#-]*(?=[A-Z]{0,3}\d)", re.IGNORECASE | re.ASCII)
#: What else stands around a certificate's number: words of a report, grades, and ends of a file's name.
_AROUND_NUMBER = re.compile(
    r"REPORTS?|REP|RPT|CERT(?:S|I|IFIED|IFICATES?|IFICATION)?|DOSSIER|DOR|DG|DIAMONDS?|GRADING|LAB|LABORATORY|NO|NR|NUM|NUMBER|ID"
    r"|FULL|ORIGINAL|INSCRIBED|NATURAL|GROWN|LABGROWN|LGD|CVD|3EX|3X|XXX|TRIPLE|EX|VG|GD|PDF|JPE?G|PNG|HTML"
)
_PARTS = re.compile(r"[A-Z0-9]+")
#: A number of a report in the address of one on the laboratory's own pages.
_REPORT_LINK = re.compile(
    r"://(?:[\w-]+\.)*(gia\.edu|igi\.org|hrdantwerp\.com|gcalusa\.com|gemscience\.net)/\S*?[?&](?:report_?no|reportnumber|r|report_number)="
    r"((?:LG)?\d{6,12})(?![\w])",
    re.IGNORECASE | re.ASCII,
)
_LAB_OF_HOST = {
    "gia.edu": "GIA",
    "igi.org": "IGI",
    "hrdantwerp.com": "HRD",
    "gcalusa.com": "GCAL",
    "gemscience.net": "GSI",
}
_GROUPS = re.compile(r"(?<![\w-])\d{1,4}(?: \d{2,4})+(?![\w-])", re.ASCII)
_INITIALS = re.compile(r"\b([A-Z])\.([A-Z])\.([A-Z])\b\.?")
#: Digits of a report's number.
_DIGITS = range(6, 13)
_TAG = re.compile(r"<[^<>]*>")
_REFERRED = re.compile(r"href\s*=\s*[\"']?([^\"'\s>]+)|src\s*=\s*[\"']?([^\"'\s>]+)", re.IGNORECASE)
#: Days that are written in full with their year, in either order; with hyphens both have two digits.
_DAY, _MONTH_NO, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])", r"(?:0?[1-9]|1[0-2])", r"(?:19\d\d|20[0-3]\d)"
_DAY_2, _MONTH_2 = r"(?:0[1-9]|[12]\d|3[01])", r"(?:0[1-9]|1[0-2])"
_DATE = re.compile(
    r"(?:\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?:-\d{2,4})?"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{2,4}"
    # As dates of workbooks are read.
    r"|(?:19|20)\d{2}-[01]\d-[0-3]\d(?:[ T]00:00:00)?"
    rf"|(?:(?:{_DAY}/{_MONTH_NO}|{_MONTH_NO}/{_DAY})/{_YEAR}|(?:{_DAY_2}\.{_MONTH_2}|{_MONTH_2}\.{_DAY_2})\.{_YEAR}"
    rf"|(?:{_DAY_2}-{_MONTH_2}|{_MONTH_2}-{_DAY_2})-{_YEAR}|{_YEAR}/{_MONTH_NO}/{_DAY}|{_YEAR}\.{_MONTH_2}\.{_DAY_2})"
    r"(?: 0?0:00(?::00)?)?)",
    re.ASCII,
)


def plain(cell: str, *, link: bool = False) -> str:
    """A cell that begins with `=`, `'`, `#` or `<` without what a spreadsheet put around it.

    Of a hyperlink, be it of a page, the words, or its address if the column holds a `link`. An error of a formula is
    nothing.
    """
    if cell.startswith("<"):
        referred = _REFERRED.search(cell)
        if link and referred:
            return referred[1] or referred[2]
        return _TAG.sub(" ", cell).strip()
    if cell.startswith("'"):
        return cell[1:].strip()
    if cell.startswith("#"):
        return "" if _ERROR.fullmatch(cell) else cell
    linked = _HYPERLINK.fullmatch(cell)
    if linked:
        return (linked[1] if link else linked[2] or linked[1]).strip()
    if formula := _FORMULA.fullmatch(cell):
        return formula[1].replace('""', '"').strip()
    number = _FORMULA_NUMBER.fullmatch(cell)
    return number[1] if number else cell


def is_error(cell: object) -> bool:
    """Whether a cell of a row is the error of a formula: "#N/A"."""
    return isinstance(cell, str) and cell.lstrip()[:1] == "#" and _ERROR.fullmatch(cell.strip()) is not None


def named(cell: str) -> str:
    """A name that may be a number, as it was before a spreadsheet took it for an amount: `2,140,000,078.0` is 2140000078."""
    if cell.isdigit() or not cell[:1].isdigit():
        return cell
    if _WHOLE.fullmatch(cell):
        return cell.partition(".")[0]
    if _GROUPED.fullmatch(cell):
        return cell.partition(".")[0].replace(",", "")
    exponent = _EXPONENT.fullmatch(cell)
    if exponent and exponent[2] and len(exponent[2].rstrip("0")) > 2 and len(exponent[2]) >= int(exponent[4]):
        digits = exponent[1] + exponent[2]
        return digits[: int(exponent[4]) + 1] if not digits[int(exponent[4]) + 1 :].strip("0") else cell
    return cell


def numbered(cell: str) -> str:
    """As `named`, for what is a number and never words: `2 140 000 078` is one, too."""
    return cell.replace(" ", "") if _SPACED.fullmatch(cell) else named(cell)


def without_lab(number: str) -> tuple[str, str]:
    """The laboratory before a certificate's number, and the number: "GIA 2140000077", "IGI: LG123456789"."""
    lab = _LAB_BEFORE.fullmatch(number)
    if lab and lab[1].upper() in KNOWN_LABS:
        return lab[1].upper(), lab[2]
    behind = _LAB_BEHIND.fullmatch(number)
    if behind and behind[2].upper() in KNOWN_LABS:
        return behind[2].upper(), behind[1]
    if (found := _number_among(number.upper())) is not None:
        return found
    return "", _NO_BEFORE.sub("", number, count=1) if _NO_BEFORE.match(number) else number


def _number_among(text: str) -> tuple[str, str] | None:
    """The laboratory and the number in a text of nothing else but words of reports: "GIA Report No. 2140000077", "Dossier
    2140 000 077", "2140000077.pdf". None for any other, and for a number that stands alone.
    """
    lab = number = before = ""
    plain = _INITIALS.sub(r"\1\2\3", _GROUPS.sub(lambda groups: groups[0].replace(" ", ""), text))
    parts = _PARTS.findall(plain)
    for part in parts:
        of_lab = next((known for known in KNOWN_LABS if part.startswith(known)), "")
        rest = part.removeprefix(of_lab)
        lab = lab or of_lab
        if rest == "LG":
            before = rest
        elif not number and sum(map(str.isdigit, rest)) in _DIGITS:
            number = before + rest
        elif rest and not _AROUND_NUMBER.fullmatch(part):
            return None
    return (lab, number) if number and (lab or len(parts) > 1 or number != text) else None


def of_report_link(address: str) -> tuple[str, str]:
    """The laboratory and the number that a link to a report on the laboratory's own pages has; empty if it is none."""
    linked = _REPORT_LINK.search(address)
    return (_LAB_OF_HOST[linked[1].lower()], linked[2].upper()) if linked else ("", "")


def ruin(cell: str) -> str:
    """What a spreadsheet did to a name so that it is lost; empty if nothing."""
    if cell.startswith("#"):
        return "hidden by a spreadsheet" if _ERROR.fullmatch(cell) else ""
    exponent = _EXPONENT.fullmatch(cell)
    if exponent and (exponent[2] or exponent[3]):
        return "rounded by a spreadsheet"
    return "made a date by a spreadsheet" if _DATE.fullmatch(cell) else ""
