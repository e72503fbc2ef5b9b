"""Cutting a window into slices that tile it, by asking the supplier for nothing but counts.

The price axis (whole dollars per carat, 0 and up, open-ended) is cut where the catalogue's last known density says that
stones lie; without one, where a search for quantiles finds them. Every range is counted, what is off is cut again, and the
counts are held against that of the whole window. Logic around `ingest.planning.counting`; called by `ingest.planning.stage`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from ingest.feeds.adapter import Adapter, StoneQuery
from ingest.planning.by_carat import Scale
from ingest.planning.counting import Counter, name_of
from ingest.planning.density import Density
from ingest.planning.plans import MAX_PRICE, Piece, Plan, Slice
from ingest.planning.quantiles import Edges, clear_cuts, quantile_edges, weight_below

#: Partitions aim at this share of the largest allowed size; what has more than `BALANCE` × of that is cut again, so that the
#: largest stays within 1.25 × the mean, which sinks with every cut.
FILL, BALANCE = 0.8, 1.2
#: What planning may cost, as a share of the page requests that the run will make.
FIRST_SHARE, LEARNED_SHARE = 0.05, 0.025
#: A catalogue that knows this many times more stones than the window has, or fewer, teaches nothing.
FAR_OFF = 3.0
#: Counts that cutting a range by carats takes, for each part of it, at most and in round figures.
COUNTS_A_PART = 25
#: First look at the price axis (dollars per carat): dense where the trade is.
PRICE_GRID = (100, 200, 300, 500, 750, 1_000, 1_500, 2_000, 3_000, 5_000, 8_000, 12_000, 20_000, 50_000, 100_000)
#: Points of the density that a plan keeps, for pictures.
KEPT_POINTS = 500
#: A supplier that counts nonsense is not believed beyond so many ranges, and so many offset slices of one of them.
MAX_RANGES, MAX_OFFSET_SLICES = 10_000, 200


@dataclass(slots=True)
class _Cutter:
    """One window being cut."""

    count: Counter
    window: StoneQuery
    max_stones: int
    total: int = 0
    #: Ascending (dollars per carat, stones below) pairs: what is known or believed of the axis.
    density: list[tuple[int, int]] = field(default_factory=lambda: [(0, 0)])
    shared: bool = False
    #: Whether `shared` is known from an earlier run, not only assumed.
    experienced: bool = False
    learned: Density | None = None

    @property
    def pieces_wanted(self) -> int:
        if self.total <= self.max_stones:
            return 1
        return min(MAX_RANGES, -(-self.total // max(1, int(self.max_stones * FILL))))

    @property
    def limit(self) -> int:
        """Stones from which on a range is cut again."""
        return min(self.max_stones, max(1, int(BALANCE * self.total / self.pieces_wanted)))

    def search(self) -> Edges:
        """Find quantiles; leaves enough of the budget to count every range once."""

        def below(prices: Sequence[int]) -> list[int | None]:
            queries = [replace(self.window, price_to=price - 1) for price in prices]
            return self.count.within(queries, reserve=self.pieces_wanted + self.count.together)

        return quantile_edges(below, total=self.total, pieces=self.pieces_wanted, grid=PRICE_GRID)

    def tile(self, cuts: Sequence[tuple[int, int]]) -> list[Piece]:
        """Cut the axis at `cuts` and count every range; sharing ends from then on if the counts lose stones otherwise.

        Each cut comes with the number of pieces that the range below it should become.
        """
        prices = [price for price, _ in cuts]
        pieces = self.counted(prices)
        if self.loses(pieces):
            self.shared = True
            pieces = self.counted(prices)
        become = [number for _, number in cuts]
        last = max(1, self.pieces_wanted - sum(become))
        return [
            replace(piece, crowded=number > 1 and piece.query.price_to is not None)
            for piece, number in zip(pieces, [*become, last], strict=True)
        ]

    def counted(self, cuts: Sequence[int]) -> list[Piece]:
        ends: list[int | None] = [cut if self.shared else cut - 1 for cut in cuts]
        queries = [
            replace(self.window, price_from=start, price_to=end)
            for start, end in zip([0, *cuts], [*ends, None], strict=True)
        ]
        counts = self.count(queries)
        known = [
            self._nearly(query) if number is None else number for query, number in zip(queries, counts, strict=True)
        ]
        believed = [
            0.0 if number is not None else self._believed(query) for query, number in zip(queries, known, strict=True)
        ]
        # What nobody counted has what the others lack, shared out as the density has it.
        lacking = max(0, self.total - sum(number or 0 for number in known)) / (sum(believed) or 1.0)
        return [
            Piece(query, round(guess * lacking) if nearly is None else nearly, counted=number is not None)
            for query, number, nearly, guess in zip(queries, counts, known, believed, strict=True)
        ]

    def _nearly(self, query: StoneQuery) -> int | None:
        """The count of a range without the end that it shares."""
        if not self.shared or query.price_to is None:
            return None
        return self.count.known.get(name_of(replace(query, price_to=query.price_to - 1)))

    def _believed(self, query: StoneQuery) -> float:
        high = self.total if query.price_to is None else weight_below(self.density, query.price_to + 1)
        return max(0.0, high - weight_below(self.density, query.price_from))

    def loses(self, pieces: Sequence[Piece]) -> bool:
        """Whether stones lie between whole dollars, as far as counts can say; stones that left meanwhile do not count."""
        if self.shared:
            return False
        if not all(piece.counted for piece in pieces):
            # Nobody knows, and shared ends are safe either way.
            return len(pieces) > 1 and not self.experienced
        counted = sum(piece.expected for piece in pieces)
        if counted >= self.total:
            return False
        self.total = self.count.one(self.window, afresh=True) or self.total
        return counted < self.total

    def refine(self, pieces: list[Piece]) -> list[Piece]:
        """Cut what is too big: by price as long as there are whole dollars between its ends, then by carat."""
        while True:
            reach = self.count.affordable() // 2
            off = [piece for piece in pieces if not piece.final and piece.expected > self.limit]
            off.sort(key=lambda piece: -piece.expected)
            # Where the catalogue says how to cut by carats, that need not be counted.
            off = [piece for place, piece in enumerate(off) if place < reach or (piece.crowded and self.learned)]
            if not off or len(pieces) >= MAX_RANGES:
                return pieces
            by_price = [piece for piece in off if not piece.crowded and self._middle(piece) is not None]
            halves = self._halve(by_price)
            halves |= self._cut_by_carats([piece for piece in off if piece not in halves])
            pieces = [part for piece in pieces for part in halves.get(piece, [piece])]

    def _middle(self, piece: Piece) -> int | None:
        """Where to cut a range by price; None if there is no whole dollar between its ends."""
        low, high = piece.query.price_from, piece.query.price_to
        if piece.query.carats_from is not None or low > MAX_PRICE:
            return None
        if high is None:
            nearest = next((price for price, _ in self.density if price > low), 0)
            return max(low * 2, 1_000, nearest) if piece.cuts % 2 else max(low + 1, self._median(low, None) or low * 2)
        # The first value of the upper half: it may be the range's end, unless that is shared with the next one.
        highest = high - 1 if self.shared else high
        if highest <= low:
            return None
        middle = (low + high + 1) // 2
        if piece.cuts % 2 == 0:
            # Where the density says first; where that is wrong, halving ends the search.
            middle = self._median(low, high) or middle
        return min(highest, max(low + 1, middle))

    def _median(self, low: int, high: int | None) -> int | None:
        start = weight_below(self.density, low)
        end = self.density[-1][1] if high is None else weight_below(self.density, high + 1)
        at = bisect_left(self.density, (start + end) / 2, key=lambda point: point[1])
        if end <= start or not 0 < at < len(self.density):
            return None
        (left, under), (right, over) = self.density[at - 1], self.density[at]
        return round(left + (right - left) * ((start + end) / 2 - under) / max(1, over - under))

    def _halve(self, pieces: Sequence[Piece]) -> dict[Piece, list[Piece]]:
        halves = {}
        for piece in pieces:
            middle = self._middle(piece)
            assert middle is not None
            halves[piece] = [
                replace(piece.query, price_to=middle if self.shared else middle - 1),
                replace(piece.query, price_from=middle),
            ]
        counts = iter(self.count([half for both in halves.values() for half in both]))
        parts: dict[Piece, list[Piece]] = {}
        for piece, (lower, upper) in halves.items():
            under, over = next(counts), next(counts)
            if under is None or over is None:
                # Too slow, or too dear.
                parts[piece] = [replace(piece, final=True)]
            elif under >= piece.expected and over >= piece.expected:
                # Everything lies on the end that the halves share.
                parts[piece] = [replace(piece, crowded=True, one_price=True)]
            else:
                parts[piece] = [Piece(lower, under, cuts=piece.cuts + 1), Piece(upper, over, cuts=piece.cuts + 1)]
        return parts

    def _cut_by_carats(self, pieces: Sequence[Piece]) -> dict[Piece, list[Piece]]:
        """Cut ranges by carats; what carats cannot cut is cut by price if it can be, else left as it is."""
        parts: dict[Piece, list[Piece]] = {}
        for piece in pieces:
            divisible = not piece.one_price and self._middle(piece) is not None
            parts[piece] = [replace(piece, crowded=False, final=not divisible)]
        wanted = {
            piece: max(2, round(piece.expected * self.pieces_wanted / max(1, self.total)))
            for piece in pieces
            # Counts that travel alone are for what must be cut.
            if piece.query.carats_from is None and (piece.expected > self.max_stones or self.count.together > 1)
        }
        scale = Scale(self.count, limit=self.limit, shared=self.shared, learned=self.learned)
        parts |= scale.cut(wanted)
        return parts | self._halve_again({piece: parts[piece] for piece in wanted})

    def _halve_again(self, cut: Mapping[Piece, Sequence[Piece]]) -> dict[Piece, list[Piece]]:
        """Halve by price what carats cut badly for the weight of a single one, so that each half is cut by carats anew.

        Only as far as the budget reaches with ease: badly cut is better than not at all.
        """
        affordable = self.count.affordable() if self.count.together > 1 else 0
        again = []
        for piece, parts in cut.items():
            divisible = not piece.one_price and self._middle(piece) is not None
            # What is larger still will be cut evenly by offsets.
            if divisible and self.limit < max(part.expected for part in parts) <= self.max_stones:
                affordable -= COUNTS_A_PART * len(parts)
                again += [piece] if affordable > 0 else []
        return {
            piece: [replace(half, crowded=True) for half in halves]
            for piece, halves in self._halve(again).items()
            if len(halves) > 1
        }

    def merge(self, pieces: Sequence[Piece]) -> list[Piece]:
        """Join neighbours that are small together."""
        most = self.total // self.pieces_wanted
        merged: list[Piece] = []
        for piece in pieces:
            before = merged[-1] if merged else None
            if before is not None and _can_join(before, piece) and before.expected + piece.expected <= most:
                query = replace(before.query, price_to=piece.query.price_to)
                merged[-1] = replace(before, query=query, expected=before.expected + piece.expected)
            else:
                merged.append(piece)
        return merged

    def slices(self, pieces: Sequence[Piece]) -> Iterable[Slice]:
        """The slices; what nothing but its place in the list tells apart is cut by offsets."""
        # Counts that add up to far more than the window has are lies; an empty slice would cost a request each.
        believable = sum(piece.expected for piece in pieces) <= 2.5 * self.total
        for piece in pieces:
            wanted = -(-piece.expected // max(1, int(self.max_stones * FILL)))
            if piece.expected <= self.max_stones or not (believable and piece.counted):
                yield Slice(piece.query, piece.expected, piece.counted)
                continue
            size = -(-piece.expected // min(wanted, MAX_OFFSET_SLICES))
            starts = range(0, piece.expected, size)
            for start in starts:
                end = None if start == starts[-1] else start + size
                yield Slice(piece.query, min(size, piece.expected - start), True, start, end)


def make_plan(
    adapter: Adapter,
    window: StoneQuery,
    *,
    max_stones: int,
    density: Density | None = None,
    shared_ends: bool = False,
    counter: Counter | None = None,
) -> Plan:
    """Cut a window into slices of at most `max_stones` stones that tile the price axis.

    `density` is what the catalogue knows of the feed, `shared_ends` whether the supplier's ranges had to share their ends
    when it was last read; `counter` may know counts already. Raises what the adapter raises.
    """
    started = monotonic()
    count = counter or Counter(adapter, known={}, slow={})
    counted = count.one(window)
    total = counted if counted is not None else density.total if density else 0
    if density is not None and not (density.total <= FAR_OFF * total and total <= FAR_OFF * density.total):
        density = None
    cutter = _Cutter(
        count, window, max_stones, total=total, shared=shared_ends, experienced=density is not None, learned=density
    )
    share = FIRST_SHARE if density is None else LEARNED_SHARE
    count.allow(int(share * total / max(1, adapter.page_limit - 1)))
    cutter.density = _density(cutter, counted)
    if counted is None and density is None:
        # The whole window is too much for the supplier; parts of it may not be.
        pieces = cutter.tile([(price, 1) for price in PRICE_GRID])
    else:
        pieces = cutter.tile(clear_cuts(cutter.density, total=total, pieces=cutter.pieces_wanted))
    if counted is None:
        cutter.total = max(total, sum(piece.expected for piece in pieces))
        count.allow(int(share * cutter.total / max(1, adapter.page_limit - 1)))
    pieces = cutter.refine(pieces)
    if cutter.loses(pieces):
        # The first cuts lost nothing, those of refining did: the same suspicion.
        cutter.shared = True
        pieces = cutter.refine(cutter.counted(sorted({piece.query.price_from for piece in pieces} - {0})))
    pieces = cutter.merge(pieces)
    return Plan(
        total=cutter.total,
        slices=list(cutter.slices(pieces)),
        density=_thinned(cutter.density),
        shared_ends=cutter.shared,
        difference=max(0, cutter.total - sum(piece.expected for piece in pieces)),
        method="adaptive" if density is None else "learned",
        requests=count.requests,
        seconds=monotonic() - started,
    )


def _density(cutter: _Cutter, counted: int | None) -> list[tuple[int, int]]:
    learned = cutter.learned
    if learned is not None:
        return [(price, round(below * cutter.total / learned.total)) for price, below in learned.points]
    return [(0, 0)] if counted is None else cutter.search().known


def _can_join(*pieces: Piece) -> bool:
    """Whether neighbours are whole ranges of prices, and known to be small."""
    return all(piece.counted and piece.query.carats_from is None for piece in pieces)


def _thinned(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    step = -(-len(points) // KEPT_POINTS)
    return [*points[:-1:step], points[-1]]
