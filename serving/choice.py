"""What a user gets, before it becomes JSON."""

from collections.abc import Sequence

import msgspec

from core.columns import RUNGS


class Row(msgspec.Struct, frozen=True):
    """One row of an answer.

    Attributes:
        rung: where it comes from: `personal`, `session`, `segment` or `trending`.
        item: the item's number.
        score: its score and rung as JSON.
        fragment: the fragment with its reason.
    """

    rung: str
    item: int
    score: bytes
    fragment: int


class Choice(msgspec.Struct, frozen=True):
    """What to answer.

    Attributes:
        rung: the highest rung that gave a row; `trending` where there is none.
        items: item numbers, best first; may be shorter than asked, even empty.
        rungs: the rung of each.
        scores: beside each, its score and rung as JSON.
        fragments: beside each, the fragment with its reason.
    """

    rung: str
    items: Sequence[int]
    rungs: Sequence[str]
    scores: Sequence[bytes]
    fragments: Sequence[int]

    @classmethod
    def of(cls, rows: Sequence[Row]) -> "Choice":
        """Returns the choice of some rows."""
        if not rows:
            return cls(RUNGS[-1], (), (), (), ())
        rungs = tuple([row.rung for row in rows])
        best = rungs[0] if rungs[0] == RUNGS[0] else min(set(rungs), key=RUNGS.index)
        return cls(
            best,
            [row.item for row in rows],
            rungs,
            [row.score for row in rows],
            [row.fragment for row in rows],
        )
