"""Scores as whole numbers of a power of ten, and back as JSON."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from core.errors import CheckFailed

SIGNIFICANT_DIGITS = 5
_MOST_DECIMALS = 12


def decimals_for(largest: float) -> int:
    """Returns the decimal places at which the largest score has five significant digits.

    Args:
        largest: the largest absolute score; 0 where there is none.

    Raises:
        CheckFailed: it is not finite.

    >>> decimals_for(0.9), decimals_for(8.1), decimals_for(2e9)
    (5, 4, -5)
    """
    if not math.isfinite(largest):
        raise CheckFailed(f"a score is {largest}; scores must be finite numbers")
    if largest == 0:
        return SIGNIFICANT_DIGITS - 1
    return min(SIGNIFICANT_DIGITS - 1 - math.floor(math.log10(largest)), _MOST_DECIMALS)


def quantise(scores: npt.NDArray[np.float64], decimals: int) -> npt.NDArray[np.int32]:
    """Returns scores (n,) as int32 codes, halves to even.

    Raises:
        CheckFailed: a score is not finite.
    """
    if not np.isfinite(scores).all():
        raise CheckFailed("a score is not finite; scores must be finite numbers")
    return np.rint(scores * 10.0**decimals).astype(np.int32)


def json_number(code: int, decimals: int) -> bytes:
    """Returns a code as the shortest JSON number.

    >>> json_number(8123, 4), json_number(-5, 1), json_number(12, -3)
    (b'0.8123', b'-0.5', b'12000.0')
    """
    value = code / 10**decimals if decimals >= 0 else float(code * 10**-decimals)
    return repr(value).encode()


class ScoreTexts(dict[int, bytes]):
    """What stands in an answer for each code; filled as codes are met, at most 200,001 of them."""

    __slots__ = ("_render",)

    def __init__(self, decimals: int, ending: bytes) -> None:
        super().__init__()
        self._render: Callable[[int], bytes] = lambda code: json_number(code, decimals) + ending

    def __missing__(self, code: int) -> bytes:
        text = self[code] = self._render(code)
        return text
