import json

from assets.evaluation.report import markdown


def system(mean: float | None, n_new: int) -> dict[str, object]:
    interval = {"mean": mean, "lower": mean, "upper": mean, "n_users": 9}
    return {
        "metrics": dict.fromkeys(("ndcg@10", "recall@20", "mrr@10"), interval),
        "lists": {
            "coverage@10": 0.5, "gini@10": 0.25, "novelty@10": None, "diversity@10": 1.0,
        },
        "tail_recall@20": None,
        "warm_recall@20": 0.125,
        "slices": {
            "new": {"n_users": n_new, "ndcg@10": None},
            "light": {"n_users": 2, "ndcg@10": 0.2},
            "regular": {"n_users": 3, "ndcg@10": 0.3},
            "heavy": {"n_users": 4, "ndcg@10": 0.4},
        },
    }  # fmt: skip


def against(lower: float | None) -> dict[str, object]:
    return {
        "mean_challenger": 0.3, "mean_champion": 0.1, "difference_lower": lower,
        "difference_upper": 0.3, "relative_difference": None if lower is None else 2.0,
    }  # fmt: skip


REPORT = {
    "as_of": "2024-03-10",
    "protocol": "per-user, not time-safe",
    "metric": "ndcg@10",
    "n_users": 9,
    "n_pairs": 12,
    "n_folds": 1,
    "systems": {"als": system(0.1, 0), "lists": system(0.3, 1), "none": system(None, 0)},
    "against_popularity": {"lists": against(0.1)},
    "best_source": "als",
    "against_best_source": {"lists": against(None)},
    "against_best_source_ruled": {"lists": against(0.2)},
}


def test_the_whole_page() -> None:
    assert markdown(REPORT) == (
        "# Evaluation as of 2024-03-10\n"
        "\n"
        "Protocol: **per-user, not time-safe** · 9 users · 12 held-out items · 1 test folds · "
        "95 % bootstrap intervals by user\n"
        "\n"
        "| system | ndcg@10 | interval | recall@20 | mrr@10 | coverage@10 | gini@10 | novelty@10 "
        "| diversity@10 | tail recall@20 | warm recall@20 |\n"
        "|---|---:|---|---:|---:|---:|---:|---:|---:|---:|---:|\n"
        "| lists | 0.3000 | 0.3000 – 0.3000 | 0.3000 | 0.3000 | 0.5000 | 0.2500 | – | 1.0000 | – "
        "| 0.1250 |\n"
        "| als | 0.1000 | 0.1000 – 0.1000 | 0.1000 | 0.1000 | 0.5000 | 0.2500 | – | 1.0000 | – "
        "| 0.1250 |\n"
        "| none | – | – – – | – | – | 0.5000 | 0.2500 | – | 1.0000 | – | 0.1250 |\n"
        "\n"
        "## ndcg@10 by length of history\n"
        "\n"
        "New: people who came after the cut, and the lists that belong to no user (what they said "
        "they like, then what is trending).\n"
        "\n"
        "| system | new | light | regular | heavy |\n"
        "|---|---:|---:|---:|---:|\n"
        "| lists | – (1) | 0.2000 (2) | 0.3000 (3) | 0.4000 (4) |\n"
        "| als | – (0) | 0.2000 (2) | 0.3000 (3) | 0.4000 (4) |\n"
        "| none | – (0) | 0.2000 (2) | 0.3000 (3) | 0.4000 (4) |\n"
        "\n"
        "## Paired difference against popularity\n"
        "\n"
        "| system | difference | interval | relative |\n"
        "|---|---:|---|---:|\n"
        "| lists | 0.2000 | 0.1000 – 0.3000 | 2.0000 |\n"
        "\n"
        "## Paired difference against the best single source, als\n"
        "\n"
        "| system | difference | interval | relative |\n"
        "|---|---:|---|---:|\n"
        "| lists | 0.2000 | – – 0.3000 | – |\n"
        "\n"
        "## Paired difference against als under the lists' rules\n"
        "\n"
        "| system | difference | interval | relative |\n"
        "|---|---:|---|---:|\n"
        "| lists | 0.2000 | 0.2000 – 0.3000 | 2.0000 |\n"
    )


def test_the_stored_report_gives_the_same_page() -> None:
    """Stored JSON has sorted keys; columns must not follow them."""
    stored = json.loads(json.dumps(REPORT, sort_keys=True))
    assert markdown(stored) == markdown(REPORT)
