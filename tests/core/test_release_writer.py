import pytest

from core.errors import CheckFailed, IntegrityError, NotFound, NotReproducible, UnsafeName
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter

PLAN = ReleasePlan(as_of="2026-01-01", inputs={"lists": "v1"}, config={}, seed=1)


@pytest.fixture
def releases(tmp_path):
    return ReleaseStore(tmp_path / "releases")


def commit(releases, plan=PLAN, content="a"):
    writer = ReleaseWriter(releases)
    staging = writer.begin(plan)
    staging.file("one.txt").write_text(content)
    staging.file("folder/two.txt").write_text(content)
    return writer.commit(plan, staging)


def test_a_release_is_named_by_its_date_and_six_digits(releases):
    commit(releases)
    (name,) = releases.ids()
    assert name == PLAN.version
    assert name.startswith("2026-01-01.")
    assert len(name) == len("2026-01-01.3f2a91")
    assert releases.verify(name).inputs == {"lists": "v1"}
    assert ReleaseWriter(releases).find(PLAN).path == releases.path(name)


def test_nothing_is_seen_before_the_commit(releases):
    writer = ReleaseWriter(releases)
    staging = writer.begin(PLAN)
    staging.file("one.txt").write_text("a")
    assert (releases.ids(), writer.find(PLAN)) == ([], None)
    writer.abandon(staging)
    assert list(releases.versions.iterdir()) == []


def test_the_same_plan_gives_the_same_release_or_an_error(releases):
    assert commit(releases).path == commit(releases).path
    with pytest.raises(NotReproducible):
        commit(releases, content="b")


def test_another_plan_under_the_same_id_is_not_taken_for_it(releases, monkeypatch):
    commit(releases)
    other = ReleasePlan(as_of="2026-01-01", inputs={"lists": "v2"}, config={}, seed=1)
    monkeypatch.setattr(ReleasePlan, "version", next(iter(releases.ids())))
    with pytest.raises(CheckFailed, match="another plan"):
        ReleaseWriter(releases).find(other)


def test_a_manifest_of_another_release_is_refused(releases):
    commit(releases)
    name = PLAN.version
    (releases.versions / name).rename(releases.versions / "2026-01-02.000000")
    with pytest.raises(IntegrityError, match=f"is of release {name}"):
        releases.manifest("2026-01-02.000000")


def test_unknown_and_unsafe_names(releases):
    with pytest.raises(NotFound):
        releases.path("2026-01-01.000000")
    for name in ("../log", "", ".staging-1", "a/b"):
        with pytest.raises(UnsafeName):
            releases.path(name)
