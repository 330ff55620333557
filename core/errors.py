"""Every error that Daybreak raises on purpose, as one tree.

    DaybreakError                 printed on one line; `exit_code` is the exit status
    ├── UsageError            2   a flag, setting or argument that cannot be meant
    ├── InputError            2   a file or value from outside that cannot be used
    │   ├── UnreadableFile    2   a whole file that no reader opens
    │   └── UnsafeName        2   a name that would leave its folder
    ├── NotFound              2   an artefact, release, user or item that does not exist
    ├── IntegrityError        1   stored bytes differ from what their manifest promises
    ├── NotReproducible       1   a recomputed artefact differs from the stored one
    ├── CheckFailed           1   an account, check or gate said no
    │   └── GateRefused       1   the gate refused a release
    ├── MachineFault          1   the machine failed, not what it was given
    ├── ReleaseConflict       1   another writer took the place in the release log
    └── TrainingDiverged      1   a loss or a matrix is no longer finite

Messages name the value, the limit and the next step, in one line.
"""


class DaybreakError(Exception):
    """Something went wrong in a way that Daybreak foresaw."""

    exit_code = 1


class UsageError(DaybreakError):
    """A flag, setting or argument cannot be meant."""

    exit_code = 2


class InputError(DaybreakError):
    """A file or value from outside cannot be used."""

    exit_code = 2


class UnreadableFile(InputError):
    """A whole file cannot be read: torn, of another format, or larger than allowed."""


class UnsafeName(InputError):
    """A name from outside would leave the folder it is meant for."""


class NotFound(DaybreakError):
    """An artefact, release, user or item does not exist."""

    exit_code = 2


class IntegrityError(DaybreakError):
    """Stored bytes differ from what their manifest promises."""


class NotReproducible(DaybreakError):
    """The same inputs gave another result than the one already stored."""


class CheckFailed(DaybreakError):
    """An account, a check or a gate said no."""


class GateRefused(CheckFailed):
    """The gate refused to let a release be published."""


class MachineFault(DaybreakError):
    """The machine failed at something that may succeed the next time: no room, no memory."""


class ReleaseConflict(DaybreakError):
    """Another writer was first, in the release log or with a release that forgets someone."""


class TrainingDiverged(DaybreakError):
    """A loss, gradient or matrix is no longer finite."""
