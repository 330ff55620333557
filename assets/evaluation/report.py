"""The evaluation as a page for people."""

from typing import Any


def markdown(report: dict[str, Any]) -> str:
    """Returns the evaluation's report as Markdown; the protocol stands on top."""
    metric = report["metric"]
    lines = [
        f"# Evaluation as of {report['as_of']}",
        "",
        f"Protocol: **{report['protocol']}** · {report['n_users']} users · {report['n_pairs']} "
        f"held-out items · {report['n_folds']} test folds · 95 % bootstrap intervals by user",
        "",
        f"| system | {metric} | interval | recall@20 | mrr@10 | coverage@10 | gini@10 | novelty@10 "
        "| diversity@10 | tail recall@20 | warm recall@20 |",
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    ordered = sorted(
        report["systems"].items(), key=lambda pair: -(pair[1]["metrics"][metric]["mean"] or 0)
    )
    for name, one in ordered:
        found, shape = one["metrics"], one["lists"]
        cells = (
            name,
            _number(found[metric]["mean"]),
            f"{_number(found[metric]['lower'])} – {_number(found[metric]['upper'])}",
            *(_number(found[key]["mean"]) for key in ("recall@20", "mrr@10")),
            *(_number(shape[f"{key}@10"]) for key in ("coverage", "gini", "novelty", "diversity")),
            *(_number(one[f"{part}_recall@20"]) for part in ("tail", "warm")),
        )
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## ndcg@10 by length of history", ""]
    lines += [
        "New: people who came after the cut, and the lists that belong to no user (what they said "
        "they like, then what is trending).",
        "",
    ]
    slices = ("new", "light", "regular", "heavy")
    lines += ["| system | " + " | ".join(slices) + " |", "|---|---:|---:|---:|---:|"]
    for name, one in ordered:
        parts = [one["slices"][part] for part in slices]
        shown = [f"{_number(part['ndcg@10'])} ({part['n_users']})" for part in parts]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    for key, title in (
        ("against_popularity", "popularity"),
        ("against_best_source", f"the best single source, {report['best_source']}"),
        ("against_best_source_ruled", f"{report['best_source']} under the lists' rules"),
    ):
        lines += ["", f"## Paired difference against {title}", ""]
        lines += ["| system | difference | interval | relative |", "|---|---:|---|---:|"]
        for name, found in report[key].items():
            gain = (found["mean_challenger"] or 0) - (found["mean_champion"] or 0)
            interval = (
                f"{_number(found['difference_lower'])} – {_number(found['difference_upper'])}"
            )
            relative = _number(found["relative_difference"])
            lines.append(f"| {name} | {_number(gain)} | {interval} | {relative} |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"
