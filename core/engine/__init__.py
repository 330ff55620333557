"""Engines: where transforms run. See `protocol.Engine` for the verbs."""

from core.engine.frames import Frame
from core.engine.opening import ENGINES, open_engine
from core.engine.protocol import Engine

__all__ = ["ENGINES", "Engine", "Frame", "open_engine"]
