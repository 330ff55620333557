"""What the server says of itself to Prometheus."""

from collections import Counter

from serving.current_release import CurrentRelease


class RequestCounts:
    """Counts of one worker process's answers."""

    def __init__(self) -> None:
        self.rungs: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()

    def exposition(self, current: CurrentRelease) -> str:
        """Returns all metrics in Prometheus' text format."""
        lines = [
            "# HELP daybreak_recommendations_total Answered lists by highest rung, this worker.",
            "# TYPE daybreak_recommendations_total counter",
            *(
                f'daybreak_recommendations_total{{rung="{rung}"}} {n}'
                for rung, n in sorted(self.rungs.items())
            ),
            "# HELP daybreak_responses_total Responses by status, this worker.",
            "# TYPE daybreak_responses_total counter",
            *(
                f'daybreak_responses_total{{status="{status}"}} {n}'
                for status, n in sorted(self.statuses.items())
            ),
            "# HELP daybreak_releases_refused Standing releases that did not verify.",
            "# TYPE daybreak_releases_refused gauge",
            f"daybreak_releases_refused {len(current.refused)}",
        ]
        if (served := current.served) is not None:
            lines += [
                "# HELP daybreak_release_info The release that is served.",
                "# TYPE daybreak_release_info gauge",
                f'daybreak_release_info{{release="{served.release.id}"}} 1',
                "# HELP daybreak_release_age_seconds Time since it was published.",
                "# TYPE daybreak_release_age_seconds gauge",
                f"daybreak_release_age_seconds {served.age_seconds()}",
            ]
        return "\n".join(lines) + "\n"
