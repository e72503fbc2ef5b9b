"""What each field of a supplier's says of what a stone is: natural or grown, treated or not, one stone or several.

Each is read for itself (`Said`), by phrases, words and codes; what they say is brought together by `deciding_nature`.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from catalog import words
from catalog.grades import alone, fold, treatment_beside
from catalog.labs import KNOWN_LABS
from catalog.shapes import SPELLINGS, known_shape
from ingest.feeds import several, treatments, values
from ingest.feeds.values import Reader


class Said(NamedTuple):
    """What one field says: each None or empty where it says nothing of that."""

    grown: bool | None = None
    #: "CVD" or "HPHT".
    method: str | None = None
    treated: bool | None = None
    #: Whether it may speak of a grown stone or of something else, so that another field must say which.
    unclear: bool = False
    #: Whether it only hints at a grown stone, as a name or a prefix does, so that another field or the feed must say it.
    hints: bool = False
    #: "a parcel", "a pair" or the like, if it is not one stone.
    several: str = ""
    #: The name of what it is instead of a diamond.
    other: str = ""
    #: Whether it speaks of one treatment only, so that a no to it says nothing of the others.
    one_treatment: bool = False


SILENT = Said()
NATURAL, GROWN, HINT = Said(grown=False), Said(grown=True), Said(hints=True)
TREATED, UNTREATED = Said(treated=True), Said(treated=False)


#: Words that say alone how a stone was made, in the languages of the trade's towns.
_ALONE = {word: GROWN if meaning == "GROWN" else NATURAL for word, meaning in words.table("nature").items()}

#: Longest text that is read (characters): comments of any length come.
_MAX_LENGTH = 2_000

_WRITTEN_OUT = (
    (re.compile(r"HIGH PRESSURE(?:,| /)? (?:AND )?HIGH TEMPERATURE(?: ?\(HPHT\))?"), "HPHT"),
    (re.compile(r"CHEMICAL VAPOU?R DEPOSITION"), "CVD"),
    (re.compile(r"MPCVD"), "CVD"),
    (re.compile(r"\bHTHP\b"), "HPHT"),
    (re.compile(r"\bLABORATOR(?:Y|IES)\b"), "LAB"),
    (re.compile(r"\bMAN MADE\b"), "MANMADE"),
    (re.compile(r"\bPOSTGROWTH\b"), "POST GROWTH"),
    (re.compile(r"\bLAB(?=GROWN|CREATED|MADE)"), "LAB "),
)
#: Grown, in any text; then also where nothing but the kind of a stone belongs.
_GROWN_PHRASE = re.compile(
    r"\b(?:LAB (?:GROWN|CREATED|MADE|DIA(?:MOND)?S?)|MADE IN (?:A |THE )?LAB|LGD[RG]?|MANMADE"
    r"|LG (?:DIAMONDS?|DOSSIERS?|REPORTS?|STONES?)|(?:IGI|GIA|HRD|GCAL|GSI) LG"
    r"|SYNTHETIC|LABOR ?DIAMANT\w*|LABORGEZ(?:Ü|UE)CHTET\w*|SYNTHETISCH\w*|SYNTH[EÉ]TIQUES?|DE SYNTH[EÈ]SE"
    r"|LG ?\d{8,10}|\d{8,9} ?LG"
    r"|(?:DIAMOND |STONE )?(?<!REPORT )(?<!CERT )(?:TYPE|NATURE|KIND|ORIGIN) ?[:=] ?(?:LG|LAB)(?! (?:REPORT|CERT))"
    r"|(?:CULTURED|CREATED|GROWN|ECO) DIAMONDS?|AS GROWN|CVD|DIAMOND FOUNDRY|ABOVE GROUND"
    r"|(?:NOT|NON) (?:A )?NATURAL(?! (?:FANCY )?(?:COLOU?R|SHADE))"
    r"|HPHT (?:GROWN|GROWTH|CREATED)|(?:GROWN|CREATED|PRODUCED) (?:BY|USING|WITH|IN|VIA)|GROWTH (?:PROCESS|METHOD))\b"
)
_GROWN_WORD = re.compile(_GROWN_PHRASE.pattern + r"|\b(?:LAB|LG|GROWN|CREATED|CULTURED|ARTIFICIAL|HPHT)\b")
_NATURAL_PHRASE = re.compile(
    r"\b(?:NATURAL (?:DIAMONDS?|ORIGIN|EARTH|MINED)|100% NATURAL|EARTH MINED|MINED DIAMONDS?)\b"
)
_NATURAL_WORD = re.compile(r"\b(?:NATURAL|NAT|MINED|EARTH)\b")
_CODES = {"N": False, "ND": False, "NAT": False, "L": True, "LC": True, "LD": True, "LB": True, "M": None}
#: A natural stone of which a code says that it was treated.
_NATURAL_CODE = re.compile(r"(?:NATURAL|NAT|ND)[ /(,+]+(?:CE|C\.E\.?|KM|LD|ILD|IRR)\)?")
_POST_GROWTH = re.compile(r"\bPOST GROWTH\b")
_HPHT_DONE = (
    r"HPHT (?:PROCESS\w*|TREAT\w*|ANNEAL\w*|ENHANC\w*|COLOU?R\w*)"
    r"|(?:PROCESSED|TREATED|ENHANCED|ANNEALED|CHANGED|IMPROVED) (?:BY|USING|WITH|VIA|THROUGH) (?:THE |AN? )?HPHT"
)
_TREATED_PHRASE = re.compile(
    rf"\b(?:{_HPHT_DONE}|IRRADIAT\w+|LASER DRILL\w*|DRILLED|ANNEALED"
    r"|(?:FRACTURE|FISSURE|FEATHER|GLASS) FILL\w*|FILLED|(?:CLARITY|COLOU?R) (?:ENHANC|TREAT|IMPROV)\w*|ENHANCED|TREATED"
    r"|(?:CLARITY|CLR|COLOU?R|COL) ENH|(?:LASER|DRILL) ?HOLES?|HEAT TREAT\w*|ARTIFICIAL(?:LY)? COLOU?R\w*"
    r"|COLOU?R (?:IS |ORIGIN )?(?:BY|DUE TO|FROM) (?:TREATMENT|IRRADIATION|HPHT)"
    r"|(?:CLARITY|COLOU?R) (?:HAS|HAVE|WAS|IS)(?: BEEN)?(?: ARTIFICIALLY)? (?:ENHANCED|IMPROVED|CHANGED|ALTERED)"
    r"(?! (?:FROM|TO|ON) )"
    r"|COATED|SURFACE COAT\w*|BLEACHED|LASER LINES?|L\.?D\.? (?:VISIBLE|LINES?|HOLES?)|TREATMENTS? ?[:=] ?(?:YES|Y|TRUE)"
    r"|LASERED(?! (?:INSCRI|GIRDLE|ON|WITH|NUMBER|LOGO|NAME|HEARTS?))|KM (?:TREAT\w*|LASER\w*)|KIDUAH"
    r"|CE (?:YEHUDA|STONES?)|YEHUDA (?:CE|STONES?|FILL\w*)|IRRAD|HEATED|BELLATAIRE|GE POL"
    r"|(?:LASER ?)?BEHANDEL(?:T|D)E?[NRS]?|TRAIT[EÉ]E?S?)\b"
    r"|(?<![\w.])C\.E\.(?!\w)"
)
_UNTREATED_PHRASE = re.compile(
    r"\b(?:UNTREATED|AS GROWN"
    r"|(?:NO|NOT|NON|WITHOUT)(?: (?:ANY|INDICATIONS?|EVIDENCE|SIGNS?|OF))* (?:POST GROWTH )?"
    r"(?:TREATMENTS?|TREATED|ENHANCEMENTS?))\b"
)
_HPHT_TREATMENT = re.compile(rf"\b(?:{_HPHT_DONE})\b")
_GROWN_BY = re.compile(r"\b(?:GROWN|CREATED|PRODUCED|MADE) (?:BY|USING|WITH|IN|VIA) (?:\w+ ){0,4}?(CVD|HPHT)\b")
#: What stands before words that are denied, that are only spoken of, or that are only possible.
_DENIED = re.compile(
    r"\b(?:NO|NOT|NON|NEVER|WITHOUT|ISN'?T|KEINE?N?|NICHT|OHNE|PAS|SANS|GEEN|NIET|ZONDER|SENZA|SIN)"
    r"(?: (?:DE|DIAMANTS?|AN?|ANY|BEEN|INDICATIONS?|EVIDENCE|SIGNS?|TRACES?|OF|CVD|HPHT|SYNTHETIC|OR|AND))*\W*$"
)
_SPOKEN_OF = re.compile(
    r"\b(?:(?:TESTED|SCREENED|CHECKED) (?:FOR|AGAINST|WITH|BY|ON|IN|USING)|PASS(?:ED|ES)?|FREE (?:OF|FROM)"
    r"|AS|LIKE|TO|THAN|FROM)"
    r"(?:[ /&]+(?:AN?|ANY|ALL|THE|CVD|HPHT|OR|AND|SYNTHETIC))*\W*$"
)
_TESTED = re.compile(
    r"\W*(?:(?:HPHT|CVD|AND|OR)\W+)*(?:(?:SCREEN(?:ING)?|TEST(?:ING)?|CHECK)\W+(?:OK|CLEAR|PASS(?:ED)?|NEGATIVE)"
    r"|TESTED|SCREENED|CHECKED|FREE|NEGATIVE|PASS(?:ED)?)\b"
)
_SAYS_NO = re.compile(r"[^:=\w]*(?:DIAMOND)?\s*[:=?]\s*(?:NO|NONE|NIL|N|FALSE|0)\b")
#: The same at the end of a text or a part of it, of what a list says of every stone: "Labgrown N".
_ENDS_WITH_NO = re.compile(r"(?: DIAMOND)? \(?(?:NO|N)\)?(?:$| ?[,;|])")
_POSSIBLE = re.compile(r"\b(?:MAY|MIGHT|COULD|CAN|POSSIBL[EY])\b")

#: What is sold in the same lists, where nothing but the kind of a thing belongs.
_NO_STONE = re.compile(r"\b(?:ROUGH|JEWELL?E?RY|RINGS?|EARRINGS?|PENDANTS?|BRACELETS?|NECKLACES?|MOUNTINGS?)\b")
#: What rough is sorted by: what can be made of it, and how it has grown.
_ROUGH = re.compile(
    r"\b(?:ROUGHS?|SAWN|SAWA?BLES?|MAKE?ABLES?|OCTAHEDR\w+|DODECAHEDR\w+|CLEAVAGES?|MACC?LES?|RUN OF MINE)\b"
)
_MODEL = re.compile(rf"(?:{_ROUGH.pattern}|[ /,]|AND|CRYSTALS?|WHOLES?|STONES?)+")
_OTHER = re.compile(
    r"\b(?:MOISSANITES?|CUBIC ZIRCONIA|CZ|SIMULANTS?|SIMULATED|IMITATION|SAPPHIRES?|RUB(?:Y|IES)|ZIRCONS?)\b"
)

#: A number of IGI's for a grown stone, with or without the laboratory's name, or in a link to its report.
_GROWN_NUMBER = re.compile(
    r"(?:[A-Z]{2,5}[\s:#/-]*)?LGD?[\s-]?\d{3,}|(?:[A-Z]{2,5}[\s:#/-]*)?\d{6,}[\s-]?LG\b", re.IGNORECASE | re.ASCII
)
#: A letter before such a number, which some write for the two.
_HINTING_NUMBER = re.compile(r"L\d{9}", re.IGNORECASE | re.ASCII)
#: The same in the address of a report or a picture, or the kind of its stone by name.
_GROWN_ADDRESS = re.compile(
    r"(?<![a-z0-9])(?:lg\d{7,}|\d{7,}-?lg|lgdr|cvd|lab[-_ ]?(?:grown|created|made)(?:[-_ ]?diamonds?)?)(?![a-z0-9])",
    re.ASCII,
)
_HINTING_ADDRESS = re.compile(r"(?<![a-z0-9])lgd(?![a-z0-9])", re.ASCII)
_TREATED_ADDRESS = re.compile(r"(?<![a-z0-9])(?:(?:clarity|colou?r)[-_ ]?)?(?:enhanced|treated)(?![a-z0-9])", re.ASCII)
_NATURAL_ADDRESS = re.compile(r"(?<![a-z0-9])natural", re.ASCII)
_GROWN_HOST = re.compile(r"lab-?(?:grown|created|made)|(?<![a-z0-9])(?:lgd|cvd)(?![a-z0-9])", re.ASCII)
#: A stock number that says how its stone was made, and one that may: `LG-1015` may as well be somebody's initials.
_GROWN_STOCK = re.compile(r"(?<![A-Z])(?:CVD|LAB[-_ ]?GROWN)(?![A-Z])", re.ASCII)
_HINTING_STOCK = re.compile(
    r"(?:LGD?|LAB)(?=[-_ ./#]|\d)|.*(?<![A-Z])HPHT(?![A-Z])|.*[-_ ./#]LGD?(?:$|[-_ ./#])|.*\d{3}LGD?$"
    r"|.*\((?:LAB|LGD?)\)$",
    re.ASCII,
)
#: Grown stones in a name, and what of a name is no name.
_GROWN_NAME = re.compile(
    r"\b(?:LAB (?:GROWN|CREATED|MADE|DIAMONDS?)|LGD|MANMADE|SYNTHETICS?|(?:CULTURED|GROWN|ECO) DIAMONDS?|CVD|HPHT"
    r"|DIAMOND FOUNDRY)\b"
)
_NO_NAME = re.compile(r"\b(?:DIAMONDS?|STONES?|TYPE|GROWN|AND)\b|[^A-Z0-9]")
#: Brands of clarity enhanced and of HPHT treated stones.
_TREATED_BRAND = re.compile(r"\b(?:YEHUDA|BELLATAIRE)\b")
#: What a brand of grown stones has in its name.
_HINTING_BRAND = re.compile(r"\b(?:LGD?|LIGHTBOX|ALTR)\b")
_LABS = "(?:" + "|".join(KNOWN_LABS) + ")"
#: A laboratory with what its reports are of written to it: "IGILG", "LGIGI".
_NAME_OF_LAB = re.compile(_LABS)
_GROWN_LAB = re.compile(rf"(?:{_LABS}LG[DR]?|LG[DR]?{_LABS})(?![A-Z])")
#: A laboratory's letter for reports of grown stones, or for one of its houses, and the word that may be a part of its name.
#: Where natural stones are graded most, "GIA Lab" is the laboratory.
_HINTING_LAB = re.compile(
    rf"\(L\)|(?<![A-Z])(?:(?!GIA|HRD|AGS){_LABS} LAB|{_LABS} ?\(LAB\)|(?!AGS){_LABS} (?:/ )?L|L (?!AGS){_LABS})"
    r"(?! ?[A-Z/.&])"
)
_HINT_OF_LAB = re.compile(r"\(L(?:AB)?\)|(?<![A-Z])(?:/ )?L(?:AB)?(?![A-Z])")
#: What a laboratory's report says of a treatment: "EGL CE", "GIA (treated)".
_TREATED_LAB = re.compile(
    rf"({_LABS}(?: (?:USA|ISRAEL|INTERNATIONAL|INT))?)[ (/,+&]*(?:CLARITY |COLOU?R )?"
    r"(?:CE|C\.E\.|KM|LD|TREATED|TREATMENT|ENHANCED|LASERED|IRRADIATED|YEHUDA|HPHT TREATED)\)?"
)
_HPHT_LAB = re.compile(rf"{_LABS}[ (/]*HPHT\)?")
# The look behind stands after the letters, so that it is asked only where they are.
_GROWN_LINK = re.compile(r"[Ll][Gg](?<![A-Za-z0-9]..)\d{7,}", re.ASCII)

#: Treatment of any kind, by its name.
_TREATMENT = re.compile(r"\b(?:TREATMENTS?|TREATED|ENHANCEMENTS?)\b")
_NO_TREATMENT = frozenset(
    {"NO", "N", "NONE", "NIL", "NT", "NOTTREATED", "UNTREATED", "NATURAL", "FALSE", "0", "NOTREATMENT"}
    | {"UNBEHANDELT", "UNBEHANDELD", "NONTRAITE", "NONTRAITÉ"}
)


def _words(cell: str) -> str:
    text = re.sub(r"[-‐-―_\s]+", " ", cell[:_MAX_LENGTH].upper()).replace("/", " / ").strip()
    for written_out, short in _WRITTEN_OUT:
        text = written_out.sub(short, text)
    return text


def _kind(cell: str) -> Said:
    """A field in which nothing but the kind of a stone belongs: "Lab-Grown HPHT", "Natural", "CVD", "LG"."""
    text = _words(cell)
    if text in _CODES:
        return Said(grown=_CODES[text])
    said = _ALONE.get(fold(cell)) or _read(text, _GROWN_WORD, _NATURAL_WORD)
    return said._replace(treated=True) if _NATURAL_CODE.fullmatch(text) else said


def is_natural(cell: str) -> bool:
    """Whether a cell says that a stone is natural, and nothing else."""
    return _ALONE.get(fold(cell)) is NATURAL


def _read(text: str, grown_words: re.Pattern[str], natural_words: re.Pattern[str]) -> Said:
    treated, treated_as_grown = _treatment(text)
    text = treatments.without_denied(text)
    without = _HPHT_TREATMENT.sub(" ", text) if not _GROWN_BY.search(text) else text
    sides = {grown for grown, pattern in ((True, grown_words), (False, natural_words)) if _affirmed(pattern, without)}
    sides |= {
        not grown for grown, pattern in ((True, grown_words), (False, natural_words)) if _denied(pattern, without)
    }
    if treated_as_grown:
        sides.add(True)
    methods = {method for method in ("CVD", "HPHT") if re.search(rf"\b{method}\b", without)}
    grown = sides == {True}
    bare = "HPHT" in methods and not sides and _affirmed(re.compile(r"\bHPHT\b"), without)
    return Said(
        grown=next(iter(sides)) if len(sides) == 1 else None,
        method=next(iter(methods)) if grown and len(methods) == 1 else None,
        treated=treated,
        unclear=len(sides) == 2 or bare,
        several=several.in_text(text),
    )


def _affirmed(pattern: re.Pattern[str], text: str) -> bool:
    return any(
        not _DENIED.search(text, 0, match.start())
        and not _SPOKEN_OF.search(text, 0, match.start())
        and not _says_no(text, match)
        and not ("NATURAL" not in match[0] and _TESTED.match(text, match.end()))
        for match in pattern.finditer(text)
    )


def _says_no(text: str, match: re.Match[str]) -> bool:
    return _SAYS_NO.match(text, match.end()) is not None or (
        "NATURAL" not in match[0] and _ENDS_WITH_NO.match(text, match.end()) is not None
    )


def _denied(pattern: re.Pattern[str], text: str) -> bool:
    return any(
        (_DENIED.search(text, 0, match.start()) is not None or _says_no(text, match))
        and match[0] not in ("AS GROWN", "CVD", "HPHT")
        and "INDICATION" not in text[max(0, match.start() - 20) : match.start()]
        for match in pattern.finditer(text)
    )


def _treatment(text: str) -> tuple[bool | None, bool]:
    """Whether a text says that a stone was treated, and whether it speaks of treatment after growth."""
    after_growth = _POST_GROWTH.search(text) is not None
    if _UNTREATED_PHRASE.search(text):
        return False, after_growth
    text = treatments.without_denied(text)
    for match in _TREATED_PHRASE.finditer(text):
        before = text[: match.start()]
        if not (_DENIED.search(before) or _POSSIBLE.search(before) or _GROWN_BY.search(text)):
            return True, after_growth
    if after_growth and not _POSSIBLE.search(text):
        return True, True
    return None, after_growth


def _flag(cell: str, yes: Said, no: Said) -> Said:
    said = values.yes_or_no(cell)
    if said is not None:
        return yes if said else no
    return _named(cell)


def _named(cell: str) -> Said:
    said, text = _kind(cell), _words(cell)
    other = _OTHER.search(text) or _NO_STONE.search(text)
    return said._replace(several=several.in_kind(text) or said.several, other=other[0].lower() if other else "")


def _said_of_material(cell: str) -> Said:
    said, gem = _named(cell), _GEM.search(_words(cell))
    return said._replace(other=gem[1].lower()) if gem and not said.other else said


def _said_of_treatment(cell: str) -> Said:
    """A field of its own for treatment: there HPHT is what was done to a stone, CVD how it was grown."""
    word, text = fold(cell), _words(cell)
    if word in _NO_TREATMENT:
        return Said(treated=False)
    if word in values.NOTHING or treatments.says_nothing(text):
        return SILENT
    if (none := treatments.said_in_column(text)) is not None:
        return Said(treated=False, one_treatment=none[1]) if none[0] else SILENT
    said = _read(text, _GROWN_PHRASE, _NATURAL_PHRASE)
    if said.treated is None and treatments.denies_all(text):
        # Of one treatment nothing follows for another.
        return said._replace(treated=False, one_treatment=_TREATMENT.search(text) is None, unclear=False)
    if said.grown and said.treated is None:
        return said
    possible = _POST_GROWTH.search(text) is not None and _POSSIBLE.search(text) is not None
    treated = said.treated if said.treated is not None or possible else True
    return said._replace(treated=treated, unclear=False)


def _said_of_one_treatment(cell: str) -> Said:
    """A column of one treatment: yes is a treatment, no says that it was not this one."""
    said = values.yes_or_no(cell)
    if said is None:
        word, text = fold(cell), _words(cell)
        none = treatments.said_in_column(text)
        if none is not None:
            said = False if none[0] else None
        elif word not in values.NOTHING and not treatments.says_nothing(text):
            is_denied = word in _NO_TREATMENT or treatments.denies_all(text) or _UNTREATED_PHRASE.fullmatch(text)
            said = not is_denied
    return SILENT if said is None else Said(treated=said, one_treatment=True)


#: A letter before or behind a shape, which some write for grown stones: "L-Round".
_HINTING_SHAPE = re.compile(r"^L (?=[A-Z]{3})|\(L\)")
#: The same without a space, where an L alone would be a long stone if it were not round.
_LETTERS_OF_SHAPE = re.compile(
    r"LGD?[. /]*(?P<behind>[A-Z]{2,})|(?P<before>[A-Z]{2,}?)[. /]*LGD?|L[. /]*(?P<round>[A-Z]{2,})"
)
_TREATED_SHAPE = re.compile(
    r"[ (/,]+(?:CE|C\.E\.|KM|LD|(?:CLARITY |COLOU?R |HPHT )?(?:TREATED|ENHANCED)|IRRADIATED|LASERED|LASER DRILLED|HEATED"
    r"|COATED|FRACTURE FILLED|YEHUDA)\)?$"
)


def _without_letters(text: str) -> str:
    """A known shape without letters that hint at a grown stone: "LGRD" and "L.RD" are RD; empty for nearly all."""
    if (named := _LETTERS_OF_SHAPE.fullmatch(text)) is None:
        return ""
    if named["round"]:
        return named["round"] if known_shape(named["round"]) == "ROUND" else ""
    rest = named["behind"] or named["before"]
    return rest if known_shape(rest) and text not in SPELLINGS else ""


def _said_of_shape(cell: str) -> Said:
    """A shape with what the stone is beside it: "LG ROUND", "Round (pair)"."""
    text = _words(cell)
    if _affirmed(_GROWN_WORD, text):
        return _named(cell)
    if stones := several.in_kind(text) or several.in_shape(text):
        return Said(several=stones)
    if _ROUGH.search(text):
        return Said(other="rough")
    if _HINTING_SHAPE.search(text) or _without_letters(text):
        return HINT
    if _TREATED_SHAPE.search(text):
        return TREATED
    other = _OTHER.search(text)
    return Said(other=other[0].lower()) if other else SILENT


def is_model_of_rough(cell: str) -> bool:
    """Whether a cell is a model of rough and nothing else: "Sawable", "Crystal", "Makeable / Maccle"."""
    return _MODEL.fullmatch(_words(cell)) is not None


#: Parts of words without which no phrase of a text says anything. One search for them takes a hundredth of reading the text,
#: and most of what laboratories remark has none.
_TELLING = re.compile(
    r"LAB|LG|MADE|SYNTH|CULTURED|CREATED|GROWN|ECO(?![A-Z])|CVD|FOUNDRY|ABOVE|NATURAL|HPHT|PRODUCED|GROWTH|HTHP|VAPO|PRESSURE"
    r"|MINED|EARTH|IRR|DRILL|ANNEAL|FILL|ENH|TREAT|IMPROV|COAT|CHANGED|ALTERED|BLEACH|LASER|VISIBLE|LINE|HOLE|YEHUDA|KIDUAH"
    # What is before stands after the letters: what begins with one is found faster.
    r"|C\.?E\b(?<!\wCE)|L\.?D\b(?<![A-HJ-Z]LD)|K\.?M\b(?<!\wKM)"
    r"|ARTIFICIAL|SIMUL|MOISSANITE|ZIRCONIA|ROUGH|RING|STUD|PENDANT|BRACELET|NECKLACE"
    r"|BEHANDEL|TRAIT|TRATT?A|HEATED|BELLATAIRE|GE[\s_-]+POL|CE[\s_-]+STONE"
    rf"|{several.TELLING}"
)


def _said_in_text(cell: str) -> Said:
    """What a person or a laboratory wrote: phrases, or nothing but a code."""
    if len(cell.strip()) > _MAX_ALONE and not _TELLING.search(cell[:_MAX_LENGTH].upper()):
        return SILENT
    return _read_text(cell)


def _read_text(cell: str) -> Said:
    text = _words(cell)
    if (code := text.replace(".", "")) in _WHOLE_TEXTS:
        return _WHOLE_TEXTS[code]
    if len(cell) <= _MAX_ALONE and _ALONE.get(fold(cell)) is GROWN:
        # "Natural" alone is an inclusion there.
        return GROWN
    if treatments.are_codes(text):
        return TREATED
    said = _read(text, _GROWN_PHRASE, _NATURAL_PHRASE)
    if said.treated is None and treatments.names_code(text):
        said = said._replace(treated=True)
    if text in _SIMULANTS or _affirmed(_NO_DIAMOND, text):
        named = _NO_DIAMOND.search(text)
        said = said._replace(other=(named[0] if named else text).lower())
    return said


def _said_of_lab(cell: str) -> Said:
    """A laboratory with the kind of its report behind it: "IGI-LG", "GIA (Lab Grown)"."""
    text = _words(cell)
    if (
        re.search(r"\b(?:LG|LGD[RG]?|LABGROWN|LAB GROWN|CVD|GROWN)\b", text)
        or _GROWN_LAB.match(text)
        or text.endswith("CVD")
    ):
        return GROWN
    if _TREATED_LAB.fullmatch(text):
        return TREATED
    if _HPHT_LAB.fullmatch(text):
        return Said(unclear=True)
    return HINT if _HINTING_LAB.search(text) else SILENT


#: Behind a grade, it may be the laboratory's or of a stone of a laboratory.
_LAB_BEHIND = re.compile(r"^[A-Z]{1,4}[1-3]? ?[-(/]* ?LAB\)?$")


def _said_of_grade(cell: str) -> Said:
    """A grade with what the stone is beside it: "E (CVD)", "VS1 LG", "SI1 CE"."""
    text = treatments.without_inscribed(_words(cell))
    said = _said_of_lab(cell)
    if said is SILENT and _LAB_BEHIND.search(text):
        said = HINT
    beside = treatment_beside(text)
    if beside and beside != "HPHT" and (said.grown or not _denied(re.compile(rf"\b{re.escape(beside)}\b"), text)):
        said = said._replace(treated=True)
    return said._replace(unclear=True) if not said.grown and re.search(r"\bHPHT\b", text) else said


def _said_by_name(cell: str) -> Said:
    """The name of a house or a brand: "Lumen Lab Grown Diamonds" may deal in natural stones as well, "CVD" is no name."""
    text = _words(cell)
    if not _affirmed(_GROWN_NAME, text):
        return SILENT
    rest = _NO_NAME.sub(" ", _GROWN_NAME.sub(" ", text)).strip()
    return HINT if rest or "HPHT" in text else GROWN


def _said_by_brand(cell: str) -> Said:
    """The same of a brand, which may also be one of treated stones."""
    said, text = _said_by_name(cell), _words(cell)
    if said is SILENT and _HINTING_BRAND.search(text):
        said = GROWN if _ALONE.get(fold(cell)) is GROWN else HINT
    treated = _treatment(text)[0] or _TREATED_BRAND.search(text) is not None
    return said._replace(treated=True) if treated else said


def _said_of_origin(cell: str) -> Said:
    """Where a stone comes from: a country says nothing of what it is, "LAB-CREATED" is no country."""
    said = _kind(cell) if len(cell.strip()) > 2 or cell.strip().upper() == "LG" else SILENT
    return said._replace(several="")


def quiet(read: Said) -> Said:
    """What says nothing as `SILENT` itself, which readers of many rows compare by identity."""
    return SILENT if read == SILENT else read


#: Longest word that is read alone in a remark (characters).
_MAX_ALONE = 30
#: Remarks of one word that a sentence may well have in another sense.
_WHOLE_TEXTS = {
    **dict.fromkeys(("LAB", "LG", "L / G", "LGD", "SYNTH", "ECO", "GROWN"), GROWN),
    "HYBRID": Said(unclear=True),
    **{
        f"{of}{what} {kind}": GROWN
        for of in ("", "DIAMOND ", "STONE ")
        for what in ("TYPE", "NATURE", "KIND")
        for kind in ("LG", "LAB")
    },
}
#: What is no polished diamond, at any place of a text, or at its beginning.
_NO_DIAMOND = re.compile(
    r"\b(?:MOISSANITES?|CUBIC ZIRCONIA|SIMULANTS?|SIMULATED (?:DIAMONDS?|STONES?)"
    r"|ROUGH (?:MAKE?ABLES?|SAWABLES?|DIAMONDS?|STONES?))\b"
    r"|^(?:(?:DIAMOND|GOLD|PLATINUM|\d+ ?KT?) )+(?:RINGS?|STUDS?|EARRINGS?|PENDANTS?|BRACELETS?|NECKLACES?)\b(?! QUALITY)"
)
_SIMULANTS = frozenset({"SIMULATED", "CZ", "WHITE SAPPHIRE", "SAPPHIRE", "RUBY", "WHITE TOPAZ", "SIMULANT"})
#: Other gems, where no shape is named.
_GEM = re.compile(
    r"^(?!.*DIAMOND).*\b(EMERALDS?|TOPAZ|TANZANITES?|QUARTZ|AMETHYSTS?|SPINELS?|GARNETS?|PEARLS?|OPALS?|TOURMALINES?"
    r"|AQUAMARINES?|ALEXANDRITES?|MORGANITES?|PERIDOTS?|CITRINES?|GLASS)\b"
)

#: Whether a stone was grown, by a flag or by its kind.
of_grown_flag = Reader(lambda cell: quiet(_flag(cell, GROWN, NATURAL)))
#: The same of a field that asks whether it is natural.
of_natural_flag = Reader(lambda cell: quiet(_flag(cell, NATURAL, GROWN)))
#: A field of two kinds, "natural / lab-grown": a bare yes does not say to which of them.
of_either = Reader(lambda cell: quiet(_flag(cell, Said(unclear=True), NATURAL)))
#: How it was grown.
of_growth = Reader(lambda cell: SILENT if values.yes_or_no(cell) is not None else quiet(_named(cell)))
#: Of what it is: "Diamond", "Moissanite", "Emerald", which is no shape there.
of_material = Reader(lambda cell: quiet(_said_of_material(cell)))
of_origin = Reader(lambda cell: quiet(_said_of_origin(cell)))
of_treatment = Reader(lambda cell: quiet(_said_of_treatment(cell)))
#: A flag of one treatment: "HPHT", "Irradiated", "Laser drilled".
of_treatment_flag = Reader(lambda cell: quiet(_said_of_one_treatment(cell)))
#: What a person or a laboratory wrote about it, and the title of a report.
of_text = Reader(lambda cell: quiet(_said_in_text(cell)))
#: A cell of a grade with what the stone is beside it: "E (CVD)", "VS1 LG", "SI1 CE".
of_grade = Reader(lambda cell: quiet(_said_of_grade(cell)))
#: A supplier's name, and a brand's.
of_name = Reader(lambda cell: quiet(_said_by_name(cell)))
of_brand = Reader(lambda cell: quiet(_said_by_brand(cell)))
of_shape = Reader(lambda cell: quiet(_said_of_shape(cell)))
of_lab = Reader(lambda cell: quiet(_said_of_lab(cell)))


def of_certificate(number: str) -> Said:
    """The number of a certificate: IGI puts `LG` before those of grown stones."""
    # Every number is another: no cache would help.
    if number.isdigit():
        return SILENT
    if _GROWN_NUMBER.match(number):
        return GROWN
    return HINT if _HINTING_NUMBER.fullmatch(number) else SILENT


def may_name_kind(text: str) -> bool:
    """Whether stock numbers or addresses in a text are worth reading: nearly none are."""
    text = text.lower()
    return "lg" in text or "cvd" in text or "lab" in text or "hpht" in text or "enhanced" in text or "treated" in text


def of_stock_number(number: str) -> Said:
    """A stock number with the kind of its stone: `LG-CVD-1015` was grown, `LG-1015` may have been."""
    number = number.upper()
    if _GROWN_STOCK.search(number):
        return GROWN
    return HINT if _HINTING_STOCK.match(number) else SILENT


def of_address(address: str) -> Said:
    """The address of a report or a picture: its path may say how the stone was made, its host only who says so."""
    address = address.lower()
    host, _, path = address.partition("://")[2].partition("/") if "://" in address else ("", "", address)
    if _GROWN_ADDRESS.search(path):
        said = HINT if _NATURAL_ADDRESS.search(path) else GROWN
    else:
        said = HINT if _HINTING_ADDRESS.search(path) or _GROWN_HOST.search(host) else SILENT
    return said._replace(treated=True) if _TREATED_ADDRESS.search(path) else said


def of_link(address: str) -> Said:
    """The address of a report, which often has its number."""
    return GROWN if ("LG" in address or "lg" in address) and _GROWN_LINK.search(address) else SILENT


def without_growth(shape: str) -> str:
    """A shape without the words that say that the stone was grown: "LG ROUND" is "ROUND"."""
    text = _words(shape)
    rest = _without_letters(text) or _TREATED_SHAPE.sub("", text)
    if rest != text and known_shape(rest):
        return rest
    return re.sub(r"\s+", " ", _GROWN_WORD.sub(" ", text)).strip(" -/()") if _GROWN_WORD.search(text) else shape


def without_growth_of_lab(lab: str) -> str:
    """A laboratory without the kind of its reports: "IGI-LG", "GIA (Lab Grown)" and "IGI (L)" are IGI and GIA."""
    if _said_of_lab(lab) is SILENT:
        return lab
    text = _words(lab)
    if treated := _TREATED_LAB.fullmatch(text):
        return treated[1]
    if _GROWN_LAB.match(text) and (named := _NAME_OF_LAB.search(text)):
        return named[0]
    return without_growth(_HINT_OF_LAB.sub(" ", text) if _HINTING_LAB.search(text) else lab.upper()).strip()


def grade_alone(grade: str) -> str:
    """A grade without what is written beside it, such as that the stone was grown: "VS1 LG" is VS1."""
    if "LASER" in grade.upper() or "INSCR" in grade.upper():
        grade = treatments.without_inscribed(_words(grade)).strip()
    return alone(without_growth(grade) if _said_of_grade(grade).grown or _LAB_BEHIND.search(_words(grade)) else grade)
