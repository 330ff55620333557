import itertools

import pytest

from serving.intake.action_memory import Action, ActionMemory

_ids = itertools.count()


def acts(*rows, memory=None):
    memory = ActionMemory(100, 10_000) if memory is None else memory
    memory.note([Action(f"e{next(_ids)}", *row) for row in rows])
    return memory


def did(*pairs, user="ann"):
    return acts(*((user, item, action) for item, action in pairs)).recent(user)


def test_nobody_did_nothing():
    assert ActionMemory(10, 100).recent("ann") == ((), frozenset())


@pytest.mark.parametrize(
    ("pairs", "seen", "hidden"),
    [
        ([("a", "view"), ("b", "click"), ("c", "like")], ["c", "b", "a"], set()),
        ([("a", "purchase"), ("b", "rating"), ("a", "view")], ["a", "b"], set()),
        ([("a", "impression")], [], set()),
        ([("a", "view"), ("b", "view"), ("a", "hide")], ["b"], {"a"}),
        ([("a", "dislike"), ("b", "hide")], [], {"a", "b"}),
        ([("a", "hide"), ("a", "view")], ["a"], set()),
        ([(f"{n}", "view") for n in range(12)], [f"{n}" for n in range(11, 1, -1)], set()),
        (
            [(f"{n}", "hide") for n in range(12)] + [("x", "view")],
            ["x"],
            {f"{n}" for n in range(2, 12)},
        ),
        ([("日本 -+", "view"), ('"\\', "hide")], ["日本 -+"], {'"\\'}),
    ],
)
def test_the_last_ten_distinct_items(pairs, seen, hidden):
    found = did(*pairs)
    assert (list(found[0]), found[1]) == (seen, hidden)


def test_an_event_counts_once():
    memory = ActionMemory(10, 10_000)
    memory.note([Action("1", "ann", "a", "view"), Action("2", "ann", "b", "view")])
    memory.note([Action("1", "ann", "a", "view"), Action("1", "ben", "a", "view")])
    assert memory.recent("ann") == (["b", "a"], frozenset())
    assert memory.recent("ben") == ((), frozenset())


def test_who_acted_longest_ago_is_forgotten_first():
    memory = ActionMemory(4, 10_000)
    for n in range(40):
        acts((f"u{n}", "a", "view"), ("ann", f"i{n}", "view"), memory=memory)
        assert len(memory) <= 4
    assert list(memory.recent("ann")[0]) == [f"i{n}" for n in range(39, 29, -1)]
    assert memory.recent("u0") == ((), frozenset())


def test_long_ids_take_no_more_room():
    memory = ActionMemory(1_000_000, 100_000)
    for n in range(2_000):
        acts((f"u{n}", "x" * 250, "view"), memory=memory)
    held = sum(len(user) + 250 for user in memory.users())
    assert 40_000 < held <= 101_000


def test_forgetting():
    memory = acts(("ann", "a", "view"), ("ben", "b", "view"))
    memory.forget("ann")
    memory.forget("nobody")
    assert memory.users() == ["ben"]
