"""How much memory the process held at most, since the last time it was asked to forget."""

import resource
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def reset_peak() -> None:
    """Forgets the peak so far, where the kernel allows it (Linux)."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return  # elsewhere the peak is that of the whole process so far


def peak_mb() -> float:
    """Returns the highest resident memory in MiB since `reset_peak`, to a tenth."""
    try:
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return round(int(line.split()[1]) / 1024, 1)
    except OSError:
        pass  # no /proc: fall through to the process's own count
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
