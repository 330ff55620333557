"""Rewrites the stored releases that hold an erased user: tables, and what is packed of them."""

import contextlib
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import polars as pl

from assets.erasure import tables
from core.artefact import Artefact
from core.days import day_of_us
from core.erased_users import ErasedUsers
from core.errors import ReleaseConflict
from core.home import Home
from core.manifest import Manifest, verify
from core.release_store import ReleaseStore
from core.release_writer import ReleaseWriter
from core.schemas import EXPLANATIONS, LISTS, RECENT_ITEMS, USERS
from core.tables import write_batches
from serving.builder import build_release
from serving.layout import GENRE_PREFIX
from serving.release import Release
from serving.release_inputs import ReleaseInputs

_USERS_AT_ONCE = 100_000


Claim = Callable[[Manifest], Manifest]
"""Settles which redaction a rewritten release is; see `Store.redact`."""


def rewrite_releases(
    home: Home, erased: ErasedUsers, claim: Claim = lambda manifest: manifest
) -> int:
    """Rewrites every stored release that holds an erased user; returns how many.

    What the release is packed from anew is the release itself: its tables, and of its records
    what no table of it holds. Whoever is not erased gets the same answers from it as before.
    Where `claim` raises ReleaseConflict the release stays as it is.

    Raises:
        IntegrityError: a release is damaged, or of an unknown format.
    """
    store = ReleaseStore(home.releases)
    n_rewritten = 0
    for name in store.ids():
        artefact = Artefact(store.path(name), store.manifest(name))
        verify(artefact.path, artefact.manifest)  # what is damaged can't be asked whom it holds
        release = Release.load(artefact.path)
        try:
            known = pl.Series(_user_ids(release), dtype=pl.String)
            listed = tables.own_ids(artefact.path / f"tables/{LISTS.name}.parquet", erased)
            if erased.among(known) or listed:
                with contextlib.suppress(ReleaseConflict):  # another home was faster
                    _rewrite(store, artefact, release, erased, claim)
                    n_rewritten += 1
        finally:
            release.close()
    return n_rewritten


def _rewrite(
    store: ReleaseStore, artefact: Artefact, release: Release, erased: ErasedUsers, claim: Claim
) -> None:
    writer = ReleaseWriter(store)
    work = store.versions / f".staging-{uuid.uuid4().hex}"
    work.mkdir()
    staging = writer.begin_redaction(artefact)
    try:
        staging.facts.update(artefact.facts)
        inputs = _inputs(artefact.path / "tables", work, release, erased)
        as_of = day_of_us(release.layout.as_of_us)
        layout = release.layout
        build_release(
            staging, inputs, as_of, n_shards=layout.n_shards, category_cap=layout.category_cap
        )
        writer.redact(artefact, staging, claim)
    finally:
        shutil.rmtree(staging.path, ignore_errors=True)
        shutil.rmtree(work)


def _inputs(old: Path, work: Path, release: Release, erased: ErasedUsers) -> ReleaseInputs:
    lists, explanations = old / f"{LISTS.name}.parquet", old / f"{EXPLANATIONS.name}.parquet"
    gone = tables.own_ids(lists, erased)
    keys = tables.kept_keys(lists, erased)
    inputs = ReleaseInputs(
        lists=work / "lists.parquet",
        explanations=work / "explanations.parquet",
        segment_lists=old / "segment_lists.parquet",
        neighbour_lists=old / "neighbour_lists.parquet",
        items=old / "items.parquet",
        recent_items=work / "recent_items.parquet",
        users=work / "users.parquet",
    )
    write_batches(tables.without(lists, "user_id", gone), LISTS, inputs.lists)
    write_batches(tables.silenced(explanations, keys), EXPLANATIONS, inputs.explanations)
    item_ids = pl.read_parquet(inputs.items, columns=["item_id"])["item_id"]
    recent = (_recent(release, users, item_ids).to_arrow() for users in _blocks(release, erased))
    write_batches(recent, RECENT_ITEMS, inputs.recent_items)
    stated = (_stated(release, users).to_arrow() for users in _blocks(release, erased))
    write_batches(stated, USERS, inputs.users)
    return inputs


def _user_ids(release: Release) -> list[str]:
    """Returns every user with a record, ascending."""
    return sorted(key.decode() for key, _ in release.user_records())


def _blocks(release: Release, erased: ErasedUsers) -> Iterator[list[str]]:
    """Yields the users who stay, by id, a block at a time."""
    everyone = iter(_user_ids(release))
    while users := list(islice(everyone, _USERS_AT_ONCE)):
        gone = set(erased.among(pl.Series(users, dtype=pl.String)))
        yield [user for user in users if user not in gone]


def _recent(release: Release, users: Iterable[str], item_ids: pl.Series) -> pl.DataFrame:
    """Returns RECENT_ITEMS as the records have them; when they were touched is not kept there."""
    records = [(user, record.recent) for user in users if (record := release.user(user))]
    frame = pl.DataFrame(
        records, schema={"user_id": pl.String, "num": pl.List(pl.Int32)}, orient="row"
    )
    rows = frame.explode("num").drop_nulls("num")
    return rows.select(
        "user_id",
        rank=pl.int_range(1, pl.len() + 1, dtype=pl.Int32).over("user_id"),
        item_id=item_ids.gather(rows["num"]),
        last_us=pl.lit(0, pl.Int64),
    )


def _stated(release: Release, users: Iterable[str]) -> pl.DataFrame:
    """Returns USERS with the preferences that the records know by their segments."""
    genres = [name.removeprefix(GENRE_PREFIX) for name in release.layout.segments]
    rows = [
        {"user_id": user, "preferences": [genres[number] for number in record.segments]}
        for user in users
        if (record := release.user(user))
    ]
    frame = pl.DataFrame(rows, schema={"user_id": pl.String, "preferences": pl.List(pl.String)})
    missing = [name for name in USERS.names if name not in frame.columns]
    return (
        frame.with_columns(pl.lit(None, USERS.polars[name]).alias(name) for name in missing)
        .with_columns(opted_out=pl.lit(False))
        .select(USERS.names)
    )
