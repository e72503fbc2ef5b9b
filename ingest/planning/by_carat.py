"""Cutting crowded ranges of prices by weight: part of `ingest.planning.cutting`.

The catalogue says where to cut if it knows the feed's stones; otherwise the quantiles of all ranges are searched for in
step, so that their counts travel together. Carats are cut at hundredths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import product

from ingest.feeds.adapter import StoneQuery
from ingest.planning.counting import Counter
from ingest.planning.density import Density
from ingest.planning.plans import MAX_PRICE, Piece
from ingest.planning.quantiles import nearest_edges, quantile_search

#: First look at the carat axis (hundredths of a carat).
GRID = (30, 50, 70, 100, 150, 200, 300, 500)
#: Carats miss their quantile by this share of a part at most: a price range that they cut may itself be off.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Scale:
    """Cuts ranges by weight into parts of at most `limit` stones, where weights allow.

    `shared`: the supplier's ranges of prices had to share their ends, so those of carats have to.
    """

    count: Counter
    limit: int
    shared: bool
    learned: Density | None

    def cut(self, wanted: Mapping[Piece, int]) -> dict[Piece, list[Piece]]:
        """Cut each range into about so many parts; without those whose parts would be no better than the whole."""
        better: dict[Piece, list[Piece]] = {}
        left = {
            # One more where a small miss would be too many stones.
            piece: parts + (piece.expected * (1 + TOLERANCE) > parts * self.limit)
            for piece, parts in wanted.items()
        }
        # And another one may go better around a single heavy weight.
        for edges_of, more in product((self._learned_edges, self._searched_edges), (0, 1)):
            edges = edges_of({piece: parts + more for piece, parts in left.items()})
            for piece, parts in self._parted(edges).items():
                largest = max(part.expected for part in parts)
                if largest < max(part.expected for part in better.get(piece, [piece])):
                    better[piece] = parts
                if largest <= self.limit or self.count.together == 1:
                    del left[piece]
        return better

    def _parted(self, edges: Mapping[Piece, list[int]]) -> dict[Piece, list[Piece]]:
        """Cut ranges at hundredths of a carat; without those whose parts are no better than the whole.

        Ranges share their ends if the supplier's do, or where parts that only touch lose stones: carats have three decimals.
        """
        parts_of: dict[Piece, list[Piece]] = {}
        trying = [piece for piece in edges if edges[piece]]
        for shared in (False, True)[self.shared :]:
            queries = {piece: _by_carats(piece, edges[piece], shared=shared) for piece in trying}
            counts = iter(self.count([query for several in queries.values() for query in several]))
            for piece, several in queries.items():
                numbers = [next(counts) for _ in several]
                parts = self._counted_parts(piece, several, numbers, must_add_up=not shared)
                if parts is not None:
                    parts_of[piece] = parts
            trying = [piece for piece in trying if piece not in parts_of]
        return parts_of

    def _counted_parts(
        self, piece: Piece, queries: Sequence[StoneQuery], counts: Sequence[int | None], *, must_add_up: bool
    ) -> list[Piece] | None:
        """The parts of a range; None if they lose stones, or are no better than the whole."""
        numbers = [number for number in counts if number is not None]
        if len(numbers) == len(counts):
            if sum(numbers) < piece.expected or max(numbers) >= piece.expected:
                return None
            return [Piece(query, number, final=True) for query, number in zip(queries, numbers, strict=True)]
        # Too dear, or too slow. The catalogue's word for how to cut is good enough; a search that was not ended is not.
        if self.learned is None or must_add_up:
            return None
        rest = -(-max(0, piece.expected - sum(numbers)) // (len(counts) - len(numbers)))
        return [
            Piece(query, rest if number is None else number, counted=number is not None, final=True)
            for query, number in zip(queries, counts, strict=True)
        ]

    def _learned_edges(self, wanted: Mapping[Piece, int]) -> dict[Piece, list[int]]:
        if self.learned is None or not wanted:
            return {}
        ordered = sorted(wanted, key=lambda piece: piece.query.price_from)
        ends = [MAX_PRICE if (end := piece.query.price_to) is None else end - self.shared for piece in ordered]
        starts = [piece.query.price_from for piece in ordered]
        weights = self.learned.weights_within(list(zip(starts, ends, strict=True)))
        chosen_edges: dict[Piece, list[int]] = {}
        for piece, known in zip(ordered, weights, strict=True):
            chosen_edges[piece] = nearest_edges(known, total=max(known.values()), pieces=wanted[piece]).chosen
        return chosen_edges

    def _searched_edges(self, wanted: Mapping[Piece, int]) -> dict[Piece, list[int]]:
        chosen_edges: dict[Piece, list[int]] = {piece: [] for piece in wanted}
        searches = {
            piece: quantile_search(total=piece.expected, pieces=parts, grid=GRID, tolerance=TOLERANCE)
            for piece, parts in wanted.items()
        }
        asked = {piece: next(search) for piece, search in searches.items()}
        reserve = sum(wanted.values())
        while asked:
            queries = [
                replace(_base(piece), carats_to=_carats(edge - 1)) for piece, edges in asked.items() for edge in edges
            ]
            answers = iter(self.count.within(queries, reserve=reserve))
            following = {}
            for piece, edges in asked.items():
                try:
                    following[piece] = searches[piece].send([next(answers) for _ in edges])
                except StopIteration as over:
                    chosen_edges[piece] = over.value.chosen
            asked = following
        return chosen_edges


def _base(piece: Piece) -> StoneQuery:
    # A query must name both ends to hold carats at all; stones of unknown weight count as 0.
    return replace(piece.query, carats_from=Decimal(0), carats_to=None)


def _by_carats(piece: Piece, edges: Sequence[int], *, shared: bool) -> list[StoneQuery]:
    return [
        replace(
            _base(piece),
            carats_from=_carats(start),
            carats_to=None if end is None else _carats(end if shared else end - 1),
        )
        for start, end in zip([0, *edges], [*edges, None], strict=True)
    ]


def _carats(hundredths: int) -> Decimal:
    return Decimal(hundredths).scaleb(-2)
