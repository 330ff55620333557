"""Every place under a Daybreak home, named once."""

import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import UsageError


@dataclass(frozen=True)
class Home:
    """The folder that holds one installation's data.

    Attributes:
        root: the folder; made on first use.
    """

    root: Path

    @classmethod
    def find(cls, folder: str | None = None) -> "Home":
        """Returns the home at `folder`, else at DAYBREAK_HOME, else at ./var.

        Raises:
            UsageError: the path exists and is no folder.
        """
        root = Path(folder or os.environ.get("DAYBREAK_HOME") or "var").absolute()
        if root.exists() and not root.is_dir():
            raise UsageError(f"home {str(root)!r} is a file; give a folder with --home")
        return cls(root)

    @property
    def landing(self) -> Path:
        """Where files arrive."""
        return self.root / "landing"

    @property
    def intake(self) -> Path:
        """Segments of accepted events and served lists, on their way to the landing zone."""
        return self.root / "intake"

    @property
    def handed_over(self) -> Path:
        """Segments that another home takes in, for as long as they are read back here."""
        return self.intake / "handed-over"

    @property
    def lake(self) -> Path:
        """Accepted and quarantined rows as Parquet."""
        return self.root / "lake"

    @property
    def ledger(self) -> Path:
        """One JSON entry for each ingested file."""
        return self.root / "lake" / "ledger"

    @property
    def artefacts(self) -> Path:
        """Immutable versions of everything computed."""
        return self.root / "artefacts"

    @property
    def releases(self) -> Path:
        """Release versions and the release log: all that a server reads."""
        return self.root / "releases"

    @property
    def rewritten(self) -> Path:
        """Up to which tombstone the files of this home are rewritten."""
        return self.root / "rewritten.json"

    @property
    def truth(self) -> Path:
        """A synthetic world's truth; read by tests and benchmarks only."""
        return self.root / "truth"

    @property
    def dagster(self) -> Path:
        """Dagster's instance."""
        return self.root / "dagster"

    @property
    def tracking(self) -> Path:
        """MLflow's database and files."""
        return self.root / "mlflow"
