"""The control interface, by which tests, benchmarks and the demo steer the sandbox: JSON over HTTP.

GET  /control/stats          the books            POST /control/stats/reset   new books
GET  /control/faults         settings in force    POST /control/faults        replaces them all; {} clears
POST /control/inventory      changes stones       GET  /control/changes       ids of all stones changed so far
GET  /control/items          every item, one a line; ?labgrown=true|false&availability=AVAILABLE
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from ingest.sandbox import trade
from ingest.sandbox.faults import Faults, WrongFaults
from ingest.sandbox.supplier import InventoryChange, Supplier

_changes = msgspec.json.Decoder(InventoryChange)
_encoder = msgspec.json.Encoder()
#: Items in a piece of the stream.
_PIECE = 250


class Refusal(Exception):
    """A refused HTTP request: its status and a sentence."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def answer(supplier: Supplier, method: str, path: str, parameters: dict[str, str], body: bytes) -> Any:
    """The answer to a request below `/control`: something for JSON, or an iterator of lines. Raises `Refusal`."""
    match method, path:
        case "GET", "/stats":
            return supplier.accounting.stats()
        case "POST", "/stats/reset":
            supplier.accounting.reset()
            return supplier.accounting.stats()
        case "GET", "/faults":
            return supplier.fault_settings()
        case "POST", "/faults":
            try:
                return supplier.set_faults(Faults.read(body))
            except WrongFaults as error:
                raise Refusal(400, str(error)) from error
        case "POST", "/inventory":
            try:
                return supplier.change_inventory(_changes.decode(body or b"{}"))
            except msgspec.DecodeError as error:
                raise Refusal(400, str(error)) from error
        case "GET", "/changes":
            return supplier.changes()
        case "GET", "/items":
            return _items(supplier, parameters)
    raise Refusal(404, f"there is no {method} /control{path}")


def _items(supplier: Supplier, parameters: dict[str, str]) -> Iterator[bytes]:
    unknown = parameters.keys() - {"labgrown", "availability"}
    if unknown:
        raise Refusal(400, f"unknown parameter {min(unknown)!r}; known are labgrown and availability")
    labgrown = parameters.get("labgrown")
    if labgrown not in (None, "true", "false"):
        raise Refusal(400, f"labgrown must be true or false, not {labgrown!r}")
    availability = parameters.get("availability")
    if availability is not None and availability not in trade.AVAILABILITIES:
        raise Refusal(400, f"availability must be one of {', '.join(trade.AVAILABILITIES)}, not {availability!r}")
    return _lines(
        supplier,
        None if labgrown is None else labgrown == "true",
        None if availability is None else trade.AVAILABILITIES.index(availability),
    )


def _lines(supplier: Supplier, labgrown: bool | None, availability: int | None) -> Iterator[bytes]:
    items = supplier.items(labgrown=labgrown, availability=availability)
    while piece := list(islice(items, _PIECE)):
        yield _encoder.encode_lines(piece)
