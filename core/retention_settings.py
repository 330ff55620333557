"""What is kept, and for how long, as it stands under `[retention]` in `daybreak.toml`."""

from pydantic import BaseModel, ConfigDict, Field


class RetentionSettings(BaseModel):
    """Which releases are kept, and when what is not is deleted.

    The release that is served and a pinned one are kept in any case.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    keep_releases: int = Field(7, ge=3)
    """The newest releases that may be served are kept, this many of them, and as many archived
    ones; at least 3, so that a rollback always leads somewhere."""

    grace_hours: float = Field(24.0, ge=1, le=8760, allow_inf_nan=False)
    """A release is retired in the log first and deleted this many hours later; whatever else goes
    was last touched this long ago. Longer than the longest reader takes: a server that looks at
    the log, a copy being pulled, a notebook."""

    experiments: dict[str, list[str]] = Field(default_factory=dict)
    """Releases that an experiment reads: its name and their ids. They are kept; one that does not
    exist is refused. Whichever machine clears up reads its own: let all that do have the same."""

    @property
    def grace_seconds(self) -> float:
        """`grace_hours` in seconds."""
        return self.grace_hours * 3600
