"""Blends what someone has just looked at into a list, by precomputed neighbours alone.

Both orders are fused by reciprocal ranks (Cormack, Clarke and Büttcher, SIGIR 2009), which needs no
common scale of scores: the item at place p of the list counts (1 − w) / (K + p), and place p among
the neighbours of the j-th last item counts w · D^j / (K + p), summed over the items.
"""

from collections.abc import Collection, Iterable, Sequence

from serving.choice import Row
from serving.layout import MAX_ROWS
from serving.release import Release

TOP = 10
"""Places of a list to which the cap on categories applies."""
_K = 10
_DECAY = 0.8
_NEIGHBOURS = 20
_PARTS = [1 / (_K + place) for place in range(1, 2 * MAX_ROWS + 1)]


class Neighbourhood:
    """The neighbours of what was just looked at.

    Args:
        release: whose neighbours.
        seeds: item numbers, the last one first.
    """

    __slots__ = ("_lists", "_release", "_seeds")

    def __init__(self, release: Release, seeds: Sequence[int]) -> None:
        self._release = release
        self._seeds = seeds
        self._lists = [release.neighbours.rows(seed, _NEIGHBOURS) for seed in seeds]

    def fused(self, items: Iterable[int], weight: float) -> list[int]:
        """Returns a list's items and the neighbours in one order, best first.

        Equal sums keep the order of the list, then that of the neighbours.

        Args:
            items: the list's, best first, none twice.
            weight: w, of the neighbours, 0 to 1.
        """
        rest = 1 - weight
        total = {item: rest * part for item, part in zip(items, _PARTS, strict=False)}
        known = total.get
        factor = weight
        for neighbours, _ in self._lists:
            for item, part in zip(neighbours, _PARTS, strict=False):
                total[item] = known(item, 0.0) + factor * part
            factor *= _DECAY
        return sorted(total, key=total.__getitem__, reverse=True)

    def row(self, item: int) -> Row | None:
        """Returns the row of an item that a seed proposes; its reason names the one that counts
        most for it, of equal ones the last."""
        best, found = 0.0, None
        factor = 1.0
        for seed, (neighbours, codes) in zip(self._seeds, self._lists, strict=True):
            if item in neighbours:
                place = neighbours.index(item)
                gain = factor * _PARTS[place]
                if gain > best:
                    best, found = gain, (codes[place], seed)
            factor *= _DECAY
        if found is None:
            return None
        code, seed = found
        release = self._release
        return Row("session", item, release.session_scores[code], release.session_fragment(seed))


def capped(release: Release, rows: Iterable[Row], count: int, exempt: Collection[int]) -> list[Row]:
    """Returns the first rows with no more of one category in the top ten than a list may hold.

    What is over the cap moves behind the tenth place in its order, or fills up the first ten where
    too few others exist.

    Args:
        release: whose categories and cap.
        rows: best first; read no further than needed.
        count: how many to return.
        exempt: numbers of categories that were asked for.
    """
    cap, categories = release.layout.category_cap, release.categories
    n_top = min(count, TOP)
    top: list[Row] = []
    behind: list[Row] = []
    held: dict[int, int] = {}
    for row in rows:
        if len(top) == n_top:
            behind.append(row)
        else:
            category = categories[row.item]
            n_held = held.get(category, 0)
            if n_held >= cap and category >= 0 and category not in exempt:
                behind.append(row)
            else:
                held[category] = n_held + 1
                top.append(row)
        if len(top) == n_top and n_top + len(behind) >= count:
            break
    return (top + behind)[:count]
