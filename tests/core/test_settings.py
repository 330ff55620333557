from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from core.errors import UsageError
from core.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "daybreak.toml"
    path.write_text("seed = 5\n[lists]\nlength = 20\nfresh_share = 0.2\n")
    return path


def test_a_variable_stands_above_the_file_and_the_file_above_the_default(file: Path) -> None:
    settings = load_settings(file, {"DAYBREAK_LISTS__LENGTH": "40"})
    assert (settings.lists.length, settings.lists.fresh_share) == (40, 0.2)
    assert settings.lists.fresh_days == Settings().lists.fresh_days
    assert settings.seed == 5
    assert load_settings(file, {}).lists.length == 20


def test_variables_are_json_where_they_parse_as_such_else_text(file: Path) -> None:
    settings = load_settings(
        file,
        {
            "DAYBREAK_ENGINE": "duckdb",
            "DAYBREAK_GATE__ITEMS_RATIO_RANGE": "[0.5, 2]",
            "DAYBREAK_GATE__MARGIN": "1e-2",
            "DAYBREAK_GATE__QUALITY_METRIC": '"recall@20"',
            "DAYBREAK_INGEST__MAPPING__ACTIONS": '{"VIEW": "view"}',
            "DAYBREAK_MODELS__ALS__EPOCHS": "3",
        },
    )
    assert settings.engine == "duckdb"
    assert settings.gate.items_ratio_range == (0.5, 2)
    assert settings.gate.margin == 0.01
    assert settings.gate.quality_metric == "recall@20"
    assert settings.ingest.mapping.actions == {"VIEW": "view"}
    assert settings.models.als.epochs == 3
    assert settings.models.als.embedding_size == Settings().models.als.embedding_size


def test_a_whole_section_in_a_variable_replaces_the_files(file: Path) -> None:
    settings = load_settings(file, {"DAYBREAK_LISTS": '{"length": 30}'})
    assert settings.lists.length == 30
    assert settings.lists.fresh_share == Settings().lists.fresh_share


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("color = 1", "'color' = 1"),
        ("[lists]\nlenght = 20", "'lists.lenght' = 20"),
        ("[lits]\nlength = 20", "'lits'"),
        ("[models.als]\nk = 1", "'models.als.k'"),
        ("[cleaning.bots]\nname = 'x'", "'cleaning.bots.name' = 'x'"),
    ],
)
def test_an_unknown_key_is_refused_by_name(tmp_path: Path, content: str, named: str) -> None:
    path = tmp_path / "daybreak.toml"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"see docs/settings\.md") as refusal:
        load_settings(path, {})
    assert f"setting {named}" in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert refusal.value.exit_code == 2


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("DAYBREAK_COLOR", "1", "'color' = 1"),
        ("DAYBREAK_LISTS__LENGHT", "20", "'lists.lenght' = 20"),
        ("DAYBREAK_LISTS__LENGTH", "many", "'lists.length' = 'many'"),
        ("DAYBREAK_LISTS__LENGTH", "", "'lists.length' = ''"),
        ("DAYBREAK_LISTS__LENGTH", "20.5", "'lists.length' = 20.5"),
        ("DAYBREAK_LISTS__LENGTH", "9", "'lists.length' = 9"),
        ("DAYBREAK_LISTS__LENGTH", "501", "'lists.length' = 501"),
        ("DAYBREAK_LISTS__LENGTH", "null", "'lists.length' = None"),
        ("DAYBREAK_LISTS__LENGTH", "[" * 100_000, "'lists.length'"),
        ("DAYBREAK_LISTS__FRESH_SHARE", "NaN", "'lists.fresh_share' = nan"),
        ("DAYBREAK_LISTS__FRESH_SHARE", "Infinity", "'lists.fresh_share' = inf"),
        ("DAYBREAK_LISTS", "40", "'lists' = 40"),
        ("DAYBREAK_LISTS__LENGTH__MORE", "1", "'lists.length'"),
        ("DAYBREAK_ENGINE", "pandas", "'engine' = 'pandas'"),
        ("DAYBREAK_SEED", "-1", "'seed' = -1"),
        ("DAYBREAK_SEED", "9007199254740992", "'seed' = 9007199254740992"),
        ("DAYBREAK_", "1", "''"),
    ],
)
def test_a_bad_variable_is_refused_by_name(file: Path, name: str, text: str, named: str) -> None:
    with pytest.raises(UsageError, match=r"see docs/settings\.md") as refusal:
        load_settings(file, {name: text})
    assert named in str(refusal.value) or name in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_variable_below_a_value_is_refused(file: Path) -> None:
    with pytest.raises(UsageError, match="DAYBREAK_SEED__MORE names a section that is a value"):
        load_settings(file, {"DAYBREAK_SEED__MORE": "1"})


def test_variables_that_are_no_settings_are_left_alone(file: Path) -> None:
    others = {
        "DAYBREAK_HOME": "x", "DAYBREAK_DATA": "x", "DAYBREAK_CONFIG": "x",
        "DAYBREAK_WEBHOOK": "x", "HOME": "/", "daybreak_seed": "9", "DAYBREAKER": "1",
    }  # fmt: skip
    assert load_settings(file, others) == load_settings(file, {})


def test_the_file_is_the_named_one_else_the_folders_else_the_projects(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    named = {"DAYBREAK_CONFIG": str(file)}
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert load_settings(None, named).seed == 5
    assert load_settings(None, {}).seed == load_settings(ROOT / "daybreak.toml", {}).seed
    (elsewhere / "daybreak.toml").write_text("seed = 6")
    assert load_settings(None, {}).seed == 6
    assert load_settings(None, named).seed == 5
    monkeypatch.setenv("DAYBREAK_SEED", "8")
    assert load_settings(file).seed == 8


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"seed = ", "is no TOML"), (b"\xff", "is no TOML"), (b"seed = 1\nseed = 2", "is no TOML")],
)
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "daybreak.toml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=reason):
        load_settings(path, {})


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist; see DAYBREAK_CONFIG"):
        load_settings(tmp_path / "none.toml", {})
    with pytest.raises(UsageError, match=r"cannot be read \(Is a directory"):
        load_settings(None, {"DAYBREAK_CONFIG": str(tmp_path)})


def test_the_projects_own_file_says_what_the_defaults_say() -> None:
    assert load_settings(ROOT / "daybreak.toml", {}) == Settings()


def sections(model: type[BaseModel]) -> list[type[BaseModel]]:
    found = [model]
    for field in model.model_fields.values():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found += sections(field.annotation)
    return found


@pytest.mark.parametrize("section", sections(Settings), ids=lambda section: section.__name__)
def test_a_section_is_frozen_closed_and_explained(section: type[BaseModel]) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        section.model_validate({"unheard_of": 1})
    name, field = next(iter(section.model_fields.items()))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(section(), name, None)
    unexplained = [key for key, one in section.model_fields.items() if not one.description]
    assert unexplained == []
    assert field.description
