"""What the answers of ingestion's API have in common; each kind of them is described beside this, with an example.

Views give plain objects, which the commands' reports are as well; a test holds them against these.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from diamondhub.api import fields
from diamondhub.api.answers import Answer

#: The moment in examples.
AT = "2026-11-28T02:00:00.000000Z"
COSTS = "Null without the scope `pricing:read`."


class Cost(fields.Dollars):
    """Cents as dollars, or null for whom must not see what stones cost."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, allow_null=True, **{"help_text": f"Dollars. {COSTS}", **options})


@cache
def links(*names: str) -> type[Answer]:
    """Addresses of what belongs to an answer, by these names."""
    return type(
        f"{''.join(name.title().replace('_', '') for name in names)}Links",
        (Answer,),
        {"__doc__": "Addresses of what belongs to it.", **{name: fields.Text() for name in names}},
    )
