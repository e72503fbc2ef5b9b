"""The kinds of problems that the catalogue's API answers with, besides those that any operation has."""

from __future__ import annotations

from http import HTTPStatus

from diamondhub.api.kinds import Kind, declare

declare(
    Kind(
        "changes-gone",
        HTTPStatus.GONE,
        "The changes since that version are not known any more",
        "The log of changes is kept for some days. The version that was asked for is older, or is none of this catalogue's: "
        "its database was restored from a backup since.",
        "Take the whole stock once more, by an export or by paging through a search, and follow the changes after the "
        "`dataset_version` that it came with.",
    ),
)
