"""Makes the cleaning artefacts: whose events count, and who and what is known at D."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import polars as pl

from assets.cleaning import exclusion
from assets.cleaning.bots import bot_scores
from assets.cleaning.hidden import hidden_config, hidden_users, tombstones
from assets.cleaning.items import count_themes, first_events, items_at
from assets.cleaning.latest import latest_items, latest_users, with_opt_outs
from assets.cleaning.report import events_a_day, exclusion_report
from assets.cleaning.reused_ids import reused_ids
from assets.cleaning.users import users_at
from core.artefact import Artefact
from core.engine import Engine, Frame, open_engine
from core.night import Made, Night
from core.schemas import (
    BOT_SCORES,
    CLEAN_EVENTS,
    EVENTS,
    EXCLUDED_EVENTS,
    ITEM_ROWS,
    ITEMS,
    QUARANTINE,
    TAGS,
    USER_ROWS,
    USERS,
    Table,
)
from core.staging import Staging


def lake_paths(night: Night, table: Table) -> list[Path]:
    """Returns the lake's files of a table at the ledger position of this night."""
    files = night.get("lake").json("snapshot.json")["files"].get(table.name, [])
    return [night.home.lake / name for name in files]


class CleanTables:
    """The engine's frames of one night's lake, and of what cleaning has stored so far."""

    def __init__(self, night: Night, engine: Engine) -> None:
        self.night = night
        self.engine = engine

    def lake(self, table: Table) -> Frame:
        """Returns the lake's rows of a table."""
        return self.engine.scan(lake_paths(self.night, table), table)

    def stored(self, artefact: Artefact, table: Table) -> Frame:
        """Returns the rows of an artefact's table."""
        return self.engine.scan([artefact.table_path(table)], table)

    @cached_property
    def bot_scores(self) -> Frame:
        """BOT_SCORES of the night."""
        return self.stored(self.night.get("bot_scores"), BOT_SCORES)

    @cached_property
    def clean_events(self) -> Frame:
        """CLEAN_EVENTS of the night."""
        return self.stored(self.night.get("clean_events"), CLEAN_EVENTS)

    @cached_property
    def latest_users(self) -> Frame:
        """USERS rows: each user's latest statement, and who opted out by a tombstone."""
        stated = latest_users(self.lake(USER_ROWS))
        hidden = hidden_users(self.night)
        if hidden.is_empty():
            return stated
        return with_opt_outs(stated, self.engine.from_polars(hidden.select("user_id")))

    @cached_property
    def excluded_users(self) -> Frame:
        """The users whose events and tags do not count, and why."""
        return exclusion.excluded_users(self.latest_users, self.bot_scores)

    @cached_property
    def _latest_items(self) -> pl.DataFrame:
        return self.engine.collect(latest_items(self.lake(ITEM_ROWS)))

    def items_at(self, events: Frame, before_us: int) -> pl.DataFrame:
        """Returns ITEMS as known at a cut: the catalogue, with the tags and events before it."""
        themes = count_themes(self.lake(TAGS), self.excluded_users, before_us)
        return items_at(
            self._latest_items,
            self.engine.collect(themes),
            self.engine.collect(first_events(events)),
            before_us,
            tombstones(self.night).items,
        )


@contextmanager
def clean_tables(night: Night) -> Iterator[CleanTables]:
    """Opens the engine in force on a night's lake."""
    with open_engine(night.settings.engine) as engine:
        yield CleanTables(night, engine)


def make_bot_scores(night: Night) -> Made:
    """Makes `bot_scores`: the evidence against every user, over all events before D."""
    settings = night.settings.cleaning

    def write(staging: Staging) -> None:
        with clean_tables(night) as tables:
            reused = reused_ids(tables.lake(QUARANTINE), night.before_us)
            scores = bot_scores(
                tables.lake(EVENTS), tables.engine, night.before_us, settings.bots, reused
            )
            tables.engine.sink(scores, BOT_SCORES, staging)

    config = {"cleaning": settings.model_dump(), "engine": night.settings.engine}
    return night.make("bot_scores", write, inputs=["lake"], config=config)


def make_clean_events(night: Night) -> Made:
    """Makes `clean_events`: what counts, what does not and why, and the account of both.

    Whether the account balances is a blocking check of the asset, not an error here: the tables
    and the report of an unbalanced date are what a person has to look at.
    """

    def write(staging: Staging) -> None:
        with clean_tables(night) as tables:
            events = tables.lake(EVENTS)
            excluded = tables.engine.persist(tables.excluded_users)
            for table, cut in (
                (CLEAN_EVENTS, exclusion.clean_events),
                (EXCLUDED_EVENTS, exclusion.excluded_events),
            ):
                tables.engine.sink(cut(events, excluded, night.before_us), table, staging)
            counts = tables.engine.collect(
                exclusion.count_events(events, excluded, night.before_us)
            )
            account = exclusion.read_account(counts, night.get("lake").facts["accepted_events"])
            staging.facts["account"] = account.as_facts()
            _report(tables, staging)

    config = {"engine": night.settings.engine, **hidden_config(night)}
    return night.make("clean_events", write, inputs=["lake", "bot_scores"], config=config)


def _report(tables: CleanTables, staging: Staging) -> None:
    clean, excluded = (
        tables.engine.scan([staging.file(f"{table.name}.parquet")], table)
        for table in (CLEAN_EVENTS, EXCLUDED_EVENTS)
    )
    report = exclusion_report(tables.engine, clean, excluded, tables.bot_scores)
    staging.write_json("excluded.json", report)
    staging.write_json("events_a_day.json", events_a_day(tables.engine, clean))


def make_items(night: Night) -> Made:
    """Makes `items`: the catalogue at D; the row number is the item_num."""

    def write(staging: Staging) -> None:
        with clean_tables(night) as tables:
            staging.write_table(tables.items_at(tables.clean_events, night.before_us), ITEMS)

    config = {"engine": night.settings.engine, **hidden_config(night)}
    return night.make("items", write, inputs=["lake", "bot_scores", "clean_events"], config=config)


def make_users(night: Night) -> Made:
    """Makes `users`: who is known at D; the row number is the user_num."""

    def write(staging: Staging) -> None:
        with clean_tables(night) as tables:
            users = users_at(
                tables.latest_users, tables.clean_events, tables.bot_scores, night.before_us
            )
            tables.engine.sink(users, USERS, staging)

    config = {"engine": night.settings.engine, **hidden_config(night)}
    return night.make("users", write, inputs=["lake", "bot_scores", "clean_events"], config=config)
