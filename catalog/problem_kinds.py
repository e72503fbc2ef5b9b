"""What can be wrong with the catalogue: the index of its searches."""

from __future__ import annotations

from diamondhub.operations.problems.kinds import Kind, Severity, declare


def _health(_target: str) -> str:
    return "/health/status"


declare(
    Kind(
        "index-behind",
        "A host's index is behind",
        Severity.WARNING,
        found="web processes of a host have had nobody for a minute who keeps their index, or its builder fails or is too"
        " far behind for searches to use it",
        ends="by itself, when the index is kept up again, or when nobody searches there any more",
        permission="catalog.view_diamond",
        link=_health,
    ),
)
