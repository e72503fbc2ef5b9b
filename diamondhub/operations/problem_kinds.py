"""What can be wrong with operations themselves: the sweep, its parts, looks, prunings, and tables made ahead."""

from __future__ import annotations

from diamondhub.operations.problems.kinds import Kind, Severity, declare

#: Who sees what is wrong with the machinery.
MACHINERY = "operations.view_problem"

declare(
    Kind(
        "sweep-late",
        "The sweep is late",
        Severity.CRITICAL,
        found="no sweep has ended for a minute: beat, or the worker of the queue `control`, is away or busy",
        ends="by itself, when a sweep has ended",
        permission=MACHINERY,
    ),
    Kind(
        "sweeper-failing",
        "A part of the sweep fails",
        Severity.CRITICAL,
        found="a part of the sweep has raised an error",
        ends="by itself, when that part has gone through",
        permission=MACHINERY,
    ),
    Kind(
        "look-failing",
        "A look for problems fails",
        Severity.CRITICAL,
        found="a function that looks for problems has raised an error, or took too long",
        ends="by itself, when the look has gone through",
        permission=MACHINERY,
    ),
    Kind(
        "prune-late",
        "Old data is not removed",
        Severity.WARNING,
        found="no pruning was completed within two days",
        ends="by itself, when a pruning is completed",
        permission=MACHINERY,
    ),
    Kind(
        "table-not-made-ahead",
        "A table's next piece is missing",
        Severity.WARNING,
        found="a table that is cut by days or months has no piece for the days to come",
        ends="by itself, when the sweep has made the piece",
        permission=MACHINERY,
    ),
)
