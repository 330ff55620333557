"""Ids go out of reports; counts, and JSON as such, stay."""

import html
import json

import pytest

from assets.erasure.artefacts import rewrite_artefacts
from core.erased_users import ErasedUsers
from core.home import Home
from core.manifest import verify
from core.store import Plan, Store
from core.tombstone_log import TombstoneLog

PLAN = Plan("report", "2026-03-02", {}, {}, 1)
ODD_IDS = [
    "ann", "u-42", "ann,bo", 'say"hi"x', "back\\slash9", "zz/yy/77", "Mary Ann Quux", "o'hara77",
    "a<b>&c77", "Zoë漢字-x", "a.b@example.org", "(x)", "9a",
]  # fmt: skip


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def store(home, **files):
    """Commits an artefact of text files; `__` stands for the dot of a name."""
    artefacts = Store(home.artefacts)
    staging = artefacts.begin(PLAN)
    for name, content in files.items():
        staging.file(name.replace("__", ".")).write_text(content, encoding="utf-8")
    return artefacts.commit(PLAN, staging)


def rewritten(home, *users):
    """Returns the artefact's files after an erasure, and how many versions it rewrote."""
    log = TombstoneLog(home.root / "tombstones")
    for user in users:
        log.erase(user)
    n_rewritten = rewrite_artefacts(home, ErasedUsers(log.state()))
    artefact = Store(home.artefacts).find(PLAN)
    verify(artefact.path, artefact.manifest)
    texts = {name: (artefact.path / name).read_text("utf-8") for name in artefact.manifest.files}
    return texts, n_rewritten


@pytest.mark.parametrize("user", ["761", *ODD_IDS])
def test_json_keeps_its_numbers_and_loses_the_id(home, user):
    kept = {"observed": 761, "share": 0.761, "note": "761 rows of 9", "at": "2026-03-02"}
    document = {**kept, "who": [user, "bob"], "by": {user: 761, "bob": 9}}
    store(home, v__json=json.dumps(document, ensure_ascii=True))
    files, n_rewritten = rewritten(home, user)
    assert n_rewritten == 1
    found = json.loads(files["v.json"])
    assert found == {**kept, "who": ["erased", "bob"], "by": {"erased": 761, "bob": 9}}


@pytest.mark.parametrize("user", ODD_IDS)
def test_an_id_in_a_table_goes(home, user):
    store(home, v__md=f"| who | rows |\n|---|---|\n| {user} | 761 |\n| `{user}` | 9 |\n")
    files, _ = rewritten(home, user)
    assert files["v.md"] == "| who | rows |\n|---|---|\n| erased | 761 |\n| `erased` | 9 |\n"


@pytest.mark.parametrize("user", [user for user in ODD_IDS if not set(user) & set(",()")])
def test_an_id_within_a_sentence_goes_and_its_neighbours_stay(home, user):
    store(home, v__json=json.dumps({"note": f"see {user}, {user}; not {user}x nor x{user}."}))
    files, _ = rewritten(home, user)
    note = f"see erased, erased; not {user}x nor x{user}."
    assert json.loads(files["v.json"]) == {"note": note}


@pytest.mark.parametrize("user", ODD_IDS)
def test_an_id_goes_from_html_however_it_is_escaped(home, user):
    page = "<table><tr><td title='x'>{}</td><td>761</td></tr><p>about {}.</p></table>"
    for quote in (True, False):
        shown = html.escape(user, quote=quote)
        store(home, v__html=page.format(shown, shown))
        files, n_rewritten = rewritten(home, user)
        assert n_rewritten == 1
        assert files["v.html"] == page.format("erased", "erased")
        Store(home.artefacts).set_aside(PLAN)


def test_a_number_in_a_text_is_a_count(home):
    content = {"v__md": "| rows | 761 |\n", "v__html": "<td>761</td>", "v__txt": "761"}
    store(home, **content)
    files, n_rewritten = rewritten(home, "761")
    assert n_rewritten == 0
    assert files == {name.replace("__", "."): text for name, text in content.items()}


def test_a_text_without_the_user_is_not_touched(home):
    before = store(home, v__json='{"b": 1, "a": ["bob", "anna", null, true]}')
    files, n_rewritten = rewritten(home, "ann")
    assert n_rewritten == 0
    assert files == {"v.json": '{"b": 1, "a": ["bob", "anna", null, true]}'}
    assert before.path.is_dir()


def test_a_second_erasure_finds_nothing_left(home):
    store(home, v__json='{"who": ["ann", "bob"]}', v__html="<td>ann</td><td>bob</td>")
    assert rewritten(home, "ann")[1] == 1
    assert rewritten(home)[1] == 0
    files, n_rewritten = rewritten(home, "bob")
    assert n_rewritten == 1
    assert json.loads(files["v.json"]) == {"who": ["erased", "erased"]}
