from pathlib import Path

import numpy as np
import pytest

from core import memory


def test_the_peak_covers_what_was_freed_again() -> None:
    memory.reset_peak()
    before = memory.peak_mb()
    held = np.ones(8 << 20)  # 64 MiB
    del held
    assert memory.peak_mb() - before > 40
    assert memory.peak_mb() == round(memory.peak_mb(), 1)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="only Linux forgets a peak")
def test_a_reset_forgets_the_peak() -> None:
    held = np.ones(8 << 20)
    memory.reset_peak()
    high = memory.peak_mb()
    del held
    memory.reset_peak()
    assert high - memory.peak_mb() > 40


def test_without_proc_the_process_count_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "_STATUS", Path("/nowhere/status"))
    monkeypatch.setattr(memory, "_CLEAR", Path("/nowhere/clear_refs"))
    memory.reset_peak()
    assert memory.peak_mb() > 10
