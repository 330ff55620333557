"""Training that diverges, is killed in mid-epoch, or left a matrix of nonsense behind."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.models.candidates import make_candidates
from assets.models.fold_models import model_file
from assets.models.recency import make_recency
from assets.models.stage import make_als, make_neighbours, make_popularity, make_two_tower
from assets.publication.garbage import clear_up
from core.errors import DaybreakError, NotFound, TrainingDiverged
from core.home import Home
from core.night import Night, Workspace
from core.retention_settings import RetentionSettings
from core.schemas import CANDIDATES
from core.staging import Staging
from tests import tiny_night, toy
from tests.tiny_night import RELEASE, SETTINGS, TEST
from training import tower_steps
from training.fitted import load_model, save_model
from training.tower_model import TwoTowerModel

pytestmark = pytest.mark.faults
ROOT = Path(__file__).resolve().parent.parent.parent
LONG = SETTINGS.model_copy(
    update={
        "models": SETTINGS.models.model_copy(
            update={"two_tower": SETTINGS.models.two_tower.model_copy(update={"epochs": 120})}
        )
    }
)


def night_of(home: Path, settings=LONG) -> Night:
    return Workspace(Home(home), settings).night(toy.AS_OF.isoformat())


def at_step(number: int, act):
    """Returns a loss that calls `act` on its value at one step, counted over all fits."""
    whole, steps = tower_steps.full_softmax_loss, []

    def loss(*arguments):
        value = whole(*arguments)
        steps.append(1)
        return act(value) if len(steps) == number else value

    return loss


def test_a_loss_that_turns_nan_at_step_100_leaves_nothing(tmp_path, monkeypatch):
    tiny_night.tables_only(tmp_path)
    night = night_of(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(tower_steps, "full_softmax_loss", at_step(100, lambda x: x * float("nan")))
        with pytest.raises(TrainingDiverged, match=r"loss is nan at step 100 of \d+ "):
            make_two_tower(night)
    folder = tmp_path / "artefacts" / "two_tower" / night.key
    assert list(folder.iterdir()) == []
    with pytest.raises(NotFound):
        night.get("two_tower")
    made = make_two_tower(night).artefact
    assert np.isfinite(load_model(made.file(model_file(RELEASE)), TwoTowerModel).item_vectors).all()


KILLED = """
import os, signal, sys
from pathlib import Path
from training import tower_steps
from tests.faults.test_training_faults import at_step, make_two_tower, night_of
kill = lambda value: os.kill(os.getpid(), signal.SIGKILL)
tower_steps.full_softmax_loss = at_step(int(sys.argv[2]), kill)
make_two_tower(night_of(Path(sys.argv[1])))
"""


def test_killed_in_mid_epoch_a_second_run_gives_the_same_bytes(tmp_path, trials):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    for home in (whole, killed):
        tiny_night.tables_only(home)
    wanted = make_two_tower(night_of(whole)).artefact.manifest
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for step in (50, 1, 30, 75, 100)[: trials(1, 5)]:
        command = [sys.executable, "-c", KILLED, str(killed), str(step)]
        ended = subprocess.run(command, cwd=ROOT, env=environment, check=False)
        assert ended.returncode == -signal.SIGKILL
        with pytest.raises(NotFound):
            night_of(killed).get("two_tower")
    found = make_two_tower(night_of(killed)).artefact.manifest
    assert (found.version, found.content_hash) == (wanted.version, wanted.content_hash)
    clear_up(Home(killed), RetentionSettings(), grace_seconds=0)
    assert list(killed.rglob(".staging-*")) == []


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("fitted")
    night = tiny_night.tables_only(home)
    for make in (make_popularity, make_als, make_neighbours, make_two_tower, make_recency):
        make(night)
    return home


def nonsense(kind: str, model: TwoTowerModel) -> TwoTowerModel:
    items = model.item_vectors.copy()
    if kind == "another dimension":
        return replace(model, item_vectors=np.ascontiguousarray(items[:, :-1]))
    items[3] = {"nan": np.nan, "infinite": np.inf, "zero": 0.0}[kind]
    return replace(model, item_vectors=items)


@pytest.mark.parametrize("kind", ["nan", "infinite", "another dimension", "zero"])
def test_a_matrix_of_nonsense_gives_no_candidates(fitted: Path, kind: str) -> None:
    night = night_of(fitted, SETTINGS)
    stored = night.get("two_tower")

    def write(staging: Staging) -> None:
        for fold in (TEST, RELEASE):
            model = load_model(stored.file(model_file(fold)), TwoTowerModel)
            save_model(nonsense(kind, model), staging.file(model_file(fold)))
        staging.write_json("curves.json", stored.json("curves.json"))

    planted = night.make("two_tower", write, config={"planted": kind})
    try:
        if kind == "zero":  # an item of which the network knows nothing
            made = make_candidates(night).artefact.table(CANDIDATES, "release")
            scores = made.select(pl.selectors.float().is_finite().all())
            assert all(scores.row(0))
        else:
            with pytest.raises(DaybreakError) as refused:
                make_candidates(night)
            print(refused.value)
            assert "\n" not in str(refused.value)
    finally:
        assert planted.artefact.version != stored.version
        night.store.make_current(stored)
