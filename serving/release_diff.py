"""What changed from one release to another, before anyone announces it or long after."""

import math
from typing import Any

from core.errors import NotFound, UsageError
from core.home import Home
from core.release_standing import ReleaseEntry
from core.release_store import ReleaseStore
from core.release_tables import released_table
from core.schemas import EXPLANATIONS, ITEMS, LISTS
from serving.list_changes import COLUMNS, LARGEST, ListChanges, compare_lists
from serving.table_changes import EXPLAINED, LISTED, item_changes, row_shares, text_changes


def diff_releases(
    home: Home, before: str | None = None, after: str | None = None
) -> dict[str, Any]:
    """Returns what changed between two stored releases; see `compare_releases`.

    Args:
        home: where the releases lie.
        before: the first one; by default the one that the second is held against, as the gate
            does: the unbarred release of the date before.
        after: the second one; by default the newest stored, announced or not.

    Raises:
        NotFound: there is no such release, or none at all.
        UsageError: both are the same.
        IntegrityError: a table, a manifest or the log is damaged.
    """
    releases = ReleaseStore(home.releases)
    second = after or _newest(releases)
    first = before or releases.log.champion_before(releases.manifest(second).as_of)
    return compare_releases(releases, first, second)


def compare_releases(releases: ReleaseStore, before: str | None, after: str) -> dict[str, Any]:
    """Returns what changed between two releases, from their own verified tables.

    Args:
        releases: where they lie.
        before: the first one; None where the second has none before it.
        after: the second one.

    Returns:
        `before` and `after`, their ids; without a first one that is all. Else also
        `users`: before, after, in_both, changed, new, gone;
        `overlap`: mean Jaccard of the top tens of the users in both (None without any), and
        `users`, their number by items in common, 0 to 10;
        `rows`: before, after; `by_source`, `by_reason_type`, `by_rule`: see `row_shares`;
        `items`: see `item_changes`; `texts`: see `text_changes`;
        `largest_changes`: user_id, overlap, in_common, before, after (items of the top tens) of
        the ten users whose top tens have least in common, none of them hidden by a tombstone.
        Nobody's history is in it.

    Raises:
        NotFound: there is no such release.
        UsageError: both are the same.
        IntegrityError: a table, a manifest or the tombstone log is damaged.
    """
    if before is None:
        releases.manifest(after)
        return {"before": None, "after": after}
    if before == after:
        raise UsageError(
            f"release {after} was to be compared with itself; name two, see `daybreak release list`"
        )
    folders = releases.path(before), releases.path(after)
    old_lists, new_lists = (released_table(x, LISTS, (*COLUMNS, *LISTED)) for x in folders)
    old_items, new_items = (released_table(x, ITEMS, ("item_id", "title")) for x in folders)
    old_texts, new_texts = (released_table(x, EXPLANATIONS, EXPLAINED) for x in folders)
    tombstones = releases.tombstones.state()
    changes = compare_lists(old_lists, new_lists, n_more=len(tombstones.hidden))
    largest = [row for row in changes.largest.iter_rows() if not tombstones.hides(row[0])]
    records = [releases.manifest(x).files[f"tables/{LISTS.name}.parquet"] for x in (before, after)]
    return {
        "before": before,
        "after": after,
        "users": _users(changes),
        "overlap": {"mean": changes.mean_overlap, "users": changes.by_in_common()},
        "rows": {"before": records[0].rows, "after": records[1].rows},
        **row_shares(old_lists, new_lists),
        "items": item_changes((old_lists, new_lists), (old_items, new_items)),
        "texts": text_changes(old_texts, new_texts),
        "largest_changes": [
            {
                "user_id": user,
                "overlap": common / (n_before + n_after - common),
                "in_common": common,
                "before": n_before,
                "after": n_after,
            }
            for user, common, n_before, n_after in largest[:LARGEST]
        ],
    }


def unnamed(document: dict[str, Any]) -> dict[str, Any]:
    """Returns a diff without the users' ids and without sentences.

    This is what is kept and shown beyond the moment: who is erased later must not stand in it.
    """
    if document["before"] is None:
        return document
    texts = {name: value for name, value in document["texts"].items() if name != "examples"}
    largest = [
        {name: value for name, value in row.items() if name != "user_id"}
        for row in document["largest_changes"]
    ]
    return {**document, "texts": texts, "largest_changes": largest}


def _users(changes: ListChanges) -> dict[str, int]:
    return {
        "before": changes.n_before,
        "after": changes.n_after,
        "in_both": changes.n_in_both,
        "changed": changes.n_changed,
        "new": changes.n_after - changes.n_in_both,
        "gone": changes.n_before - changes.n_in_both,
    }


def _newest(releases: ReleaseStore) -> str:
    """Returns the stored release of the latest date.

    Of one date's releases one that the log does not know yet goes first: it is the one that waits
    to be announced; then the one that entered the log last.
    """
    standing = releases.log.standing()
    logged: dict[str, ReleaseEntry] = {**standing.archived, **standing.published}

    def place(name: str) -> tuple[str, float, str]:
        entry = logged.get(name)
        return name.rpartition(".")[0], entry.seq if entry else math.inf, name

    names = releases.ids()
    if not names:
        raise NotFound("no release is stored; run `daybreak run`")
    return max(names, key=place)
