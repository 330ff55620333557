"""What `follow` found about a user, as lines for people."""

from typing import Any

_KEPT_NO_MORE = "  (kept no more)"


def told(story: dict[str, Any]) -> list[str]:
    """Returns the story in the order of the path: from events to list."""
    return [
        *_release(story),
        *_person(story),
        *_history(story),
        *_candidates(story["candidates"]),
        *(_item(story["item"]) if story["item"] else ()),
        *_list(story),
    ]


def _release(story: dict[str, Any]) -> list[str]:
    status = story["status"] or "not in the log"
    lines = [f"release {story['release']}: {status}"]
    lines += [
        f"  current from {span['since']} " + (f"to {span['until']}" if span["until"] else "on")
        for span in story["served"]
    ] or ["  never current"]
    if story["gone"]:
        lines.append(f"  kept no more of that night: {', '.join(story['gone'])}")
    return lines


def _person(story: dict[str, Any]) -> list[str]:
    user, bot = story["user"], story["bot"]
    lines = []
    if user:
        stated = ", ".join(user["preferences"] or []) or "none"
        lines.append(f"user {user['user_id']}: opted out {user['opted_out']}, states {stated}")
    if bot:
        verdict = "taken for a bot" if bot["is_bot"] else "taken for a person"
        lines.append(f"  {verdict}, score {bot['score']:g} {bot['reasons']}".rstrip())
    return lines


def _history(story: dict[str, Any]) -> list[str]:
    lines = [""]
    if story["events"] is None:
        lines.append("events:" + _KEPT_NO_MORE)
    else:
        lines.append(f"events: {story['n_events']} count, {story['n_excluded']} do not")
    lines += [
        f"  {row['occurred_at']}  {row['action']:<10} {_name(row)}"
        + (f"  {row['value']:g}" if row["value"] is not None else "")
        for row in story["events"] or []
    ]
    lines += [
        "",
        "interactions by weight:" + ("" if story["interactions"] is not None else _KEPT_NO_MORE),
    ]
    lines += [
        f"  {row['weight_micro'] / 1e6:8.3f}  {row['n_events']} events  {_name(row)}"
        for row in story["interactions"] or []
    ]
    if story["features"]:
        numbers = ", ".join(
            f"{k} {v}" for k, v in story["features"].items() if k not in ("user_id", "last_us")
        )
        lines += ["", f"features: {numbers}"]
    if story["categories"] is None:
        return [*lines, "features:" + _KEPT_NO_MORE]
    shares = ", ".join(f"{row['category']} {row['share']:.0%}" for row in story["categories"])
    return [*lines, f"categories: {shares or 'none'}"]


def _candidates(candidates: dict[str, list[dict[str, Any]]] | None) -> list[str]:
    if candidates is None:
        return ["", "candidates by source:" + _KEPT_NO_MORE]
    lines = ["", "candidates by source:"]
    for source, rows in candidates.items():
        lines.append(f"  {source}")
        lines += [
            f"    {row[f'{source}_rank']:>3}  {row[f'{source}_score']:9.4f}  {_name(row)}"
            for row in rows
        ]
    return lines


def _item(item: dict[str, Any]) -> list[str]:
    lines = ["", f"item {_name(item)}: {item['because']}"]
    for source, one in (item["proposed_by"] or {}).items():
        place = "a place kept no more" if one["rank"] is None else f"place {one['rank']}"
        score = "" if one["score"] is None else f", score {one['score']:.4f}"
        lines.append(f"  proposed by {source}: {place}{score}")
    return lines


def _list(story: dict[str, Any]) -> list[str]:
    lines = ["", "list:"]
    for row in story["list"]:
        seed = (
            f" because of {row['seed_title'] or row['seed_item_id']}" if row["seed_item_id"] else ""
        )
        rules = f" [{', '.join(row['rules'])}]" if row["rules"] else ""
        ranker = "" if row["ranker_score"] is None else f"ranker {row['ranker_score']:.3f}, "
        lines += [
            f"  {row['rank']:>2}. {_name(row)}  score {row['score']:.3f}, {ranker}{row['stage']}, "
            f"from {', '.join(row['sources'])}{seed}{rules}",
            f"      {row['reason_type']}: {row['text']}",
        ]
    if not story["list"] and story["item"] is None:
        lines.append("  none of their own: the segment lists and trending answer for them")
    return lines if story["list"] or story["item"] is None else []


def _name(row: dict[str, Any]) -> str:
    return f"{row['item_id']} {row.get('title') or ''}".strip()
