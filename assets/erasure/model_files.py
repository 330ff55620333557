"""Writes the files of factors and vectors anew, without those of the erased users."""

from pathlib import Path

import polars as pl

from assets.erasure import tables
from assets.erasure.version import Version, Write
from training.als import AlsModel
from training.export import load_arrays, save_arrays
from training.fitted import load_model, save_model


def factors_write(version: Version, name: str) -> Write | None:
    """Returns how to write ALS factors anew, or None; a row is a number, so it becomes 0."""
    nums = version.gone_nums
    model = load_model(version.artefact.path / name, AlsModel)
    if not nums or not model.user_factors[nums].any():
        return None

    def write(target: Path) -> None:
        factors = model.user_factors.copy()
        factors[nums] = 0
        save_model(AlsModel(factors, model.item_factors), target)

    return write


def vectors_write(version: Version, name: str) -> Write | None:
    """Returns how to write exported vectors anew, or None; their rows go with the users'."""
    path = version.artefact.path / name
    users = path.with_name("users.parquet")
    if not tables.own_ids(users, version.erased):
        return None
    kept = ~version.erased.own(pl.read_parquet(users, columns=["user_id"])["user_id"])

    def write(target: Path) -> None:
        arrays = load_arrays(path)
        save_arrays({**arrays, "users": arrays["users"][kept.to_numpy()]}, target)

    return write
