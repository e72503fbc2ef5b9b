"""What a text says of treatments, without those that it denies: "HPHT: none", "Laser drilled - no", "uncoated".

Texts are upper case with single spaces, as `nature` reads them. An inscription is made by a laser, and is no treatment.
"""

from __future__ import annotations

import re

#: What is done to stones, by its names.
_NAME = (
    r"(?:HPHT|CVD|TREATMENTS?|TREATED|ENHANCEMENTS?|ENHANCED|LASERED|LASER|DRILL(?:ED|ING)?|IRRADIAT(?:ED|ION)|COAT(?:ED|ING)"
    r"|FILL(?:ED|ING)|ANNEAL(?:ED|ING)|BLEACH(?:ED|ING)|HEAT(?:ED|ING)?|C\.?E\.?|L\.?D\.?|K\.?M\.?|YEHUDA)"
)
#: The same with what stands around it: "HPHT / CVD TREATMENT", "LASER DRILLING", "CLARITY ENHANCED".
_NAMES = (
    rf"(?:(?:POST GROWTH|CLARITY|COLOU?R|FRACTURE|FISSURE|FEATHER|GLASS|SURFACE|INTERNAL) )*{_NAME}"
    rf"(?:(?: / | OR | NOR | )(?:(?:CLARITY|COLOU?R|FRACTURE|SURFACE) )*{_NAME}"
    r"|(?: (?:PROCESS(?:ED|ING)?|HOLES?|LINES?|STATUS|DETECTED|FOUND|VISIBLE)))*"
)
_NO = (
    r"(?:NONE(?: (?:DETECTED|KNOWN|FOUND|REPORTED))?|NO|NIL|N|FALSE|0|NEGATIVE|ABSENT|UNTREATED|UNDETECTED"
    r"|NOT (?:DETECTED|FOUND|TREATED|PRESENT|DONE))"
)
_BEFORE = (
    r"(?:NO|NOT|NON|NIL|NONE|WITHOUT|NEVER|ZERO)(?: (?:ANY|KNOWN|DETECTED|VISIBLE|OTHER|INDICATIONS?|EVIDENCE|SIGNS?"
    r"|TRACES?|OF))*"
)
_DENIED = re.compile(
    # Behind a colon a no is one; else it may begin what comes next: "HPHT no BGM".
    rf"\b{_NAMES} ?(?:[:=] ?{_NO}(?: {_NAMES})?(?![\w.]| / A)|\(? ?{_NO}\)?(?= ?(?:$|[,;|.)]| / | AND | & )))"
    rf"|\b{_BEFORE} {_NAMES}\b|\bUN(?:COATED|FILLED|DRILLED|ENHANCED|IRRADIATED|HEATED)\b"
)
_INSCRIBED = re.compile(
    r"\b(?:(?:LASER|GIRDLE) ?)*(?:INSCRI(?:PTIONS?(?: ?\(ED\))?|BED)|(?:LASER ?)?SCRIBED)\b"
    r"(?:\(ED\))?(?: (?:ONLY|ON GIRDLE|GIRDLE|NUMBER|NO\.?))*(?: ?[:=#]* ?(?:YES\b|Y\b|(?:[A-Z]{2,5} )?[A-Z]{0,3}\d[\w ]*))?"
)
#: What says nothing of treatments, alone or behind their names: "HPHT: N/A", "not applicable", "none".
_SILENT = re.compile(
    rf"(?:\b{_NAMES} ?[:=]? ?)?"
    r"\b(?:N / A|N\.?A\.?(?!\w)|NOT (?:APPLICABLE|SPECIFIED|STATED|DISCLOSED|KNOWN)|UNKNOWN|NONE(?: KNOWN)?|NO|NIL|AND"
    r"|ONLY)\b"
)
#: Codes of treatments where nothing else stands.
_CODE = re.compile(r"(?:CE|FF|YEHUDA|KM|LD|ILD|LASERED)(?: (?:TREATED|TREATMENT|LASER))?|LASER KM|KIDUAH( MEYUHAD)?")
_TITLE = re.compile(r"^TREATMENTS? ?[:=]? ?")
_BETWEEN = re.compile(r" ?(?:[,;+&]| / | AND ) ?")


def without_denied(text: str) -> str:
    """A text without the treatments that it denies."""
    return _DENIED.sub(" ", text)


def are_codes(text: str) -> bool:
    """Whether a text is nothing but codes of treatments: "CE", "LD & KM", "Treatment: CE"."""
    parts = _BETWEEN.split(_TITLE.sub("", text.replace(".", "")).strip())
    return all(map(_CODE.fullmatch, parts))


def denies_all(text: str) -> bool:
    """Whether a text says that nothing was done, and nothing else: "HPHT: none", "Treatment - no", "No laser drilling"."""
    rest = without_denied(text)
    return rest != text and not _left(rest)


def says_nothing(text: str) -> bool:
    """Whether a text says nothing of treatments: "N/A", "?", "Laser inscribed"."""
    return not _left(text) and not _DENIED.search(text)


def _left(text: str) -> bool:
    return any(map(str.isalnum, _SILENT.sub(" ", _INSCRIBED.sub(" ", text))))
