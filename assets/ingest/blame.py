"""Whose fault it is that a file was not read: the file's, for good, or the machine's, for now."""

import contextlib
import errno
import gzip
import textwrap
import zlib
from collections.abc import Iterator

import polars as pl
import pyarrow as pa

from core.errors import DaybreakError, MachineFault, UnreadableFile


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Turns whatever a parser raises into UnreadableFile, and what the machine does into its own.

    A file found unreadable is not read again, so only what its content must cause may count
    against it. What ends the process or the run passes: of the exceptions that are no Exception
    only Polars' PanicException is a parser's.

    Args:
        name: the file's, for the message.

    Raises:
        UnreadableFile: the content cannot be read.
        MachineFault: room, memory or file handles ran out, or the disk failed.
    """
    try:
        yield
    except DaybreakError:
        raise
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableFile(f"torn gzip ({error}); send the file again") from error
    except (Exception, pl.exceptions.PanicException) as error:
        if _is_of_the_machine(error):
            raise MachineFault(
                f"{name} could not be read for now ({_detail(error)}); nothing of it was taken in: "
                "see to the machine's disk, memory and open files, then ingest again"
            ) from error
        foreseen = (pa.ArrowException, pl.exceptions.PolarsError, OSError, ValueError)
        what = "cannot be read" if isinstance(error, foreseen) else "breaks its reader"
        raise UnreadableFile(f"{what} ({_detail(error)}); send the file again") from error


def _is_of_the_machine(error: BaseException) -> bool:
    """Returns whether an error can come of a file that nothing is wrong with.

    A parser's own OSError has no error number; one with a number is a system call's. The one
    number that content can bring about is that of a seek to nowhere.
    """
    if isinstance(error, OSError):
        return error.errno not in (None, errno.EINVAL)
    return isinstance(error, MemoryError)


def _detail(error: BaseException) -> str:
    # Cut between words: of what it quotes, an id must stay whole to be found again.
    return f"{type(error).__name__}: {textwrap.shorten(str(error), 200, placeholder=' …')}"
