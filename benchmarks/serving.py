"""Answers a second of the lookup service, against nginx with a file and FastAPI with Redis.

All run at the same time on one machine, each with one worker, and are asked in turn by wrk for
users drawn uniformly; the peers answer with as many bytes as our answers have on average. Ratios
are taken within a round and their median is told, so that what slows the machine slows both sides.
At half of the measured rate an open loop tells the latencies.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.asking import answers, mean_answer, status_without_headers
from benchmarks.contender import Contender, ratios, take_turns
from benchmarks.lost_time import lost_time
from benchmarks.open_loop import Load, run_open_loop
from benchmarks.serving_forms import ONE_USER, forms, start
from benchmarks.serving_home import publish, sharing
from benchmarks.serving_peers import PEERS, Absent
from benchmarks.targets import Target
from benchmarks.wrk import CONNECTIONS, find_wrk
from core.errors import CheckFailed
from core.home import Home

CLAIM = "answers a second of the lookup service against nginx's files and FastAPI with Redis"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the benchmark's arguments."""
    parser.add_argument("--users", type=_count, default=1_000_000, metavar="N")
    parser.add_argument("--items", type=_count, default=50_000, metavar="N", help="default 50,000")
    parser.add_argument("--rounds", type=_count, default=5, metavar="N", help="default 5")
    parser.add_argument("--seconds", type=_count, default=10, metavar="S", help="of one turn")
    parser.add_argument("--open-seconds", type=_count, default=60, metavar="S", help="default 60")
    parser.add_argument("--workers", type=_count, default=1, metavar="N", help="of our server")
    parser.add_argument("--seed", type=int, default=101, metavar="N", help="default 101")
    parser.add_argument(
        "--at", type=Path, metavar="FOLDER", help="keep the release there and use it the next time"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 100_000_000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100,000,000")
    return int(text)


def run(options: argparse.Namespace) -> tuple[dict[str, Any], str]:
    """Measures every contender; returns the figures and a table.

    Raises:
        CheckFailed: a request failed, a peer answers with other bytes than it was given, or what
            is to be on in a form is not.
        MachineFault: there is no wrk.
    """
    find_wrk()  # before much work is done for nothing
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as running:
        _unwind_when_told_to_end(running)
        folder = Path(name)
        home = Home(options.at.absolute() if options.at else folder / "home")
        publish(home, options.users, options.items, options.seed)
        skipped: dict[str, str] = {}
        ours = _ours(running, folder, home, options)
        everything = ours["everything"]
        body = mean_answer(everything.program.port, everything.target)
        contenders = {**ours, **_peers(running, folder, options, body, skipped)}
        take_turns(contenders, options.rounds, options.seconds)
        document = {
            "users": options.users,
            "items": options.items,
            "workers": options.workers,
            "rounds": options.rounds,
            "seconds": options.seconds,
            "connections": CONNECTIONS,
            "cores": len(os.sched_getaffinity(0)),
            "answer_bytes": len(body),
            **ratios(contenders),
            "contenders": {name: one.summary() for name, one in contenders.items()},
            "open_loop": _open_loop(everything, options.open_seconds),
            "lost_time": lost_time(),
            "skipped": skipped,
        }
    return document, _table(document)


def _unwind_when_told_to_end(running: contextlib.ExitStack) -> None:
    """Lets SIGTERM end the servers too: they are in process groups of their own."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    running.callback(signal.signal, signal.SIGTERM, before)


def _ours(
    running: contextlib.ExitStack,
    folder: Path,
    home: Home,
    options: argparse.Namespace,
) -> dict[str, Contender]:
    """Starts our server in each of its forms, and sees that what is to be on is on."""
    found = {}
    for name, form in forms(folder).items():
        own = sharing(home, folder / name)
        program = running.enter_context(start(form, own, options.workers))
        target = Target(form.path, options.users, options.items, form.headers, options.seed)
        about = {"settings": dict(form.settings), "path": form.path}
        found[name] = Contender(program, target, form.ratio, about)
        if form.headers and status_without_headers(program.port, target) != 401:
            raise CheckFailed(f"{name} answers without a token; see [security] in docs/settings.md")
    blended, plain = found["session"], found["everything"]
    if _items(blended, blended.target) == _items(blended, plain.target):
        raise CheckFailed("session= changes no answer; see [serving] session_weight")
    return found


def _items(asked: Contender, target: Target) -> list[list[str]]:
    """Returns the items of some answers, for users that are the same in every form."""
    one = Target(target.path.replace("{user}", "u00000000"), 1, target.n_items, target.headers)
    documents = map(json.loads, answers(asked.program.port, one, 20))
    return [[item["item_id"] for item in document["items"]] for document in documents]


def _peers(
    running: contextlib.ExitStack,
    folder: Path,
    options: argparse.Namespace,
    body: bytes,
    skipped: dict[str, str],
) -> dict[str, Contender]:
    """Starts the peers that this machine has, and sees that they answer with these bytes."""
    found = {}
    for name, begin in PEERS.items():
        own = folder / name
        own.mkdir()
        target = Target(ONE_USER, options.users, options.items, {}, options.seed)
        try:
            program = begin(running, own, options.users, body)
        except Absent as why:
            skipped[name] = str(why)
            continue
        if answers(program.port, target, 20) != [body] * 20:
            raise CheckFailed(f"{name} answers otherwise than with the {len(body)} bytes given it")
        found[name] = Contender(program, target)
    return found


def _open_loop(asked: Contender, seconds: int) -> dict[str, Any]:
    load = Load(asked.program.port, asked.target, asked.rate / 2, seconds)
    return run_open_loop(load).summary()


def _table(document: Mapping[str, Any]) -> str:
    lines = [
        f"{document['users']:,} users, answers of {document['answer_bytes']:,} bytes, "
        f"{document['workers']} workers, {document['connections']} connections"
    ]
    for name, one in document["contenders"].items():
        rates, memory = one["requests_per_second"], one["workers_mb"]
        lines.append(
            f"  {name:<14} {rates['median']:>9,} requests/s ({rates['min']:,} to "
            f"{rates['max']:,}), {one['cores']} cores, wrk {one['wrk_cores']}; ready after "
            f"{one['seconds_to_ready']} s; "
            f"{max(worker['beyond_page_cache'] for worker in memory)} MB a worker"
        )
    lines += [f"  {name} {ratio}" for name, ratio in document.items() if name.startswith("ratio")]
    loop = document["open_loop"]
    lines.append(
        f"  open loop at {loop['offered_per_second']:,} requests/s: p50 {loop['p50_ms']} ms, "
        f"p99 {loop['p99_ms']} ms, p99.9 {loop['p99_9_ms']} ms"
        + ("" if loop["valid"] else " — not valid: the generator did not keep up")
    )
    lost = document["lost_time"]
    lines.append(
        f"  the machine stood still for {lost['share']:.1%} of the time, {lost['median_ms']} ms at "
        f"a time and {lost['max_ms']} ms at most: no latency here is shorter"
    )
    return "\n".join(lines + [f"  no {name}: {why}" for name, why in document["skipped"].items()])
