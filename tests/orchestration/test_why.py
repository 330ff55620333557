"""What `daybreak why` says where a file that it would tell from is damaged."""

import pytest

from core.home import Home
from core.release_store import ReleaseStore
from core.schemas import CANDIDATES, LISTS, USERS, Table
from core.store import Store
from tests.small_world import SECOND_NIGHT

USER = "u000010"


def stored(home, table: Table, part=""):
    return Store(Home(home).artefacts).current(table.name, SECOND_NIGHT).table_path(table, part)


def released(home):
    releases = ReleaseStore(Home(home).releases)
    return releases.path(releases.log.current()) / "tables" / f"{LISTS.name}.parquet"


WHICH = {
    "an artefact": lambda home: stored(home, USERS),
    "a part of one": lambda home: stored(home, CANDIDATES, "release"),
    "the release": released,
}


@pytest.mark.parametrize("which", WHICH.values(), ids=list(WHICH))
def test_a_damaged_file_is_named_in_one_line(nights_copy, daybreak, which):
    assert daybreak("why", USER).code == 0
    path = which(nights_copy)
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)
    path.write_bytes(content)
    told = daybreak("why", USER)
    assert (told.code, told.out, told.err.count("\n")) == (1, "", 1)
    assert told.err.startswith(f"daybreak: {path} has other bytes than its manifest says")
