import re
import shutil
from pathlib import Path

import pytest

from core import code_version as module


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small project that the hash is taken over instead of this one."""
    for package in ("core", "assets", "serving", "orchestration"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(f'"""{package}."""\n')
    monkeypatch.setattr(module, "__file__", str(tmp_path / "core" / "code_version.py"))
    return tmp_path


def version() -> str:
    return module.code_version.__wrapped__()


def test_twelve_hex_digits_for_this_project() -> None:
    assert re.fullmatch("[0-9a-f]{12}", module.code_version())


def test_any_source_that_shapes_artefacts_changes_it(copied: Path) -> None:
    before = version()
    (copied / "assets" / "deep").mkdir()
    (copied / "assets" / "deep" / "rule.py").write_text("LIMIT = 3\n")
    added = version()
    (copied / "assets" / "deep" / "rule.py").write_text("LIMIT = 4\n")
    edited = version()
    (copied / "assets" / "deep" / "rule.py").rename(copied / "assets" / "deep" / "rules.py")
    assert len({before, added, edited, version()}) == 4
    shutil.rmtree(copied / "assets" / "deep")
    assert version() == before


def test_what_only_starts_the_work_does_not_change_it(copied: Path) -> None:
    before = version()
    (copied / "orchestration" / "jobs.py").write_text("")
    (copied / "core" / "notes.md").write_text("")
    (copied / "core" / "__pycache__").mkdir()
    (copied / "core" / "__pycache__" / "a.pyc").write_bytes(b"1")
    assert version() == before
