"""What Dagster hands to assets: a plain core object, so that tests can pass their own."""

import dagster as dg

from core.home import Home
from core.night import Workspace
from core.settings import load_settings


class WorkspaceResource(dg.ConfigurableResource[Workspace]):
    """The home and the settings in force.

    Attributes:
        home: folder of the data; DAYBREAK_HOME, else ./var, where empty.
        recompute: compute what is stored too, and hold it against the stored bytes.
    """

    home: str = ""
    recompute: bool = False

    def create_resource(self, context: dg.InitResourceContext) -> Workspace:
        """Reads the settings at the start of a run, so that each run sees one state of them."""
        return Workspace(Home.find(self.home or None), load_settings(), self.recompute)
