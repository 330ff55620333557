"""What a finished night is told as: the gate's verdict, the release, and the numbers behind."""

from typing import Any

from core.home import Home
from core.release_store import ReleaseStore
from core.store import Store
from orchestration.daily import DailyRun


def describe(home: Home, run: DailyRun) -> tuple[dict[str, Any], str]:
    """Returns a run's outcome as a document and as text."""
    store = Store(home.artefacts)
    gate = store.current("gate", run.as_of)
    verdict = gate.json("verdict.json")
    evaluation = store.current("evaluation", run.as_of)
    log = ReleaseStore(home.releases).log
    entry = next(e for e in reversed(log.entries()) if e.release == verdict["release"])
    document = {
        "as_of": run.as_of,
        "run_id": run.run_id,
        "seconds": round(run.seconds, 1),
        "release": verdict["release"],
        "action": entry.action,
        "current": log.current(),
        "champion": verdict["champion"],
        "protocol": verdict["protocol"],
        "ndcg@10": evaluation.facts.get("ndcg", {}),
        "verdict": verdict["verdict"],
    }
    ranking = sorted(document["ndcg@10"].items(), key=lambda pair: -pair[1])
    against = f"against {verdict['champion']}" if verdict["champion"] else "first release"
    lines = [
        f"protocol   {verdict['protocol']}, {evaluation.facts.get('n_users', 0)} users",
        "ndcg@10    " + "  ".join(f"{name} {value:.4f}" for name, value in ranking),
        f"gate       {'yes' if verdict['verdict']['passed'] else 'no'} ({against})",
        *_rows(verdict["verdict"]["rows"]),
        f"release    {verdict['release']}: {entry.action}; current is {log.current()}",
        f"report     {evaluation.path / 'report.md'}",
    ]
    return document, "\n".join(lines)


def _rows(rows: list[dict[str, Any]]) -> list[str]:
    """Returns the gate's numbers, one a line; the checks as one line."""
    checks = [row for row in rows if row["name"].startswith("check:")]
    told = [
        f"  {'ok' if row['passed'] else 'NO'}  {row['label']}: "
        f"{'missing' if row['value'] is None else format(row['value'], '.4g')} "
        f"{row['direction']} {row['bar']:g}" + (f" ({row['note']})" if row["note"] else "")
        for row in rows
        if row not in checks and row["name"] != "checks"
    ]
    passed = sum(row["passed"] for row in checks)
    return [
        *told,
        f"  {'ok' if passed == len(checks) else 'NO'}  checks: {passed} of {len(checks)} passed",
    ]
