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
_SEEN = r"(?:DETECTED|FOUND|OBSERVED|SEEN|VISIBLE|APPARENT|EVIDENT|PRESENT|INDICATED)"
_NO = (
    rf"(?:NONE(?: (?:{_SEEN}|KNOWN|REPORTED|DISCLOSED|NOTED))?|NO|NIL|N|FALSE|0|NEGATIVE|ABSENT|UNTREATED|UNDETECTED"
    rf"|NOT (?:{_SEEN}|TREATED|DONE))"
)
_BEFORE = (
    r"(?:NO|NOT|NON|NIL|NONE|WITHOUT|NEVER|ZERO)(?: (?:ANY|KNOWN|DETECTED|VISIBLE|OTHER|INDICATIONS?|EVIDENCE|SIGNS?"
    r"|TRACES?|OF))*"
)
_DENIED = re.compile(
    # Behind a colon a no is one; else it may begin what comes next: "HPHT no BGM".
    rf"\b{_NAMES} ?(?:[:=?] ?{_NO}(?: {_NAMES})?(?![\w.]| / A)|\(? ?{_NO}\)?(?= ?(?:$|[,;|.)]| / | AND | & )))"
    rf"|\b{_BEFORE} {_NAMES}\b|\bUN(?:COATED|FILLED|DRILLED|ENHANCED|IRRADIATED|HEATED)\b"
)
_INSCRIBED = re.compile(
    r"\b(?:(?:LASER|GIRDLE) ?)*(?:INSCRI(?:PTIONS?(?: ?\(ED\))?|BED)|(?:LASER ?)?SCRIBED)\b"
    r"(?:\(ED\))?(?: (?:ONLY|ON GIRDLE|GIRDLE|NUMBER|NO\.?))*(?: ?[:=#]* ?(?:YES\b|Y\b|(?:[A-Z]{2,5} )?[A-Z]{0,3}\d[\w ]*))?"
)
#: What says nothing of treatments, alone or behind their names: "HPHT: N/A", "not applicable", "none".
_SILENT = re.compile(
    rf"(?:\b{_NAMES} ?[:=]? ?)?"
    r"\b(?:N / A|N\.?A\.?(?!\w)|(?:NOT|NONE) (?:APPLICABLE|SPECIFIED|STATED|DISCLOSED|KNOWN|REPORTED|NOTED)|UNKNOWN"
    r"|UNDISCLOSED|NONE|NO|NIL|AND|ONLY)\b"
)
#: Where nothing but treatments belongs: that there was none, that there was none of one kind, and what says nothing.
_NONE_SEEN = re.compile(
    rf"(?:NONE|NO|NOTHING|NOT) {_SEEN}|NO INDICATIONS?|NO (?:DISCLOSED|DETECTED|VISIBLE) (?:TREATMENTS?|ENHANCEMENTS?)"
    r"|(?:NONE|NO|NIL|UNTREATED)[ ,;/(]*(?:ALL )?(?:NATURAL(?: DIAMOND)?|AS MINED)\)?|AS MINED"
)
_NATURAL_COLOR = re.compile(
    r"(?:(?:NONE|NO|NIL)[ ,;/(]*)?(?:NATURAL (?:FANCY )?COLOU?R|COLOU?R(?: ORIGIN)? ?:? ?NATURAL)(?: ORIGIN)?\)?"
)
_ORDINARY = frozenset(
    {"NORMAL", "STANDARD", "REGULAR", "OK", "PASS", "PASSED", "CLEAN", "LI", "FREE", "ORIGINAL", "TBD", "PENDING"}
)
#: Codes of treatments where nothing else stands.
_CODE = re.compile(
    r"(?:CE|FF|YEHUDA|KM|LD|ILD|IRR|LASERED)(?: (?:TREATED|TREATMENT|LASER))?|LASER KM|KIDUAH( MEYUHAD)?"
)
#: The same between commas, where `FF` and others may be anything: "Eye clean, LD".
_CODE_AMONG_OTHERS = re.compile(r"(?:CE|KM|LD|ILD|IRR|LASERED)(?: (?:TREATED|TREATMENT|LASER))?|LASER KM")
_AMONG_OTHERS = re.compile(r" ?[,;|+&()] ?| / |\.(?: |$)")
_DENIED_PART = re.compile(rf"{_BEFORE} {_NAMES}")
#: Behind a grade for the eye or a word of a laser: "EYE CLEAN LD", "AFTER KM".
_CODE_BEHIND = re.compile(r"\b(?:EYE ?CLEAN|EC|AFTER|WITH|HAS|IS|INSCRIBED) (?:CE|LD|KM|ILD)$")
_DOTS = re.compile(r"\b([A-Z])\.([A-Z])\.?(?!\w)")
_TITLE = re.compile(r"^TREATMENTS? ?[:=]? ?")
_BETWEEN = re.compile(r" ?(?:[,;+&]| / | AND ) ?")


def without_denied(text: str) -> str:
    """A text without the treatments that it denies."""
    return _DENIED.sub(" ", text)


def without_inscribed(text: str) -> str:
    """A text without what it says of an inscription."""
    return _INSCRIBED.sub(" ", text)


def are_codes(text: str) -> bool:
    """Whether a text is nothing but codes of treatments: "CE", "LD & KM", "Treatment: CE"."""
    parts = _BETWEEN.split(_TITLE.sub("", text.replace(".", "")).strip())
    return all(map(_CODE.fullmatch, parts))


def names_code(text: str) -> bool:
    """Whether one of a text's parts is the code of a treatment and nothing else: "Eye clean, LD", "EC; CE"."""
    if _CODE_BEHIND.search(text):
        return True
    is_denied = False
    for part in _AMONG_OTHERS.split(_DOTS.sub(r"\1\2", text)):
        if _CODE_AMONG_OTHERS.fullmatch(part.strip()):
            # Of "no CE, LD" nothing tells how far the no reaches.
            if not is_denied:
                return True
        elif part.strip():
            is_denied = _DENIED_PART.fullmatch(part.strip()) is not None
    return False


def said_in_column(text: str) -> tuple[bool, bool] | None:
    """What a cell says where nothing but treatments belongs, if it is that there was none: whether it says so of any at all,
    and of one kind only. Both are false of words that say nothing ("Normal")."""
    text = text.strip(" .")
    if _NONE_SEEN.fullmatch(text):
        return True, False
    if _NATURAL_COLOR.fullmatch(text):
        return True, True
    return (False, False) if text in _ORDINARY else None


def denies_all(text: str) -> bool:
    """Whether a text says that nothing was done, and nothing else: "HPHT: none", "Treatment - no", "No laser drilling"."""
    rest = without_denied(text)
    return rest != text and not _left(rest)


def says_nothing(text: str) -> bool:
    """Whether a text says nothing of treatments: "N/A", "?", "Laser inscribed"."""
    return not _left(text) and not _DENIED.search(text)


def _left(text: str) -> bool:
    return any(map(str.isalnum, _SILENT.sub(" ", _INSCRIBED.sub(" ", text))))
