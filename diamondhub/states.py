"""State machines as tables, and the one function that moves a row from one state to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Model


class IllegalMove(Exception):
    """The table of moves does not allow this transition; this is a bug of the caller."""


@dataclass(frozen=True)
class StateMachine:
    """Allowed moves: from each state to the states that may follow it. A state without followers is final."""

    moves: Mapping[str, frozenset[str]]

    @property
    def final(self) -> frozenset[str]:
        """The states without followers."""
        return frozenset(state for state, after in self.moves.items() if not after)

    @property
    def live(self) -> frozenset[str]:
        """The states that are not final."""
        return frozenset(self.moves) - self.final

    def move(self, row: Model, to: str, /, **changes: Any) -> bool:
        """Move `row` from the state it was read in to `to`, in one guarded UPDATE that also writes `changes`.

        Returns False, and changes nothing, if somebody else moved the row first. Raises `IllegalMove` if the table does
        not allow the move.
        """
        was = row.state  # type: ignore[attr-defined]
        if to not in self.moves[was]:
            raise IllegalMove(f"{type(row).__name__} {row.pk}: {was} → {to}")
        moved = type(row)._default_manager.filter(pk=row.pk, state=was).update(state=to, **changes) == 1
        if moved:
            row.state = to  # type: ignore[attr-defined]
            for name, value in changes.items():
                setattr(row, name, value)
        return moved
