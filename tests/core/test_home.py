from pathlib import Path

import pytest

from core.errors import UsageError
from core.home import Home


def test_the_flag_stands_above_the_variable_and_the_variable_above_var(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DAYBREAK_HOME", raising=False)
    assert Home.find().root == tmp_path / "var"
    monkeypatch.setenv("DAYBREAK_HOME", "")
    assert Home.find().root == tmp_path / "var"
    monkeypatch.setenv("DAYBREAK_HOME", "elsewhere")
    assert Home.find().root == tmp_path / "elsewhere"
    assert Home.find("here").root == tmp_path / "here"
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_home(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file; give a folder with --home"):
        Home.find(str(tmp_path / "file"))


def test_every_place_lies_under_the_root(tmp_path: Path) -> None:
    home = Home(tmp_path)
    places = {
        "landing": "landing", "intake": "intake", "lake": "lake", "ledger": "lake/ledger",
        "artefacts": "artefacts", "releases": "releases",
        "truth": "truth", "dagster": "dagster", "tracking": "mlflow",
    }  # fmt: skip
    assert {name: getattr(home, name) for name in places} == {
        name: tmp_path / place for name, place in places.items()
    }
