"""Blends what someone has just looked at into a list, by precomputed neighbours alone.

Both orders are fused by reciprocal ranks (Cormack, Clarke and Büttcher, SIGIR 2009), which needs no
common scale of scores: the row at place p of the list counts (1 − w) / (K + p), and place p among
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
_PARTS = [1 / (_K + place) for place in range(1, MAX_ROWS + 1)]


def blend(release: Release, rows: Sequence[Row], seeds: Sequence[int], weight: float) -> list[Row]:
    """Returns the rows of a list and those of the seeds' neighbours in one order, best first.

    A personal row keeps its rung, score and reason. Whatever else the neighbours propose is of the
    rung `session`, and its reason names the seed that counts most for it.

    Args:
        release: whose neighbours.
        rows: the list, best first, no item twice, at most 64.
        seeds: item numbers, the last one first.
        weight: w, 0 to 1.
    """
    listed = {row.item: row for row in rows}
    personal = {row.item for row in rows if row.rung == "personal"}
    total = {row.item: (1 - weight) * part for row, part in zip(rows, _PARTS, strict=False)}
    best: dict[int, tuple[float, int, int]] = {}
    factor = weight
    for seed in seeds:
        for item, code, part in zip(
            *release.neighbours.rows(seed, _NEIGHBOURS), _PARTS, strict=False
        ):
            gain = factor * part
            total[item] = total.get(item, 0.0) + gain
            if item not in personal and (item not in best or gain > best[item][0]):
                best[item] = (gain, code, seed)
        factor *= _DECAY
    texts = release.session_scores
    for item, (_, code, seed) in best.items():
        listed[item] = Row("session", item, texts[code], release.session_fragment(seed))
    return [listed[item] for _, item in sorted((-sum_, item) for item, sum_ in total.items())]


def capped(release: Release, rows: Iterable[Row], exempt: Collection[int]) -> list[Row]:
    """Returns the rows with no more of one category in the first ten than its list may hold.

    What is over the cap moves behind the tenth place in its order, or fills up the first ten where
    too few others exist.

    Args:
        release: whose categories and cap.
        rows: best first.
        exempt: numbers of categories that were asked for.
    """
    cap, categories = release.layout.category_cap, release.categories
    top: list[Row] = []
    behind: list[Row] = []
    held: dict[int, int] = {}
    for row in rows:
        if len(top) == TOP:
            behind.append(row)
            continue
        category = categories[row.item]
        n_held = held.get(category, 0)
        if n_held >= cap and category >= 0 and category not in exempt:
            behind.append(row)
        else:
            held[category] = n_held + 1
            top.append(row)
    return top + behind
