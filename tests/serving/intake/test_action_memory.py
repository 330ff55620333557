import itertools
from pathlib import Path

import pytest

from core.intake_settings import IntakeSettings
from serving.intake.action_memory import N_HIDDEN, N_SEEN, Action, ActionMemory

_DOCS = Path(__file__).parents[3] / "docs" / "intake.md"

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
            {f"{n}" for n in range(12)},
        ),
        ([(f"{n}", "hide") for n in range(105)], [], {f"{n}" for n in range(5, 105)}),
        (
            [(f"{n}", "dislike") for n in range(100)] + [("0", "hide"), ("x", "hide")],
            [],
            {"x", "0", *(f"{n}" for n in range(2, 100))},
        ),
        (
            [("a", "hide"), *[(f"{n}", "view") for n in range(12)]],
            [f"{n}" for n in range(11, 1, -1)],
            {"a"},
        ),
        ([("", "view"), ("a\nb", "hide"), ("c\n", "view"), ("d", "view")], ["d"], set()),
        ([("日本 -+", "view"), ('"\\', "hide")], ["日本 -+"], {'"\\'}),
    ],
)
def test_the_last_distinct_items(pairs, seen, hidden):
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


def n_bytes(memory):
    texts = (*memory._young.items(), *memory._old.items())
    return sum(len(user.encode()) + len(text) for user, text in texts)


@pytest.mark.parametrize("user", ["u{}", "日本" * 40 + "{}"], ids=["short", "long"])
@pytest.mark.parametrize("action", ["view", "hide"])
def test_long_ids_take_no_more_room(user, action):
    memory, most = ActionMemory(1_000_000, 100_000), 0
    for n in range(6_000):
        acts((user.format(n // 150), f"{n}".ljust(250, "x"), action), memory=memory)
        assert n_bytes(memory) <= 100_000
        most = max(most, n_bytes(memory))
    assert most > 30_000


def test_who_alone_takes_more_than_the_bound_is_remembered():
    memory = ActionMemory(100, 1_024)
    for n in range(4):
        acts(("ann", f"{n}" * 250, "hide"), ("ben", f"{n}", "view"), memory=memory)
    assert memory.recent("ann")[1] == {f"{n}" * 250 for n in range(4)}
    assert list(memory.recent("ben")[0]) == ["3", "2", "1", "0"]


def test_the_bounds_are_told():
    told, settings = " ".join(_DOCS.read_text().split()), IntakeSettings()
    assert f"last {N_SEEN} items seen and the last {N_HIDDEN} hidden" in told
    mebibytes = settings.remembered_bytes >> 20, settings.read_back_bytes >> 20
    assert f"{settings.remembered_users:,} users and {mebibytes[0]} MiB" in told
    assert f"{settings.session_hours:.0f} hours, {mebibytes[1]} MiB at most" in told


def test_forgetting():
    memory = acts(("ann", "a", "view"), ("ben", "b", "view"))
    memory.forget("ann")
    memory.forget("nobody")
    assert memory.users() == ["ben"]
