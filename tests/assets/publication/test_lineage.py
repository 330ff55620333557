import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest

from assets.publication.lineage import lineage
from core.artefact import Artefact
from core.errors import IntegrityError
from core.manifest import NAME
from core.store import Plan, Store

DAY = "2024-03-10"


def made(store: Store, kind: str, inputs: Mapping[str, Artefact] | None = None) -> Artefact:
    versions = {name: one.version for name, one in (inputs or {}).items()}
    plan = Plan(kind, DAY, versions, {}, 1)
    return store.commit(plan, store.begin(plan))


def test_every_artefact_behind_one_by_version(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lake = made(store, "lake")
    events = made(store, "clean_events", {"lake": lake})
    items = made(store, "items", {"lake": lake, "clean_events": events})
    lists = made(store, "lists", {"items": items, "clean_events": events})
    made(store, "other", {"lake": lake})
    assert lineage(store, lists) == {
        "lists": lists.version, "items": items.version, "clean_events": events.version,
        "lake": lake.version,
    }  # fmt: skip
    assert lineage(store, lake) == {"lake": lake.version}


def test_two_versions_of_one_kind_do_not_meet(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lake = made(store, "lake")
    old, new = made(store, "items"), made(store, "items", {"lake": lake})
    features = made(store, "features", {"items": old})
    lists = made(store, "lists", {"items": new, "features": features})
    with pytest.raises(IntegrityError, match=r"mixes items .* run the whole date 2024-03-10 again"):
        lineage(store, lists)


def test_a_damaged_or_missing_ancestor_is_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lake = made(store, "lake")
    lists = made(store, "lists", {"items": made(store, "items", {"lake": lake})})
    path = lake.path / NAME
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"seed":1', b'"seed":2'))
    with pytest.raises(IntegrityError, match=rf"{lake.version}/manifest\.json was altered"):
        lineage(store, lists)
    path.unlink()
    with pytest.raises(IntegrityError, match=rf"{lake.version}/manifest\.json cannot be read"):
        lineage(store, lists)


def test_what_is_kept_no_more_can_be_left_out_with_what_only_it_led_to(tmp_path: Path) -> None:
    store = Store(tmp_path)
    lake = made(store, "lake")
    events = made(store, "clean_events", {"lake": lake})
    items, users = made(store, "items", {"lake": lake}), made(store, "users", {"lake": lake})
    features = made(store, "features", {"clean_events": events})
    lists = made(store, "lists", {"items": items, "users": users, "features": features})
    assert lineage(store, lists, kept_only=True) == lineage(store, lists)
    shutil.rmtree(features.path)
    shutil.rmtree(items.path)
    assert lineage(store, lists, kept_only=True) == {
        "lists": lists.version, "users": users.version, "lake": lake.version,
    }  # fmt: skip
    (users.path / NAME).write_text("{}")
    with pytest.raises(IntegrityError, match="is no manifest"):
        lineage(store, lists, kept_only=True)
