"""Blends what someone has just looked at into a list, by precomputed neighbours alone.

Both orders are fused by reciprocal ranks (Cormack, Clarke and Büttcher, SIGIR 2009), which needs no
common scale of scores: the item at place p of the list counts (1 − w) / (K + p), and place p among
the neighbours of the j-th last item counts w · D^j / (K + p), summed over the items.
"""

from collections.abc import Iterable, Sequence, Set
from functools import cache
from itertools import islice

from core.list_settings import TOP
from serving.choice import Row
from serving.layout import MAX_ROWS
from serving.release import Release

MAX_SEEDS = 10
"""Items just looked at that count."""
_K = 10
_DECAY = 0.8
_NEIGHBOURS = 20
_PARTS = [1 / (_K + place) for place in range(1, 2 * MAX_ROWS + 1)]


@cache
def _parts(weight: float) -> tuple[list[float], list[list[float]]]:
    """Returns what each place of the list counts, and each place among a seed's neighbours."""
    of_seeds, factor = [], weight
    for _ in range(MAX_SEEDS):
        of_seeds.append([factor * part for part in _PARTS[:_NEIGHBOURS]])
        factor *= _DECAY
    return [(1 - weight) * part for part in _PARTS], of_seeds


class Neighbourhood:
    """The neighbours of what was just looked at.

    Args:
        release: whose neighbours.
        seeds: item numbers, the last one first; those behind the tenth count nothing.
        weight: w, of the neighbours, 0 to 1.
    """

    __slots__ = ("_gains", "_lists", "_of_places", "_release", "_seeds")

    def __init__(self, release: Release, seeds: Sequence[int], weight: float) -> None:
        self._release = release
        self._seeds = seeds[:MAX_SEEDS]
        self._lists = [release.neighbours.rows(seed, _NEIGHBOURS) for seed in self._seeds]
        self._of_places, of_seeds = _parts(weight)
        self._gains = [
            dict(zip(neighbours, gains, strict=False))
            for (neighbours, _), gains in zip(self._lists, of_seeds, strict=False)
        ]

    def __contains__(self, item: int) -> bool:
        """Returns whether a seed proposes an item."""
        return any(item in gains for gains in self._gains)

    def fused(self, items: Iterable[int]) -> list[int]:
        """Returns a list's items and the neighbours in one order, best first.

        Equal sums keep the order of the list, then that of the neighbours.

        Args:
            items: the list's, best first, none twice.
        """
        total = dict(zip(items, self._of_places, strict=False))
        known = total.get
        for gains in self._gains:
            for item, gain in gains.items():
                total[item] = known(item, 0.0) + gain
        return sorted(total, key=total.__getitem__, reverse=True)

    def row(self, item: int) -> Row | None:
        """Returns the row of an item that a seed proposes; its reason names the one that counts
        most for it, of equal ones the last."""
        best, by = -1.0, -1
        for place, gains in enumerate(self._gains):
            gain = gains.get(item, -1.0)
            if gain > best:
                best, by = gain, place
        if by < 0:
            return None
        neighbours, codes = self._lists[by]
        code = codes[neighbours.index(item)]
        release = self._release
        fragment = release.session_fragment(self._seeds[by])
        return Row("session", item, release.session_scores[code], fragment)


def capped(release: Release, items: Iterable[int], count: int, exempt: Set[int]) -> list[int]:
    """Returns the first items with no more of one category in the top ten than a list may hold.

    What is over the cap moves behind the tenth place in its order, or fills up the first ten where
    too few others exist.

    Args:
        release: whose categories and cap.
        items: item numbers, best first; read no further than needed.
        count: how many to return.
        exempt: numbers of categories that were asked for.
    """
    cap, categories = release.layout.category_cap, release.categories
    n_top = min(count, TOP)
    top: list[int] = []
    behind: list[int] = []
    held: dict[int, int] = {}
    rest = iter(items)
    for item in rest:
        category = categories[item]
        n_held = held.get(category, 0)
        if n_held >= cap and category >= 0 and category not in exempt:
            behind.append(item)
            continue
        held[category] = n_held + 1
        top.append(item)
        if len(top) == n_top:
            break
    behind.extend(islice(rest, max(0, count - len(top) - len(behind))))
    return (top + behind)[:count]
