"""The flags and settings that name columns, actions and units."""

import pytest
from pydantic import ValidationError

from assets.ingest.mapping import build_mapping, parse_actions, parse_columns
from core.errors import UsageError
from core.ingest_settings import IngestSettings, Mapping
from tests.assets.ingest.conftest import event


def test_flags():
    assert parse_columns("user_id=personId, item_id = contentId") == {
        "user_id": "personId", "item_id": "contentId",
    }  # fmt: skip
    assert parse_actions("VIEW=view,COMMENT CREATED=like") == {
        "VIEW": "view", "COMMENT CREATED": "like",
    }  # fmt: skip
    assert parse_columns("value=a=b") == {"value": "a=b"}


@pytest.mark.parametrize(
    ("parse", "text", "message"),
    [
        (parse_columns, "", r"--columns part '' is no pair; write --columns user_id=personId"),
        (parse_columns, "user_id", "--columns part 'user_id' is no pair"),
        (parse_columns, "user_id=", "--columns part 'user_id=' is no pair"),
        (parse_columns, "user_id=a,", "--columns part '' is no pair"),
        (parse_columns, "user_id=a,user_id=b", "--columns names 'user_id' twice; name it once"),
        (parse_columns, "userId=a", "'userId' is no standard column; use one of event_id, user_id"),
        (parse_actions, "VIEW=look", "'look' is no action; use one of impression, click, view"),
        (parse_actions, "=view", "--actions part '=view' is no pair; write --actions VIEW=view"),
    ],
)
def test_flags_that_cannot_be_meant(parse, text, message):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert caught.value.exit_code == 2


def test_flags_go_over_settings():
    base = Mapping(columns={"user_id": "a", "item_id": "b"}, time_unit="ms", default_action="view")
    assert build_mapping(base, columns={"user_id": "c"}, time_unit="s") == Mapping(
        columns={"user_id": "c", "item_id": "b"}, time_unit="s", default_action="view"
    )
    with pytest.raises(UsageError, match="'auto', 's', 'ms', 'us' or 'iso'"):
        build_mapping(time_unit="days")


@pytest.mark.parametrize(
    "tree",
    [
        {"mapping": {"columns": {"x": "y"}}},
        {"mapping": {"columns": {"user_id": ""}}},
        {"mapping": {"actions": {"VIEW": "y"}}},
        {"mapping": {"default_action": "y"}},
        {"mapping": {"colour": 1}},
        {"earliest": "yesterday"},
        {"max_id_bytes": 0},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be_meant(tree):
    with pytest.raises(ValidationError):
        IngestSettings.model_validate(tree)


def test_every_setting_says_what_it_means():
    for model in (IngestSettings, Mapping):
        assert all(field.description for field in model.model_fields.values())


def test_actions_are_mapped_and_others_refused_by_name(zone):
    zone.land_lines(
        "events.jsonl",
        *(
            event(event_id=f"e{n}", action=action)
            for n, action in enumerate(("VIEW", " VIEW ", "like", "COMMENT CREATED", "x" * 99))
        ),
    )
    zone.ingest(Mapping(actions={"VIEW": "view", "COMMENT CREATED": "like"}))
    assert zone.rows("events")["action"].to_list() == ["view", "view", "like", "like"]
    assert zone.refusals() == [(5, f"action '{'x' * 40}' is unknown; map it with --actions")]


def test_a_mapped_column_that_is_absent_falls_back_to_the_standard_name(zone):
    zone.land("users.csv", "user_id,personId\na,b\n")
    zone.land("users-2.csv", "user_id\nc\n")
    zone.ingest(Mapping(columns={"user_id": "personId"}))
    assert sorted(zone.rows("user_rows")["user_id"]) == ["b", "c"]
