import os
from pathlib import Path

import pytest

from core import departure
from core.departure import (
    DAMAGED,
    age_seconds,
    delete,
    delete_unless_young,
    hide,
    sweep,
)
from core.kill_points import listen


@pytest.fixture
def version(tmp_path: Path) -> Path:
    folder = tmp_path / "v1"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("1")
    return folder


def test_a_version_is_out_of_sight_before_any_of_it_goes(version: Path) -> None:
    seen = []

    def look(point: str) -> None:
        if point == "version_out_of_sight":
            (hidden,) = version.parent.iterdir()
            seen.append((hidden.name[:12], (hidden / "deep" / "file").read_text()))

    listen(look)
    try:
        delete(version)
    finally:
        listen(None)
    assert seen == [(".deleted-v1-", "1")]
    assert list(version.parent.iterdir()) == []


def test_what_is_hidden_is_dated_now(version: Path) -> None:
    for path in (version, *version.rglob("*")):
        os.utime(path, (0, 0))
    assert age_seconds(version) > 1e9
    hidden = hide(version, DAMAGED)
    assert not version.exists()
    assert age_seconds(hidden) < 60
    assert (hidden / "deep" / "file").read_text() == "1"
    assert sweep(version.parent, 60) == []
    assert sweep(version.parent, 0) == [hidden]
    assert list(version.parent.iterdir()) == []


def test_a_version_that_lost_the_race_is_no_error_twice(version: Path) -> None:
    delete(version)
    with pytest.raises(FileNotFoundError):
        delete(version)
    assert age_seconds(version) == 0
    assert sweep(version, 0) == []


def test_what_somebody_takes_up_at_the_last_moment_gets_its_name_back(
    version: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_old() -> None:
        for path in (version, *version.rglob("*")):
            os.utime(path, (0, 0))

    def touch_when_hidden(path: Path) -> float:
        if path != version:
            os.utime(path)
        return age_seconds(path)

    assert not delete_unless_young(version, 60)
    make_old()
    with monkeypatch.context() as patch:
        patch.setattr(departure, "age_seconds", touch_when_hidden)
        assert not delete_unless_young(version, 60)
    assert (version / "deep" / "file").read_text() == "1"
    make_old()
    assert delete_unless_young(version, 60)
    assert list(version.parent.iterdir()) == []
    assert not delete_unless_young(version, 0)
