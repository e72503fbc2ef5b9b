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
declare(
    Kind(
        "view-unusable",
        HTTPStatus.SERVICE_UNAVAILABLE,
        "What your client may see is not known",
        "The operator has set a view of the catalogue for your client, and it cannot be kept to: there is no rate of "
        "exchange for its currency, for example. Nothing is shown rather than too much.",
        "Tell the operator; ask again later, after `Retry-After` seconds.",
    ),
)
