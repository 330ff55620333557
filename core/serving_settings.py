"""Settings of the lookup service, as they stand under `[serving]` in `daybreak.toml`."""

from pydantic import BaseModel, ConfigDict, Field

from core.listening import FIRST_PORT, LAST_PORT


class ServingSettings(BaseModel):
    """How a release is packed, where the server listens and how often it looks for another."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    host: str = Field(default="127.0.0.1", min_length=1)
    """Address to listen on; the default is reachable from this machine only."""
    port: int = Field(default=8080, ge=FIRST_PORT, le=LAST_PORT)
    """Port to listen on."""
    workers: int = Field(default=1, ge=1, le=64)
    """Server processes; each maps the release's files, so memory grows little with them."""
    poll_seconds: float = Field(default=1.0, ge=0.05, le=60, allow_inf_nan=False)
    """Pause between two looks at the release log."""
    retry_seconds: float = Field(default=60.0, ge=0.05, le=3_600, allow_inf_nan=False)
    """Pause before a release that was refused is verified once more."""
    stop_seconds: int = Field(default=10, ge=1, le=600)
    """Time that requests in progress get when the server is told to stop."""
    session_weight: float = Field(default=0.5, ge=0, le=1)
    """Weight of what someone has just looked at against their list: 0 changes nothing but that it
    leaves the list, at 1 only its neighbours count where there are any."""
    n_shards: int = Field(default=4, ge=1, le=100)
    """Files over which a release's user records are spread, by hash of the user id."""
    build_workers: int = Field(default=0, ge=0, le=256)
    """Processes that pack a release's user records side by side; 0: one a core. The bytes do not
    depend on it."""
