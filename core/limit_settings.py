"""Settings of what one caller may take of the lookup service, as under `[limits]`."""

from pydantic import BaseModel, ConfigDict, Field


class LimitSettings(BaseModel):
    """How much one user, one client and all together may ask for."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    user_rate: float = Field(default=20.0, ge=0, le=1e6, allow_inf_nan=False)
    """Requests a second for one user in the long run, over all workers; 0: no limit."""
    user_burst: int = Field(default=100, ge=1, le=1_000_000)
    """Requests for one user at once."""
    client_rate: float = Field(default=0.0, ge=0, le=1e6, allow_inf_nan=False)
    """Requests a second by one client (a token's client, else the address that it comes from) in
    the long run, over all workers, whatever is answered; 0: no limit. Refused tokens are charged to
    their address."""
    client_burst: int = Field(default=1_000, ge=1, le=1_000_000)
    """Requests by one client at once."""
    max_concurrency: int = Field(default=256, ge=1, le=100_000)
    """Requests that one worker has in progress at once, posts that wait for their body or the disk
    and pages that wait for a thread each apart; what comes on top gets 503 at once."""
    max_connections: int = Field(default=10_000, ge=1, le=1_000_000)
    """Connections that one worker keeps open; more wait to be accepted."""
    header_seconds: float = Field(default=10.0, ge=0.1, le=3_600, allow_inf_nan=False)
    """Time to send a request's head, and to send the next one on an open connection."""
