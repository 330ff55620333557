"""The held-out items of each user, in the one form that every metric reads."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError


@dataclass(frozen=True)
class HeldOut:
    """What each user touched in the test window: a sorted, duplicate-free item list per row.

    Row `u` holds `indices[indptr[u]:indptr[u + 1]]`. Rows may be empty.
    """

    indptr: NDArray[np.int64]
    """(n_users + 1,) where each user's items start and end."""
    indices: NDArray[np.int64]
    """(n_held_out,) item nums, ascending and distinct within a row."""
    n_items: int
    """The size of the catalogue that the item nums point into."""

    @classmethod
    def from_pairs(
        cls, user_rows: ArrayLike, item_nums: ArrayLike, *, n_users: int, n_items: int
    ) -> Self:
        """Returns the held-out items given as pairs, in any order; repeated pairs count once.

        Args:
            user_rows: (n,) integers in [0, n_users).
            item_nums: (n,) integers in [0, n_items).
            n_users: Number of rows.
            n_items: Size of the catalogue.

        Raises:
            InputError: The lengths differ, or a number lies outside its range.

        >>> HeldOut.from_pairs([2, 0, 2, 2], [7, 4, 1, 7], n_users=3, n_items=8).indices
        array([4, 1, 7])
        """
        rows = np.asarray(user_rows, dtype=np.int64).ravel()
        items = np.asarray(item_nums, dtype=np.int64).ravel()
        if rows.shape != items.shape:
            raise InputError(f"{rows.size} user rows came with {items.size} item nums; pass pairs")
        _check_range("user row", rows, n_users)
        _check_range("item num", items, n_items)
        keys = np.unique(rows * np.int64(max(n_items, 1)) + items)
        counts = np.bincount(keys // max(n_items, 1), minlength=n_users)
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return cls(indptr, keys % max(n_items, 1), n_items)

    @classmethod
    def from_csr(cls, matrix: Any) -> Self:
        """Returns the entries above zero of a SciPy sparse matrix (n_users, n_items), any dtype."""
        coo = matrix.tocoo()
        positive = coo.data > 0
        n_users, n_items = coo.shape
        return cls.from_pairs(
            coo.row[positive], coo.col[positive], n_users=n_users, n_items=n_items
        )

    @property
    def n_users(self) -> int:
        """Number of rows, empty ones included."""
        return self.indptr.size - 1

    @property
    def n_per_user(self) -> NDArray[np.int64]:
        """(n_users,) number of held-out items."""
        return np.diff(self.indptr)

    def only(self, items: NDArray[np.bool_]) -> Self:
        """Returns the held-out items inside an item mask (n_items,), such as tail or warm items.

        The lists that are measured against it stay whole: an item outside the mask still takes
        its place in the list and is a miss.

        Raises:
            InputError: The mask is not boolean or not of the catalogue's length.

        >>> truth = HeldOut.from_pairs([0, 0, 1], [0, 2, 1], n_users=2, n_items=3)
        >>> truth.only(np.array([False, False, True])).n_per_user
        array([1, 0])
        """
        if items.dtype != np.bool_ or items.shape != (self.n_items,):
            raise InputError(
                f"the item mask is {items.dtype} of shape {items.shape}; "
                f"pass booleans of shape ({self.n_items},)"
            )
        rows = np.repeat(np.arange(self.n_users), self.n_per_user)
        kept = items[self.indices]
        return type(self).from_pairs(
            rows[kept], self.indices[kept], n_users=self.n_users, n_items=self.n_items
        )


def _check_range(name: str, values: NDArray[np.int64], limit: int) -> None:
    if values.size and not (values.min() >= 0 and values.max() < limit):
        worst = values.min() if values.min() < 0 else values.max()
        raise InputError(
            f"{name} {worst} lies outside [0, {limit}); number users and items by one index"
        )
