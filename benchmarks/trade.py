"""Stones as the index's arrays, with the trade's distributions: most of them round, lab-grown or of GIA and IGI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.fancy_colors import color_name
from catalog.index.attributes import (
    CERTIFICATE,
    Certificate,
    Digest,
    Form,
    Moment,
    Presence,
    Scaled,
    Truth,
    Whole,
    Word,
    forms,
)
from catalog.index.snapshot import Stones, missing
from catalog.models import Availability, Diamond
from catalog.shapes import KNOWN_SHAPES

#: When the stones are looked at.
NOW = datetime(2026, 6, 1, tzinfo=UTC)
_WORDS: Mapping[str, tuple[Sequence[str], Sequence[float]]] = {
    "shape": (KNOWN_SHAPES[:20], [0.4, 0.12, 0.08, 0.08, *[0.32 / 16] * 16]),
    "lab": (("IGI", "GIA", "GCAL", "HRD"), [0.5, 0.42, 0.05, 0.03]),
    "feed": (("nivoda-natural", "nivoda-labgrown", "list-one", "list-two"), [0.35, 0.45, 0.15, 0.05]),
    "availability": (tuple(Availability.values), [0.86, 0.04, 0.03, 0.02, 0.05]),
    "fancy_color": (tuple(filter(None, map(color_name, ("yellow", "pink", "blue", "green", "brown")))), [0.2] * 5),
    "growth_method": (("CVD", "HPHT"), [0.8, 0.2]),
    "fluorescence_color": (("BLUE", "YELLOW", "WHITE"), [0.9, 0.08, 0.02]),
    "supplier_name": (tuple(f"Supplier {number}" for number in range(400)), [1 / 400] * 400),
}
#: The share of stones that lack a value; of all other columns `_SOME`.
_LACKING = {
    "shape": 0.0, "lab": 0.03, "fancy_color": 0.95, "fancy_intensity": 0.95, "fancy_overtone": 0.98, "color": 0.03,
    "clarity": 0.01, "cut": 0.3, "fluorescence_color": 0.7, "growth_method": 0.5, "bowtie": 0.6,
}  # fmt: skip
_SOME = 0.1
#: How many grades there are in use, from the best on.
_GRADES = {"color": 12, "clarity": 11, "cut": 4, "polish": 3, "symmetry": 3, "fluorescence_intensity": 5, "rating": 10}


def trade(number: int, seed: int = 1) -> Stones:
    """So many stones; the same ones for the same seed."""
    dice = np.random.default_rng(seed)
    carats = np.round(np.clip(dice.lognormal(-0.1, 0.5, number), 0.18, 30) * 1000).astype(np.int64)
    price = np.maximum(1, np.round(carats / 1000 * dice.lognormal(6.8, 0.9, number) * 100)).astype(np.int64)
    cost = np.maximum(1, (price / 1.5).astype(np.int64))
    known: dict[str, NDArray[np.int64]] = {
        "carats": carats,
        "price_cents": price,
        "price_per_carat_cents": price * 1000 // carats,
        "cost_cents": cost,
        "cost_per_carat_cents": cost * 1000 // carats,
    }
    columns: dict[str, Any] = {}
    words: dict[str, Sequence[str]] = {}
    for name, form in forms().items():
        if name in known:
            columns[name] = known[name]
            continue
        if isinstance(form, Word):
            words[name] = _WORDS.get(name, (tuple(f"{name} {place}" for place in range(12)), ()))[0]
        columns[name] = _some_lack(dice, name, _drawn(dice, name, form, number))
    ids = dice.integers(0, 2**64, (2, number), np.uint64, endpoint=False)
    return Stones(ids[0], ids[1], columns, words)


def _drawn(dice: np.random.Generator, name: str, form: Form, number: int) -> NDArray[np.int64]:
    match form:
        case Word():
            among, shares = _WORDS.get(name, (range(12), [1 / 12] * 12))
            return dice.choice(len(among), number, p=shares)
        case Whole():
            return 1 + dice.binomial(_GRADES.get(name, 6) - 1, 0.4, number)
        case Scaled(places):
            return np.asarray(np.round(np.abs(dice.normal(60, 4, number)) * 10**places), np.int64)
        case Truth():
            return dice.integers(0, 2, number)
        case Presence():
            return np.ones(number, np.int64)
        case Moment():
            # Batches of a thousand stones in the last month.
            batch = dice.integers(0, max(1, number // 1000), number)
            batches = dice.integers(0, 30 * 86_400, max(1, number // 1000)) * 1_000_000
            return form.number(NOW - timedelta(days=30)) + np.asarray(batches[batch], np.int64)
        case Certificate():
            # One in ten has a certificate that another stone has as well.
            return _shared(dice, number)
        case Digest():
            return dice.integers(1, 2**63, number)


def _shared(dice: np.random.Generator, number: int) -> NDArray[np.int64]:
    certificates = np.arange(1, number + 1, dtype=np.int64)
    again = dice.random(number) < 0.1
    certificates[again] = dice.integers(1, number + 1, int(again.sum()))
    return certificates


def _nullable(name: str) -> bool:
    return name == CERTIFICATE or bool(Diamond._meta.get_field(name).null)


def _some_lack(dice: np.random.Generator, name: str, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    share = _LACKING.get(name, _SOME) if _nullable(name) else 0.0
    return np.where(dice.random(len(numbers)) < share, missing(np.int64), numbers) if share else numbers
