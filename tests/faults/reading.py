"""A process that reads releases all the time while another one publishes and is killed.

`python -m tests.faults.reading HOME` reads until its standard input is closed, then prints what it
saw as JSON.
"""

import json
import sys
import threading
import time
from pathlib import Path

from core.release_store import ReleaseStore
from serving.answer import recommendations
from serving.current_release import CurrentRelease
from serving.ladder import choose
from serving.release import Release

USERS = ("ann", "bob", "zoë")
STAY = 20
PAUSE_SECONDS = 0.005


def mixed(release: Release) -> str:
    """Returns what is wrong with a release's answers; empty where all are of one night."""
    endings = set()
    for user in USERS:
        body = json.loads(recommendations(release, user, choose(release, user, 3), 0))
        if body["rung"] != "personal" or body["release"] != release.id:
            return f"{user} reads {body['rung']} of {body['release']}, not of {release.id}"
        personal = [one for one in body["items"] if one["rung"] == "personal"]
        endings |= {one["reason"]["text"].rpartition("#")[2] for one in personal}
    return "" if len(endings) == 1 else f"{release.id} mixes {sorted(endings)}"


def main() -> None:
    """Reads until the input ends."""
    home = Path(sys.argv[1])
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    faults: list[str] = []
    n_reads, slowest, served = 0, 0.0, set()
    while not ended.is_set():
        # One who has just come, and then stays for a while.
        serving = CurrentRelease(ReleaseStore(home / "releases"), poll_seconds=1, retry_seconds=0)
        for _ in range(STAY):
            start = time.perf_counter()
            serving.refresh()
            faults += [f"{name}: {why}" for name, why in serving.refused.items()]
            if serving.served is None:
                faults.append("nothing is served")
                break
            served.add(serving.served.release.id)
            faults += filter(None, [mixed(serving.served.release)])
            slowest = max(slowest, time.perf_counter() - start)
            n_reads += 1
            time.sleep(PAUSE_SECONDS)
        if serving.served:
            serving.served.release.close()
    told = {"reads": n_reads, "served": len(served), "slowest": slowest, "faults": faults[:20]}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
