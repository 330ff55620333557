"""A release's table is given out whole, with what the reader needs, or not at all."""

import pytest

from core.errors import IntegrityError
from core.release_store import ReleaseStore
from core.release_tables import released_table
from core.release_writer import ReleasePlan, ReleaseWriter
from core.schemas import ITEMS, LISTS
from tests.toy import rows_of


@pytest.fixture
def folder(tmp_path):
    writer = ReleaseWriter(ReleaseStore(tmp_path))
    plan = ReleasePlan("2024-03-10", {}, {}, 1)
    staging = writer.begin(plan)
    staging.write_table(
        rows_of(ITEMS, [{"item_id": "x", "in_catalogue": True}]), ITEMS, part="tables"
    )
    return writer.commit(plan, staging).path


def test_a_whole_table_is_given_out(folder):
    assert released_table(folder, ITEMS, ("item_id",)) == folder / "tables" / "items.parquet"
    assert released_table(folder, ITEMS).is_file()


def test_a_table_that_the_manifest_lacks_is_refused_though_it_lies_there(folder):
    with pytest.raises(IntegrityError, match=r"lists\.parquet is not in the release's manifest"):
        released_table(folder, LISTS)
    (folder / "tables" / "lists.parquet").write_bytes(
        (folder / "tables" / "items.parquet").read_bytes()
    )
    with pytest.raises(IntegrityError, match="is not in the release's manifest"):
        released_table(folder, LISTS)


def test_a_table_of_another_version_is_refused_by_its_column(folder):
    with pytest.raises(IntegrityError, match=r"no column 'colour', it was written by another"):
        released_table(folder, ITEMS, ("item_id", "colour"))


def test_one_flipped_bit_is_refused(folder):
    path = folder / "tables" / "items.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match="other bytes than its manifest says"):
        released_table(folder, ITEMS)


def test_another_releases_manifest_is_refused(folder):
    renamed = folder.rename(folder.with_name("2024-03-10.000000"))
    with pytest.raises(IntegrityError, match=r"not of release 2024-03-10\.000000"):
        released_table(renamed, ITEMS)
