"""What click farms push."""

import numpy as np
from numpy.typing import NDArray

from assets.world.world import World
from core.seeds import generator


def farm_targets(world: World, n_farms: int) -> NDArray[np.int64]:
    """Returns what each farm pushes, (n_farms, n): items of middling popularity, not expiring."""
    items, n = world.items, world.parameters.bots.pushed_items_per_farm
    stock = np.flatnonzero((items.release_day < 0) & (items.last_day > world.n_days + 365))
    ranked = stock[np.argsort(items.appeal[stock], kind="stable")]
    middle = ranked[len(ranked) * 2 // 5 : len(ranked) * 3 // 5]
    rows = [
        generator(world.seed, "farm", str(farm)).choice(middle, n, replace=False)
        for farm in range(n_farms)
    ]
    return np.array(rows, dtype=np.int64).reshape(n_farms, n)
