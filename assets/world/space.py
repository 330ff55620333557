"""The taste space: one set of directions for genres, niches, themes, creators, items and people.

An item lies near its niche's direction, a person near those of a few niches. A niche is a group of
items that the same people like. Its genre, its companion genre, its themes and its creators show in
the content columns; the niche itself shows nowhere, and neither does an item's hidden part. So
content, co-occurrence and factors each learn something that the others do not.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.world.parameters import WorldParameters
from assets.world.vocabulary import GENRES
from core.seeds import generator

Vectors = NDArray[np.float32]

GENRE_NAMES = tuple(GENRES)
THEME_NAMES = tuple(theme for _, themes in GENRES.values() for theme in themes)
_THEMES_PER_GENRE = len(THEME_NAMES) // len(GENRE_NAMES)


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """Returns the rows scaled to length 1, float32."""
    norms = np.sqrt((vectors * vectors).sum(axis=-1, keepdims=True))
    return np.asarray(vectors / norms, dtype=np.float32)


@dataclass(frozen=True)
class TasteSpace:
    """Directions and their relations. C niches, G genres, T themes, N creators, D dimensions."""

    genre_vectors: Vectors  # (G, D)
    niche_vectors: Vectors  # (C, D)
    theme_vectors: Vectors  # (T, D)
    creator_vectors: Vectors  # (N, D)
    niche_genre: NDArray[np.int64]  # (C,)
    niche_companion: NDArray[np.int64]  # (C,) the second genre that its items often have
    niche_themes: NDArray[np.int64]  # (C, 3)
    niche_share: NDArray[np.float64]  # (C,) of people's interests and of the catalogue

    @property
    def n_niches(self) -> int:
        """Returns the number of niches."""
        return len(self.niche_genre)

    @property
    def n_creators(self) -> int:
        """Returns the number of creators."""
        return len(self.creator_vectors)


def draw_space(parameters: WorldParameters, seed: int, *, n_creators: int) -> TasteSpace:
    """Returns the taste space of a world."""
    rng = generator(seed, "space")
    n_dims, per_genre = parameters.taste.dimensions, parameters.catalogue.niches_per_genre
    n_genres, n_themes = len(GENRE_NAMES), len(THEME_NAMES)
    n_niches = n_genres * per_genre
    niche_genre = np.repeat(np.arange(n_genres), per_genre)
    genre_vectors = unit(rng.standard_normal((n_genres, n_dims)))
    own = unit(rng.standard_normal((n_niches, n_dims)))
    share = parameters.catalogue.genre_share
    nth = np.tile(np.arange(per_genre), n_genres)
    first_theme = niche_genre * _THEMES_PER_GENRE
    weights = rng.permutation(1.0 / np.sqrt(np.arange(n_niches) + 4.0))
    return TasteSpace(
        genre_vectors=genre_vectors,
        niche_vectors=unit(np.sqrt(share) * genre_vectors[niche_genre] + np.sqrt(1 - share) * own),
        theme_vectors=unit(rng.standard_normal((n_themes, n_dims))),
        creator_vectors=unit(
            generator(seed, "creators").standard_normal((n_creators, n_dims), dtype=np.float32)
        ),
        niche_genre=niche_genre,
        niche_companion=(niche_genre + rng.integers(1, n_genres, n_niches)) % n_genres,
        niche_themes=np.stack(
            [
                first_theme + 2 * nth % _THEMES_PER_GENRE,
                first_theme + (2 * nth + 1) % _THEMES_PER_GENRE,
                rng.integers(0, n_themes, n_niches),
            ],
            axis=1,
        ),
        niche_share=weights / weights.sum(),
    )
