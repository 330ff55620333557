"""What imports pyspark survives in a process whose main module has no file."""

import subprocess
import sys

import pytest

from core.main_module import main_with_file


def test_great_expectations_leaves_the_process_running() -> None:
    code = "from expectations.great import load; load(); print('lived')"
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert told.stdout.splitlines()[-1:] == ["lived"], told.stderr


def test_the_main_module_is_left_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    main = sys.modules["__main__"]
    monkeypatch.setattr(main, "__file__", "a/program.py", raising=False)
    with main_with_file():
        assert main.__file__ == "a/program.py"
    monkeypatch.delattr(main, "__file__")
    with main_with_file():
        assert main.__file__
    assert not hasattr(main, "__file__")
