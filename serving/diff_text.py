"""A release diff as Markdown that reads as well on a terminal as in the Dagster UI."""

import re
from collections.abc import Sequence
from typing import Any

_MARKUP = re.compile(r"[\\`<\[|]")


def to_markdown(document: dict[str, Any]) -> str:
    """Returns what `compare_releases` found (or `unnamed` left of it), most important first."""
    before, after = document["before"], document["after"]
    if before is None:
        return f"There is no release before {after}: nothing to compare with.\n"
    numbers = [
        ([f"{before} → {after}", "before", "after", "change"], _counts(document)),
        (["in common of their top tens", "users", "share"], _overlaps(document["overlap"])),
        *(
            ([f"rows by {name}", "before", "after", "points"], _shares(document[key]))
            for name, key in (
                ("source", "by_source"), ("reason", "by_reason_type"), ("rule", "by_rule"),
            )
        ),
        *(
            ([f"items {way}", "lists before", "lists after", "change"], _items(document, key))
            for way, key in (("with most lists gained", "gained"), ("with most lost", "lost"))
        ),
        (["largest changes by user", "in common", "before", "after", "overlap"], _users(document)),
    ]  # fmt: skip
    tables = [_table(header, rows) for header, rows in numbers if rows]
    if examples := _examples(document["texts"]):
        tables.append(_table(["the same reason, other words", "sentence"], examples, "<"))
    return "\n".join(tables)


def _counts(document: dict[str, Any]) -> list[list[str]]:
    users, items, texts = (document[name] for name in ("users", "items", "texts"))
    in_both, mean = users["in_both"], document["overlap"]["mean"]
    changed = f"{users['changed']:,}" + (f" ({users['changed'] / in_both:.1%})" if in_both else "")
    return [
        _both("users with a list", users),
        ["… in both", "", f"{in_both:,}", ""],
        ["… in both, list changed", "", changed, ""],
        ["… new", "", f"{users['new']:,}", ""],
        ["… gone", "", f"{users['gone']:,}", ""],
        ["mean overlap of top tens", "", "none" if mean is None else f"{mean:.3f}", ""],
        _both("rows of lists", document["rows"]),
        _both("items in lists", items),
        ["… came in", "", f"{items['came_in']:,}", ""],
        ["… went out", "", f"{items['went_out']:,}", ""],
        _both("sentences", texts),
        ["… reasons in both", "", f"{texts['reasons_in_both']:,}", ""],
        ["… told in other words", "", f"{texts['told_otherwise']:,}", ""],
    ]


def _both(name: str, counts: dict[str, Any]) -> list[str]:
    before, after = counts["before"], counts["after"]
    return [name, f"{before:,}", f"{after:,}", f"{after - before:+,}"]


def _overlaps(overlap: dict[str, Any]) -> list[list[str]]:
    total = sum(overlap["users"])
    return [
        [f"{common} items", f"{n:,}", f"{n / total:.1%}"]
        for common, n in enumerate(overlap["users"])
        if n
    ]


def _shares(shares: dict[str, dict[str, float]]) -> list[list[str]]:
    rows = []
    for name in sorted(shares, key=lambda name: (-shares[name]["after"], name)):
        before, after = (100 * shares[name][side] for side in ("before", "after"))
        points = round(after - before, 1) + 0.0  # never a -0.0
        rows.append([name, f"{before:.1f}%", f"{after:.1f}%", f"{points:+.1f}"])
    return rows


def _items(document: dict[str, Any], way: str) -> list[list[str]]:
    rows = document["items"][way]
    return [_both(f"{row['item_id']} {row['title'] or ''}".strip(), row) for row in rows]


def _users(document: dict[str, Any]) -> list[list[str]]:
    counts = ("in_common", "before", "after")
    return [
        [
            row.get("user_id", f"user {place}"),
            *(str(row[name]) for name in counts),
            f"{row['overlap']:.3f}",
        ]
        for place, row in enumerate(document["largest_changes"], 1)
    ]


def _examples(texts: dict[str, Any]) -> list[list[str]]:
    return [
        [f"{row['reason_type']} {row['target_item_id']}, {side}", row[side]]
        for row in texts.get("examples", [])
        for side in ("before", "after")
    ]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], align: str = ">") -> str:
    """Returns a Markdown table whose columns stand in line; `align` is of all but the first."""
    cells = [[_cell(text) for text in row] for row in (header, *rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(header))]
    forms = [f"{side}{n}" for side, n in zip("<" + align * (len(widths) - 1), widths, strict=True)]
    marks = [f"{'-' * (n - 1)}:" if align == ">" else f":{'-' * (n - 1)}" for n in widths[1:]]
    first, *rest = ([format(*x) for x in zip(row, forms, strict=True)] for row in cells)
    lines = [first, [f":{'-' * (widths[0] - 1)}", *marks], *rest]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    """Returns a text as one cell: titles come from outside, and may neither draw nor link."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return _MARKUP.sub(r"\\\g<0>", " ".join(plain.split()))
