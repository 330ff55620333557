"""Answers that a release must give before it may serve: the reader's own acceptance test.

They are computed from the tables when the release is built, not through the packed files, so they
also catch a reader and a builder that disagree.
"""

from pathlib import Path

import msgspec

from core.errors import IntegrityError
from core.ids import digest
from serving.answer import item_rows
from serving.ladder import choose
from serving.layout import GOLDEN
from serving.release import Release


class GoldenAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One known answer.

    Attributes:
        user_id: whose; empty for a user that no release knows.
        count: how many items to ask for.
        rung: the rung that must answer.
        sha256: hash over the rows; see `row_digest`.
    """

    user_id: str
    count: int
    rung: str
    sha256: str


def row_digest(rows: list[list[str | None]]) -> str:
    """Returns the hash over the rows `[item_id, title, reason type, reason text]` in order."""
    return digest(rows)


def read_golden(folder: Path) -> list[GoldenAnswer]:
    """Reads a release's golden answers.

    Raises:
        IntegrityError: there are none, or the file is damaged.
    """
    path = folder / GOLDEN
    try:
        answers = msgspec.json.decode(path.read_bytes(), type=list[GoldenAnswer])
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise IntegrityError(f"{path} holds no golden answers ({error}); rebuild it") from error
    if not answers:
        raise IntegrityError(f"{path} holds no golden answers; rebuild it")
    return answers


def check_golden(release: Release) -> None:
    """Asks a release for its golden answers.

    Raises:
        IntegrityError: it gives another answer, or none that can be read.
    """
    for number, golden in enumerate(read_golden(release.folder), start=1):
        choice = choose(release, golden.user_id, golden.count)
        try:
            rows = msgspec.json.decode(item_rows(release, choice))
            given = [
                [x["item_id"], x["title"], x["reason"]["type"], x["reason"]["text"]] for x in rows
            ]
        except (msgspec.MsgspecError, ValueError, KeyError, TypeError, IndexError) as error:
            raise IntegrityError(
                f"{release.folder} gives golden answer {number} not readably ({error})"
            ) from error
        if choice.rung != golden.rung or row_digest(given) != golden.sha256:
            raise IntegrityError(
                f"{release.folder} gives golden answer {number} otherwise than its tables say; "
                f"builder and reader disagree, rebuild it"
            )
