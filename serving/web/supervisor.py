"""The process above the workers: whatever one of them dies of, another one takes its place."""

import time
from typing import Any

from granian.server import Server

PAUSE_SECONDS = 2.0
"""Least time between two starts of the same worker: one that dies at once is not to be forked in a
tight loop, and the others answer meanwhile."""


class Supervisor(Server):  # type: ignore[misc]  # it is chosen at run time
    """granian's server, which would stop all workers where one dies soon after its respawn.

    A worker that read a file which was cut off beneath it dies once, and its successor refuses that
    release. While the reason lasts (a full machine, a bug that one request meets), a service with
    the other workers is worth more than none.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, respawn_failed_workers=True, **options)
        self._started: dict[int, float] = {}

    def _respawn_workers(
        self, workers: list[int], spawn_target: Any, target_loader: Any, delay: float = 0
    ) -> None:
        """Starts workers anew, each at least two seconds after the last time.

        A signal ends the pause: the successor starts and is told to stop with the others.
        """
        for number in workers:
            since = time.monotonic() - self._started.get(number, -PAUSE_SECONDS)
            self.main_loop_interrupt.wait(max(0.0, PAUSE_SECONDS - since))
            super()._respawn_workers([number], spawn_target, target_loader, delay)
            self._started[number] = time.monotonic()
        self.respawned_wrks.clear()  # by which granian would tell a loop of crashes, and exit

    def shutdown(self, exit_code: int = 0) -> None:
        """Stops all workers; that one had just died, and was not replaced yet, is no failure."""
        self.interrupt_children.clear()
        super().shutdown(exit_code)
