"""Ids and certificate numbers of the sandbox's stones: computed from the stone's number, and back, without a table.

`ingest.sandbox.rendering` makes them; queries by id and holds read them.
"""

from __future__ import annotations

import re

import numpy as np

from ingest.sandbox import chance

_NODES = 1 << 48
#: Any odd number permutes the 48 bits; this one scatters neighbours.
_STEP = 0x9E3779B97F4B
_BACK = pow(_STEP, -1, _NODES)
#: A prime: multiplying by anything permutes the numbers below it.
_CERTIFICATES = 8_999_999_993
_CERTIFICATE_STEP = 2_654_435_761
_CERTIFICATE_BACK = pow(_CERTIFICATE_STEP, -1, _CERTIFICATES)
_MIN_CERTIFICATE = 1_000_000_000

_UUID = re.compile(r"(?:DIAMOND/)?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-([0-9a-f]{12})", re.ASCII)


class Identity:
    """The ids and certificate numbers of the stones of one seed."""

    def __init__(self, seed: int) -> None:
        stone, offer, certificate, number = (
            int(value) for value in chance.bits(seed, "identity", np.arange(4, dtype=np.int64))
        )
        self._seed = seed
        self._nodes = {"stone": stone % _NODES, "offer": offer % _NODES, "certificate": certificate % _NODES}
        self._number = number % _CERTIFICATES

    def uuids(self, kind: str, stones: list[int]) -> list[str]:
        """The UUIDs of stones; `kind` is "stone", "offer" or "certificate"."""
        start = self._nodes[kind]
        heads = chance.bits(self._seed, kind, np.array(stones, dtype=np.int64)).tolist()
        return [_uuid(head, (stone * _STEP + start) % _NODES) for stone, head in zip(stones, heads, strict=True)]

    def stone_of(self, text: str) -> int | None:
        """The number of the stone with a stone's or offer's id; None if it is no such id. The number may be too high."""
        kind = "offer" if text.startswith("DIAMOND/") else "stone"
        match = _UUID.fullmatch(text)
        if not match:
            return None
        stone = (int(match[1], 16) - self._nodes[kind]) * _BACK % _NODES
        if stone >= 1 << 32:
            return None
        return stone if self.uuids(kind, [stone])[0] == text.removeprefix("DIAMOND/") else None

    def certificate_number(self, stone: int) -> int:
        """Ten digits, different for every stone."""
        return _MIN_CERTIFICATE + (stone * _CERTIFICATE_STEP + self._number) % _CERTIFICATES

    def stone_certified(self, text: str) -> int | None:
        """The stone that a certificate's number (with or without letters before it) may belong to."""
        match = re.fullmatch(r"[A-Z]*(\d{10})", text, re.ASCII)
        if not match:
            return None
        number = int(match[1]) - _MIN_CERTIFICATE
        return (number - self._number) * _CERTIFICATE_BACK % _CERTIFICATES


def _uuid(head: int, node: int) -> str:
    # Version 4, variant 1, like every random UUID.
    text = f"{head:016x}"
    return f"{text[:8]}-{text[8:12]}-4{text[12:15]}-{'89ab'[head & 3]}{text[13:16]}-{node:012x}"
