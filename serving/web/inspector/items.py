"""Items as the inspector shows them."""

import shlex

import msgspec

from serving.answer import neighbour_rows
from serving.layout import MAX_COUNT
from serving.release import Release


class ItemCard(msgspec.Struct):
    """One item; its title may be unknown, its category too."""

    item_id: str
    title: str | None
    category: str | None
    is_taken_down: bool


class Neighbour(msgspec.Struct):
    """One item like another."""

    item_id: str
    title: str | None
    rank: int
    score: float


class ItemPage(msgspec.Struct):
    """What a release says of one item.

    Attributes:
        release: its id.
        item: the item.
        is_available: whether it can be on any list.
        neighbours: what is most like it, as far as that can be had.
        command: what takes it down for everyone, or shows it again.
    """

    release: str
    item: ItemCard
    is_available: bool
    neighbours: list[Neighbour]
    command: str


class _Head(msgspec.Struct):
    item_id: str
    title: str | None


def item_card(release: Release, item: int) -> ItemCard:
    """Returns an item by its number."""
    head = release.head(item)  # `,{"item_id":…,"title":…,"rank":`
    known = msgspec.json.decode(head[1 : head.rindex(b',"rank":')] + b"}", type=_Head)
    return ItemCard(
        known.item_id, known.title, category_of(release, item), release.is_taken_down(item)
    )


def category_of(release: Release, item: int) -> str | None:
    """Returns an item's primary category."""
    number = release.categories[item]
    return release.layout.categories[number] if number >= 0 else None


def item_page(release: Release, item: int, count: int = MAX_COUNT) -> ItemPage:
    """Returns what a release says of an item, given by its number."""
    card = item_card(release, item)
    rows = neighbour_rows(release, item, count)
    return ItemPage(
        release=release.id,
        item=card,
        is_available=item not in release.unavailable,
        neighbours=msgspec.json.decode(rows, type=list[Neighbour]),
        command=takedown_command(card.item_id, undo=card.is_taken_down),
    )


def takedown_command(item_id: str, *, undo: bool = False) -> str:
    """Returns what to type in a shell to take an item down, or to show it again."""
    arguments = ["--undo"] * undo + ["--"] * item_id.startswith("-") + [item_id]
    return shlex.join(["daybreak", "takedown", *arguments])
