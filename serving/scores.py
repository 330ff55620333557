"""Scores as whole numbers of a power of ten, and back as JSON."""

import math

import numpy as np
import numpy.typing as npt

from core.errors import CheckFailed
from serving.kept_texts import KeptTexts

LARGEST_CODE = 32_767
"""A code is an int16: at least four significant digits of the largest score."""
_MOST_DECIMALS = 12


def decimals_for(largest: float) -> int:
    """Returns the most decimal places at which the largest score still fits a code.

    Args:
        largest: the largest absolute score; 0 where there is none.

    Raises:
        CheckFailed: it is not finite.

    >>> decimals_for(0.9), decimals_for(8.1), decimals_for(2e9)
    (4, 3, -5)
    """
    if not math.isfinite(largest):
        raise CheckFailed(f"a score is {largest}; scores must be finite numbers")
    if largest == 0:
        return 4
    return min(math.floor(math.log10(LARGEST_CODE / largest)), _MOST_DECIMALS)


def quantise(scores: npt.NDArray[np.float64], decimals: int) -> npt.NDArray[np.int16]:
    """Returns scores (n,) as int16 codes, halves to even.

    Raises:
        CheckFailed: a score is not finite, or larger than `decimals` was chosen for.
    """
    codes = scores * 10.0**decimals
    np.rint(codes, out=codes)
    ends = codes.min(initial=0), codes.max(initial=0)
    if not (ends[0] >= -LARGEST_CODE and ends[1] <= LARGEST_CODE):  # so written, it catches NaN too
        wrong = scores[~(np.abs(codes) <= LARGEST_CODE)][0]
        raise CheckFailed(f"a score is {wrong}; scores must be finite numbers of the table's scale")
    return codes.astype(np.int16)


def json_number(code: int, decimals: int) -> bytes:
    """Returns a code as the shortest JSON number.

    >>> json_number(8123, 4), json_number(-5, 1), json_number(12, -3)
    (b'0.8123', b'-0.5', b'12000.0')
    """
    value = code / 10**decimals if decimals >= 0 else float(code * 10**-decimals)
    return repr(value).encode()


def score_texts(decimals: int, ending: bytes) -> KeptTexts:
    """Returns what stands in an answer for each code, which may be negative."""
    return KeptTexts(2 * (LARGEST_CODE + 1), lambda code: json_number(code, decimals) + ending)
