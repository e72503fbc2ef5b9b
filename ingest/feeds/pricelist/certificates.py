"""The certificate of a row: its number, its laboratory, and the address of its report, from whichever column has them."""

from __future__ import annotations

import re

from catalog.certificates import folded, proving
from catalog.labs import normal_lab
from ingest.feeds import nature, values
from ingest.feeds.pricelist import artefacts
from ingest.feeds.pricelist.columns import Cells
from ingest.feeds.values import Reader

#: What is with a laboratory has no report of it.
_UNGRADED = re.compile(r"\b(?:PENDING|APPLIED|AWAIT\w*|SENT TO|IN PROCESS|SUBMITTED)\b", re.IGNORECASE)
#: The laboratory that a cell names.
lab = Reader(lambda cell: None if _UNGRADED.search(cell) else _named_lab(cell))


def certificate_of(cells: Cells) -> str | None:
    """The number of the row's certificate as numbers are compared."""
    return folded(certificate_number(cells))


def report_of(cells: Cells) -> tuple[str | None, str | None]:
    """The laboratory of the row's certificate and its number as numbers are compared, None if it proves nothing."""
    of_column, number_beside = laboratory(cells["lab"])
    number, named = certified(cells["certificate_number"] or number_beside, cells["certificate"])
    return named or lab[of_column] or lab[cells["certificate"]], proving(number)


def certificate_url(cells: Cells) -> str | None:
    """The address of the row's report."""
    for field in ("certificate_url", "certificate", "certificate_number"):
        cell = cells[field]
        if cell and (address := values.url(cell)):
            return address
    return None


def certificate_number(cells: Cells) -> str | None:
    """The number of the row's certificate as it is written."""
    return certified(cells["certificate_number"] or laboratory(cells["lab"])[1], cells["certificate"])[0]


def certified(number: str, certificate: str) -> tuple[str | None, str | None]:
    """The number of the certificate and the laboratory before it.

    A column "Certificate" may hold it, a laboratory or a link.
    """
    if not number:
        if not certificate:
            return None, None
        number = certificate if any(map(str.isdigit, certificate)) else ""
    if number.isdigit():
        return values.number_text(number, 64), None
    if not any(map(str.isdigit, number)):
        # "pending", "in lab".
        return None, None
    if "://" in number:
        named, number = artefacts.of_report_link(number)
        return number or None, named or None
    named, plain = artefacts.without_lab(artefacts.numbered(number))
    # A number that a spreadsheet has ruined is none; `Mapper.look` tells.
    return (None if artefacts.ruin(plain) else values.number_text(plain, 64)), normal_lab(named) if named else None


def laboratory(cell: str) -> tuple[str, str]:
    """The laboratory in a cell, and the number of a certificate beside it: "GIA 2411001101"."""
    if not cell[-1:].isdigit():
        return cell, ""
    named, number = artefacts.without_lab(cell)
    return (named, number) if named else (cell, "")


def _named_lab(cell: str) -> str | None:
    return normal_lab(nature.without_growth_of_lab(values.text(cell, 200) or ""))
