"""The texts of `--columns` and `--actions` as a mapping."""

from pydantic import ValidationError

from core.errors import UsageError
from core.ingest_settings import Mapping


def parse_columns(text: str) -> dict[str, str]:
    """Returns source column by standard column.

    >>> parse_columns("user_id=personId,item_id=contentId")
    {'user_id': 'personId', 'item_id': 'contentId'}

    Raises:
        UsageError: a part is no `name=source`, names no standard column, or one twice.
    """
    columns = _pairs(text, "--columns", "user_id=personId,item_id=contentId")
    return build_mapping(columns=columns).columns


def parse_actions(text: str) -> dict[str, str]:
    """Returns standard action by the source's spelling.

    >>> parse_actions("VIEW=view,COMMENT CREATED=like")
    {'VIEW': 'view', 'COMMENT CREATED': 'like'}

    Raises:
        UsageError: a part is no `SPELLING=action`, names no action, or one spelling twice.
    """
    return build_mapping(actions=_pairs(text, "--actions", "VIEW=view,LIKE=like")).actions


def build_mapping(
    base: Mapping | None = None,
    *,
    columns: dict[str, str] | None = None,
    actions: dict[str, str] | None = None,
    default_action: str | None = None,
    time_unit: str | None = None,
) -> Mapping:
    """Returns `base` with what flags say put over it.

    Raises:
        UsageError: a column, action or unit is unknown.
    """
    known = base or Mapping()
    try:
        return Mapping.model_validate(
            {
                "columns": {**known.columns, **(columns or {})},
                "actions": {**known.actions, **(actions or {})},
                "default_action": default_action or known.default_action,
                "time_unit": time_unit or known.time_unit,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(first["msg"].removeprefix("Value error, ")) from None


def _pairs(text: str, flag: str, example: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        left, equals, right = (piece.strip() for piece in part.partition("="))
        if not (left and equals and right):
            raise UsageError(f"{flag} part {part.strip()!r} is no pair; write {flag} {example}")
        if left in pairs:
            raise UsageError(f"{flag} names {left!r} twice; name it once")
        pairs[left] = right
    return pairs
