"""The result of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One ratio, measured in one run, with the absolute figures beside it.

    `goal` is a lower bound, or with `at_most` an upper one; None where there is none.
    """

    name: str
    ratio: float
    of: str
    detail: str
    goal: float | None = None
    at_most: bool = False

    @property
    def reached(self) -> bool:
        """Whether the goal is reached; true without one."""
        if self.goal is None:
            return True
        return self.ratio <= self.goal if self.at_most else self.ratio >= self.goal

    def line(self) -> str:
        """The figure as two lines for a terminal."""
        wanted = "" if self.goal is None else f"  (goal {'≤' if self.at_most else '≥'} {self.goal:g})"
        mark = " " if self.reached else "!"
        return f"{mark} {self.name:<42} {self.ratio:6.3f} × {self.of}{wanted}\n      {self.detail}"
