"""The truth folder: who is a bot, who likes what, and how to ask for more. Never the pipeline's."""

from datetime import date

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from assets.world.exposure import popularity_at
from assets.world.farms import farm_targets
from assets.world.files import Folder, open_table
from assets.world.keys import user_ids
from assets.world.oracle import Oracle
from assets.world.parameters import WorldParameters
from assets.world.roles import BOT_KINDS
from assets.world.summary import WorldSummary
from assets.world.world import World
from core.errors import InputError


class _Record(BaseModel):
    """What a world is made from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    parameters: WorldParameters
    seed: int
    n_users: int
    n_items: int
    n_days: int
    last_day: date
    written_to: date


def write_truth(world: World, items: pl.DataFrame, summary: WorldSummary, folder: Folder) -> None:
    """Writes the truth as of the last day written.

    - `world.json`: the parameters and sizes, from which `open_world` rebuilds the world
    - `users.parquet`: one row an account; kind of bot, tastes
    - `items.parquet`: one row an item; popularity, quality, place in the taste space
    - `days/<day>.json`: the counts of each day's event file
    """
    (folder / "days").mkdir(parents=True, exist_ok=True)
    record = _Record(
        parameters=world.parameters,
        seed=world.seed,
        n_users=world.n_users,
        n_items=world.n_items,
        n_days=world.n_days,
        last_day=world.last_day,
        written_to=summary.last_day,
    )
    (folder / "world.json").write_text(record.model_dump_json(indent=1), encoding="utf-8")
    for counts in summary.days:
        text = counts.model_dump_json(indent=1)
        (folder / "days" / f"{counts.day}.json").write_text(text, encoding="utf-8")
    day = world.day_number(summary.last_day)
    with open_table(folder / "items.parquet", "parquet") as writer:
        frame = _items(world, items, day)
        writer.write(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))
    oracle = Oracle(world, summary.last_day)
    with open_table(folder / "users.parquet", "parquet") as writer:
        for block in world.blocks(day):
            frame = _users(world, oracle, block, day)
            writer.write(frame.to_arrow(compat_level=pl.CompatLevel.oldest()))


def open_world(folder: Folder, *, horizon: date | None = None) -> World:
    """Returns the world that a truth folder describes, drawn up to the last day written.

    Args:
        folder: Where `generate` put the truth.
        horizon: A later day to draw it for.

    Raises:
        InputError: `world.json` is absent or is not a world's record.
    """
    path = folder / "world.json"
    try:
        record = _Record.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: no world's record ({reason}); generate the world again"
        ) from error
    return World.create(
        record.parameters,
        n_users=record.n_users,
        seed=record.seed,
        n_days=record.n_days,
        last_day=record.last_day,
        n_items=record.n_items,
        horizon=max(record.written_to, record.last_day, horizon or date.min),
    )


def _items(world: World, items: pl.DataFrame, day: int) -> pl.DataFrame:
    n, truth = world.item_growth.count_at(day), world.items
    targets = farm_targets(world, int(world.people.farm.max(initial=-1)) + 1)
    return items.select("item_id", "category", "released_at")[:n].with_columns(
        popularity=popularity_at(world.parameters, truth, day)[:n],
        appeal=truth.appeal[:n],
        quality=truth.quality[:n],
        niche=truth.niche[:n].astype(np.int32),
        is_pushed=np.isin(np.arange(n), targets),
        vector=pl.Series(truth.vectors[:n]).cast(pl.List(pl.Float32)),
    )


def _users(world: World, oracle: Oracle, block: int, day: int) -> pl.DataFrame:
    slots, people = world.block_users(block, day), world.people
    users = np.arange(slots.start, slots.stop)
    kinds = pl.Series([*BOT_KINDS, None], dtype=pl.String)
    shares = oracle.genre_shares(users)
    return pl.DataFrame(
        {
            "user_id": user_ids(slots.start, slots.stop),
            "is_bot": people.is_bot[slots],
            "bot_kind": kinds.gather(
                people.bot_kind[slots].astype(np.int64) % (len(BOT_KINDS) + 1)
            ),
            "is_slow_bot": people.bot_is_slow[slots],
            "farm": people.farm[slots],
            "is_heavy": people.is_heavy[slots],
            "sessions_per_day": people.sessions_per_day[slots],
            "genre_shares": pl.Series(shares).cast(pl.List(pl.Float32)),
            "taste": pl.Series(people.taste_at(users, day)).cast(pl.List(pl.Float32)),
        }
    )
