"""The hand-made night that tests of models, lists and publication read; nobody may change it."""

import pytest

from assets.models.fold_data import FoldData
from tests import tiny_night


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> FoldData:
    """The release's fold of `tests.tiny_night`, its sources fitted, its candidates stored."""
    return tiny_night.whole(tmp_path_factory.mktemp("tiny-night"))
