"""Writes a world's landing zone, day by day, and the truth beside it."""

from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np
import polars as pl

from assets.world.bots import bot_events
from assets.world.events import Events, to_arrow
from assets.world.faults import duplicated_rows, malformed_lines
from assets.world.files import Folder, open_table
from assets.world.keys import item_ids, user_ids
from assets.world.parameters import WorldParameters
from assets.world.sessions import ON_TIME, RESENT, people_events
from assets.world.summary import DayCounts, WorldSummary
from assets.world.tables import all_items, items_of_day, users_of_day
from assets.world.truth import write_truth
from assets.world.world import World


def generate(
    parameters: WorldParameters,
    *,
    n_users: int,
    seed: int,
    n_days: int,
    last_day: date,
    out: Folder,
    truth: Folder | None = None,
    n_items: int | None = None,
    from_day: date | None = None,
    to_day: date | None = None,
) -> WorldSummary:
    """Writes the files of some days of a world and returns what is in them.

    `items-<day>`, `users-<day>` and `events-<day>` with the ending of their format go to `out`.
    A day's files are the same bytes, whichever other days are written with them, before or after:
    a second call with the same sizes, seed, `n_days` and `last_day`, and `from_day` after
    `last_day`, continues the world.

    Args:
        parameters: What the world is like.
        n_users: Accounts at the end of `last_day`, bots among them.
        seed: The one root seed.
        n_days: Days from the world's first to `last_day`.
        last_day: The day at which `n_users` holds.
        out: Folder of the landing zone; made if absent.
        truth: Folder of the truth; by default `truth` beside `out`. Nothing that reads the landing
            zone may read it.
        n_items: Items at the end of `last_day`; by default as the parameters say.
        from_day: First day to write; by default the world's first.
        to_day: Last day to write; by default `last_day`, or `from_day` where that is later.

    Raises:
        UsageError: A size or day is out of range.
    """
    first_day = last_day - timedelta(days=n_days - 1)
    from_day = from_day or first_day
    to_day = to_day or max(last_day, from_day)
    world = World.create(
        parameters,
        n_users=n_users,
        seed=seed,
        n_days=n_days,
        last_day=last_day,
        n_items=n_items,
        horizon=max(to_day, last_day),
    )
    days = range(world.day_number(from_day), world.day_number(to_day) + 1)
    out.mkdir(parents=True, exist_ok=True)
    items = all_items(world)
    counts = [_write_day(world, day, items, out) for day in days]
    summary = WorldSummary(
        n_users=world.user_growth.count_at(days[-1]),
        n_items=world.item_growth.count_at(days[-1]),
        n_bots=int(world.people.is_bot[: world.user_growth.count_at(days[-1])].sum()),
        first_day=from_day,
        last_day=to_day,
        days=tuple(counts),
    )
    write_truth(world, items, summary, truth if truth is not None else out.parent / "truth")
    return summary


def _write_day(world: World, day: int, items: pl.DataFrame, out: Folder) -> DayCounts:
    when, formats = world.first_day + timedelta(days=day), world.parameters.files
    table_format = formats.table_formats[day % len(formats.table_formats)]
    names = []

    new_items = items_of_day(world, items, day)
    if new_items.num_rows:  # a file without rows would be a file of zero bytes
        names.append(f"items-{when}.{table_format}")
        with open_table(out / names[-1], table_format) as writer:
            writer.write(new_items)
    accounts = [users_of_day(world, day, block) for block in world.blocks(day)]
    if any(piece.num_rows for piece in accounts):
        names.append(f"users-{when}.{table_format}")
        with open_table(out / names[-1], table_format) as writer:
            for piece in accounts:
                writer.write(piece)

    event_format = formats.event_formats[day % len(formats.event_formats)]
    names.append(f"events-{when}.{event_format}")
    totals = DayCounts(day=when, files=tuple(names))
    user_names = user_ids(0, world.user_growth.count_at(day)).to_arrow(
        compat_level=pl.CompatLevel.oldest()
    )
    item_names = item_ids(0, world.item_growth.count_at(day)).to_arrow(
        compat_level=pl.CompatLevel.oldest()
    )
    with open_table(out / names[-1], event_format) as writer:
        for block in world.blocks(day):
            events, counts = events_of_day(world, day, block)
            piece, broken = to_arrow(events, user_names, item_names), None
            if event_format != "parquet":
                is_csv = event_format.startswith("csv")
                broken = malformed_lines(world, day, block, piece, is_csv=is_csv)
                counts = {**counts, "n_planted_malformed": len(broken)}
            writer.write(piece, broken)
            totals = totals.plus(counts)
    return totals


def events_of_day(world: World, day: int, block: int) -> tuple[Events, Mapping[str, int]]:
    """Returns what one block of users adds to a day's file, by time, and its counts by name."""
    n_late_days = len(world.parameters.faults.late_day_shares)
    on_time = people_events(world, day, block, ON_TIME)
    resent = people_events(world, day, block, RESENT)
    late = [
        people_events(world, day - delay, block, delay)
        for delay in range(1, n_late_days + 1)
        if day >= delay and block in world.blocks(day - delay)
    ]
    again = (
        [people_events(world, day - 1, block, RESENT)]
        if day >= 1 and block in world.blocks(day - 1)
        else []
    )
    bots = bot_events(world, day, block)
    once = Events.concat([on_time, resent, *late, *again, bots.own])
    doubled = once.take(duplicated_rows(world, day, block, len(once)))
    events = Events.concat([once, doubled, bots.replayed])
    n_again = sum(len(part) for part in again)
    return events.take(np.lexsort((events.key, events.at_us))), {
        "n_events": len(events),
        "n_impressions": int((events.action == 0).sum()),
        "n_bot_events": len(bots.own) + len(bots.replayed),
        "n_late": sum(len(part) for part in late),
        "n_planted_duplicates": len(doubled) + n_again,
        "n_replayed_copies": bots.n_copies,
        "n_replayed_conflicts": bots.n_conflicts,
    }
