"""Makes `release_diff`: what a release changes, stored before anything is announced."""

from assets.publication.stage import current_release
from core.night import Made, Night
from core.release_store import ReleaseStore
from core.staging import Staging
from serving.diff_text import to_markdown
from serving.release_diff import compare_releases, unnamed


def make_release_diff(night: Night) -> Made:
    """Makes `release_diff`: diff.json and diff.md, the night's release against its champion.

    Neither names a user, so that an erasure finds nobody here; `daybreak release diff` names the
    ten whose lists changed most from the releases themselves. A first release has nothing to be
    compared with, and the two files say so.

    Raises:
        CheckFailed: the release has not been made, or its inputs have been made anew since.
        IntegrityError: a table of either release is gone or damaged.
    """
    releases = ReleaseStore(night.home.releases)
    release = current_release(night).version
    champion = releases.log.champion_before(night.key)

    def write(staging: Staging) -> None:
        document = unnamed(compare_releases(releases, champion, release))
        staging.write_json("diff.json", document)
        staging.file("diff.md").write_text(to_markdown(document), encoding="utf-8")

    return night.make("release_diff", write, config={"release": release, "champion": champion})
