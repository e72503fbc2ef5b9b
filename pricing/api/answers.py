"""What the answers of pricing's API have in common; each kind of them is described beside this."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from diamondhub.api import fields


class Moment(fields.Moment):
    """A moment as pricing has always written it, with its offset."""

    def to_representation(self, value: datetime | str) -> str:
        return value if isinstance(value, str) else value.isoformat()


class Amount(fields.Dollars):
    """Cents as dollars, which may be negative."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"help_text": "Dollars.", **options})

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": r"^-?[0-9]+\.[0-9]{2}$"}
