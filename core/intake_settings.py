"""Settings of the intake of events, as they stand under `[intake]` in `daybreak.toml`."""

from pydantic import BaseModel, ConfigDict, Field

_MIB = 1024**2


class IntakeSettings(BaseModel):
    """What the server takes in, how it keeps it until the next run, and what it remembers."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_body_bytes: int = Field(default=_MIB, ge=1_024, le=64 * _MIB)
    """Longest body of one request in bytes; a longer one is refused unread."""
    max_batch: int = Field(default=1_000, ge=1, le=100_000)
    """Most events in one request."""
    max_event_bytes: int = Field(default=16_384, ge=1_024, le=32_768)
    """Longest event in bytes, as it is written: one JSON line."""
    body_seconds: float = Field(default=10.0, gt=0, le=600, allow_inf_nan=False)
    """Time that a client has to send one body."""
    max_waiting_bytes: int = Field(default=16 * _MIB, ge=1_024)
    """Events in bytes that wait for the disk in one process; what comes beyond them gets 503."""
    reserve_bytes: int = Field(default=64 * _MIB, ge=0)
    """Free bytes that the intake leaves on the disk: with fewer, events get 503 and impressions
    are dropped."""
    segment_bytes: int = Field(default=64 * _MIB, ge=1_024)
    """A segment file of this many bytes goes to the landing zone."""
    segment_seconds: float = Field(default=60.0, ge=0.05, le=86_400, allow_inf_nan=False)
    """A segment file of this age goes to the landing zone."""
    hand_over: bool = True
    """Whether a home that follows a location hands its segments over there, for the pipeline to
    take in; a home that takes in its own landing zone never does. The server must be allowed to
    write under `landing/` there."""
    impressions: bool = True
    """Whether the lists that were served are logged."""
    max_impressions: int = Field(default=40_000, ge=1, le=1_000_000)
    """Answers that wait in one process to be logged; what comes beyond them is dropped and
    counted."""
    remembered_users: int = Field(default=200_000, ge=2)
    """Users whose last actions one process remembers; who acted longest ago is forgotten first."""
    remembered_bytes: int = Field(default=24 * _MIB, ge=1_024)
    """Bytes of ids that this memory holds at most."""
    session_hours: float = Field(default=24.0, ge=0, le=24 * 365, allow_inf_nan=False)
    """A process that starts reads back what was accepted within these hours."""
    read_back_bytes: int = Field(default=64 * _MIB, ge=0)
    """Bytes that it reads back at most, the newest."""
