"""Where releases live beside the home, as it stands under `[releases]` in `daybreak.toml`."""

from pydantic import BaseModel, ConfigDict, Field


class ReleaseSettings(BaseModel):
    """A place that several machines share, and how a machine copies from it."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    location: str = ""
    """A folder (`/mnt/daybreak`) or a bucket (`s3://bucket/prefix`) whose release log is the truth;
    the home's is a copy. Empty: the home's own log is the truth. Keys and the endpoint of a bucket
    come from the environment, as AWS names them (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL)."""
    fallbacks: int = Field(default=1, ge=0, le=10)
    """Releases that are copied beside the current one, best first: what a rollback would give."""
    spread_seconds: float = Field(default=30.0, ge=0, le=3_600, allow_inf_nan=False)
    """Longest random wait before files are copied, so that a fleet does not ask all at once."""
    poll_seconds: float = Field(default=3.0, ge=0.05, le=3_600, allow_inf_nan=False)
    """Pause between two looks of a server at the location's log."""
    retry_seconds: float = Field(default=60.0, ge=0.05, le=3_600, allow_inf_nan=False)
    """Pause of a server before it copies again what could not be copied."""
