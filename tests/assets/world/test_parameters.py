from pathlib import Path

import pytest

from assets.world.parameters import Scale, load_parameters
from core.errors import InputError

COMMITTED = Path(load_parameters.__code__.co_filename).with_name("world.toml").read_text("utf-8")


def _load(tmp_path: Path, old: str, new: str):
    assert COMMITTED.count(old) == 1
    path = tmp_path / "other.toml"
    path.write_text(COMMITTED.replace(old, new), "utf-8")
    return load_parameters(path)


def test_the_committed_file_is_the_default(tmp_path):
    path = tmp_path / "copy.toml"
    path.write_text(COMMITTED, "utf-8")
    assert load_parameters(path) == load_parameters()


def test_another_file_is_another_world(tmp_path):
    other = _load(tmp_path, "drift_days = 90.0", "drift_days = 30.0")
    assert (other.taste.drift_days, load_parameters().taste.drift_days) == (30.0, 90.0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("drift_days = 90.0", "drift_day = 90.0", r"taste\.drift_days: Field required"),
        ("[files]", "colour = 1\n[files]", r"faults\.colour: Extra inputs"),
        ("late_share = 0.012", "late_share = 1.2", r"faults\.late_share: Input should be less"),
        ("slow_share = 0.36", "slow_share = 0.1", r"bots\.slow_share"),
        ("[0.6, 0.25, 0.15]", "[0.6, 0.25, 0.25]", "surface_shares sum to 1.1"),
        ("page_lengths = [14, 10, 6]", "page_lengths = [14, 10]", "one length for each surface"),
        ("drift_days = 90.0", "drift_days = ", "not a readable TOML file"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path, old, new, message):
    with pytest.raises(InputError, match=message) as caught:
        _load(tmp_path, old, new)
    assert "\n" not in str(caught.value)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml"):
        load_parameters(tmp_path / "nowhere.toml")


def test_fields_explain_themselves(parameters):
    for section in type(parameters).model_fields:
        for name, field in type(getattr(parameters, section)).model_fields.items():
            assert field.description, f"{section}.{name}"
    assert Scale.model_config["frozen"]
