"""`daybreak why`: one user, from events to list."""

import argparse
from typing import Any

from core.home import Home


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("user", metavar="USER")
    parser.add_argument("item", nargs="?", metavar="ITEM", help="tell only of this item")
    parser.add_argument("--release", metavar="ID", help="default: the current one")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Follows the user; returns what is stored about every step."""
    from orchestration.why import follow

    story = follow(home, options.user, options.item, options.release)
    return story, "\n".join(_told(story))


def _told(story: dict[str, Any]) -> list[str]:
    user, bot = story["user"], story["bot"]
    lines = [f"release {story['release']}"]
    if user:
        stated = ", ".join(user["preferences"] or []) or "none"
        lines.append(f"user {user['user_id']}: opted out {user['opted_out']}, states {stated}")
    if bot:
        verdict = "taken for a bot" if bot["is_bot"] else "taken for a person"
        lines.append(f"  {verdict}, score {bot['score']:g} {bot['reasons']}".rstrip())
    lines += ["", f"events: {story['n_events']} count, {story['n_excluded']} do not"]
    lines += [
        f"  {row['occurred_at']}  {row['action']:<10} {_name(row)}"
        + (f"  {row['value']:g}" if row["value"] is not None else "")
        for row in story["events"]
    ]
    lines += ["", "interactions by weight:"]
    lines += [
        f"  {row['weight_micro'] / 1e6:8.3f}  {row['n_events']} events  {_name(row)}"
        for row in story["interactions"]
    ]
    if story["features"]:
        told = ", ".join(
            f"{k} {v}" for k, v in story["features"].items() if k not in ("user_id", "last_us")
        )
        lines += ["", f"features: {told}"]
    shares = ", ".join(f"{row['category']} {row['share']:.0%}" for row in story["categories"])
    lines += [f"categories: {shares or 'none'}", "", "candidates by source:"]
    for source, rows in story["candidates"].items():
        lines.append(f"  {source}")
        lines += [
            f"    {row[f'{source}_rank']:>3}  {row[f'{source}_score']:9.4f}  {_name(row)}"
            for row in rows
        ]
    lines += ["", "list:"]
    for row in story["list"]:
        seed = (
            f" because of {row['seed_title'] or row['seed_item_id']}" if row["seed_item_id"] else ""
        )
        rules = f" [{', '.join(row['rules'])}]" if row["rules"] else ""
        lines += [
            f"  {row['rank']:>2}. {_name(row)}  score {row['score']:.3f}, "
            f"ranker {row['ranker_score']:.3f}, {row['stage']}, "
            f"from {', '.join(row['sources'])}{seed}{rules}",
            f"      {row['reason_type']}: {row['text']}",
        ]
    if not story["list"]:
        lines.append("  none of their own: the segment lists and trending answer for them")
    return lines


def _name(row: dict[str, Any]) -> str:
    return f"{row['item_id']} {row.get('title') or ''}".strip()
