"""What hints at lab-grown stones on all rows of a list: a supplier's name, a prefix of numbers, the host of pictures.

On some rows it makes these dead letters (`deciding_nature.decide`); on all rows it is asked about once, before the list is
read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from ingest.feeds.pricelist.proving.evidence import SampleRow
from ingest.feeds.verdicts import Answer, Question

#: A hint is one of the whole list if so many of its rows have it and nothing else that says what they are.
WHOLE = 0.9
_TOLD = 60


def question_of(rows: Sequence[SampleRow]) -> Question | None:
    """What to ask of a list whose rows only hint at what they are; None if it is not the whole list."""
    hints = [row.hint for row in rows if row.hint is not None]
    if not hints or len(hints) < WHOLE * len(rows):
        return None
    ((header, cell), _) = Counter(hints).most_common(1)[0]
    return Question(
        f"On {len(hints):,} of {len(rows):,} rows nothing says whether the stone was grown in a laboratory, but {header!r} "
        f"hints at it ({cell[:_TOLD]!r}): what are these stones?",
        (Answer("They are lab-grown", {"labgrown": True}), Answer("They are natural", {"labgrown": False})),
    )
