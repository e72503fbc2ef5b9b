"""Reading the log of changes: which stones changed after a version, in commit order, a page at a time.

A page names the stones of whole versions, or of the beginning of one; a place within a version is a stone's id, since the
stones of a change set are read in the order of their ids. Shown is what stones are now, so nobody who follows goes back in
time, and a stone that changes under a reader comes once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.db import connection

from catalog.changes import log

_FIRST_ID = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Place:
    """Behind a version, or behind one of its stones."""

    version: int
    stone: UUID | None = None


class ChangesGone(Exception):
    """The log lacks the changes after a version, which is too old or of another history.

    It has those after version `oldest`, up to `newest`.
    """

    def __init__(self, oldest: int, newest: int) -> None:
        super().__init__(f"the log reaches from version {oldest} to {newest}")
        self.oldest, self.newest = oldest, newest


@dataclass(frozen=True, slots=True)
class Changes:
    """A page: the stones with the version of each, in commit order, none twice.

    `through` is the version up to which all is in this page and those before it; `behind` is where the next page begins,
    None if this is the last. `newest` is the version of the catalogue.
    """

    stones: list[tuple[int, UUID]]
    through: int
    behind: Place | None
    newest: int


def read(after: Place, *, generation: str | None = None, limit: int) -> Changes:
    """The changes behind a place, at most `limit` stones. Raises `ChangesGone`.

    `generation` is the one in which the place was; None if the reader cannot know. The caller's transaction sees one moment,
    and the caller asks `check` again after it: a day of the log that is dropped meanwhile is missing from any snapshot.
    """
    newest = check(after, generation=generation)
    rows = _rows(after, newest.number, limit + 1)
    more = len(rows) > limit
    rows = rows[:limit]
    stones: dict[UUID, int] = {}
    for version, stone in rows:
        stones.setdefault(stone, version)
    through = newest.number
    if more:
        through = rows[-1][0] - 1
    return Changes(
        [(version, stone) for stone, version in stones.items()],
        max(through, after.version if after.stone is None else after.version - 1),
        Place(*rows[-1]) if more else None,
        newest.number,
    )


def check(after: Place, *, generation: str | None = None) -> log.Version:
    """The newest version. Raises `ChangesGone` unless the log has all changes behind a place up to it."""
    newest = log.current()
    is_of_another = generation is not None and generation != newest.generation
    # Behind a stone of a version, that version is needed as well.
    oldest_needed = after.version if after.stone is None else after.version - 1
    if is_of_another or oldest_needed < newest.forgotten or after.version > newest.number:
        raise ChangesGone(newest.forgotten, newest.number)
    return newest


def _rows(after: Place, newest: int, limit: int) -> list[tuple[int, UUID]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            -- The stones of the change sets behind a place, in commit order. Takes no locks; change sets by the index of
            -- versions, their stones by the log's, in the pieces of their days. Each set is read from where the last page
            -- ended, and no further than this one.
            SELECT v.version, c.diamond_id
            FROM (
                SELECT id, changed_on, version,
                    CASE WHEN version = %(version)s THEN %(stone)s::uuid ELSE %(first)s END AS begins,
                    CASE WHEN version = %(version)s THEN %(stone)s::uuid END AS known
                FROM catalog_datasetversion
                WHERE version >= %(version)s AND version <= %(newest)s
                ORDER BY version
            ) AS v
            CROSS JOIN LATERAL (
                SELECT DISTINCT diamond_id
                FROM catalog_change
                WHERE change_set = v.id AND changed_on = v.changed_on
                    AND diamond_id >= v.begins AND diamond_id IS DISTINCT FROM v.known
                ORDER BY diamond_id
                LIMIT %(limit)s
            ) AS c
            ORDER BY v.version, c.diamond_id
            LIMIT %(limit)s
            """,
            # Behind a whole version no stone of it comes any more: comparing with NULL is never true.
            {
                "version": after.version,
                "stone": after.stone,
                "first": _FIRST_ID,
                "newest": newest,
                "limit": limit,
            },
        )
        return cursor.fetchall()  # type: ignore[no-any-return]
