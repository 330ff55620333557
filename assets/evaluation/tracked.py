"""Records a night in MLflow: what was fitted, on which data, and how it did."""

from typing import Any

from core.artefact import Artefact
from core.home import Home
from core.night import Night
from core.release_store import ReleaseStore
from training.tracking import Tracker
from training.tracking_registry import RegisteredRelease, set_aliases

EXPERIMENT = "daily"


def track_evaluation(night: Night, evaluation: Artefact) -> str:
    """Records an evaluation as one MLflow run; returns the URL at which `mlflow ui` shows it."""
    manifest = evaluation.manifest
    tags = {
        "as_of": night.key,
        "evaluation": manifest.version,
        "data_version": manifest.inputs["folds"],
        "code_version": manifest.code_version,
        "protocol": str(evaluation.facts.get("protocol")),
        "seed": str(manifest.seed),
    }
    with Tracker(
        night.home.tracking, experiment=EXPERIMENT, run_name=f"{night.key} {manifest.version}",
        tags=tags,
    ) as run:  # fmt: skip
        run.log_params(night.settings.models.model_dump())
        run.log_params({"lists": night.settings.lists.model_dump()})
        if "report.json" in manifest.files:
            run.log_metrics(_metrics(evaluation.json("report.json")))
        for kind in ("als", "two_tower"):
            for step, values in enumerate(night.get(kind).json("curves.json")["release"], start=1):
                named = {f"{kind}/{name}": value for name, value in values.items()}
                run.log_metrics(named, step=step)
        return run.url


def _metrics(report: dict[str, Any]) -> dict[str, float | None]:
    return {
        f"{system}/{name}": found["mean"]
        for system, one in report["systems"].items()
        for name, found in one["metrics"].items()
    }


def mirror_log(home: Home) -> dict[str, str]:
    """Points MLflow's aliases at what the release log says; the log alone decides."""
    releases = ReleaseStore(home.releases)
    standing = [entry.release for entry in releases.log.standing().candidates]
    named = [
        RegisteredRelease(release, releases.path(release).as_uri()) for release in standing[:2]
    ]
    padded = [*named, None, None]
    return set_aliases(home.tracking, {"champion": padded[0], "previous": padded[1]})
