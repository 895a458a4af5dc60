"""How much one connection may ask of the server."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import ConfigurationError


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Every bound of a connection. Sizes are bytes of UTF-8, times are seconds. None, where it is the default, is no
    limit.

    Each is counted in `Application.counters` when it is hit. A namespace's `limits` replaces the application's.
    """

    frame_bytes: int = 64 * 1024
    """A larger frame answers `too_large` and is discarded unread."""
    frame_bytes_close: int = 1024 * 1024
    """A frame larger than this closes the connection with 1009."""
    inbox_frames: int = 256
    """Events received and not yet started; one more answers `overloaded`."""
    inbox_bytes: int = 256 * 1024
    """Bytes of events received and not yet started; more answers `overloaded`."""
    rooms: int = 64
    """Rooms one socket may be in, not counting its own and its user's."""
    room_name_bytes: int = 128
    """Length of a room's name."""
    open_answers: int = 256
    """Requests without an answer yet; one more answers `overloaded`."""
    streams: int = 16
    """Streams running at once on one connection; one more answers `overloaded`."""
    bad_frames: int = 20
    """The malformed frame within `bad_frames_window` that closes with 4429."""
    bad_frames_window: float = 10.0
    outbox_frames: int = 1000
    """Frames waiting for a slow reader; one more closes with 4413."""
    outbox_bytes: int = 1024 * 1024
    """Bytes waiting for a slow reader; more closes with 4413."""
    outbox_seconds: float = 5.0
    """Age of the oldest frame waiting for a slow reader; older closes with 4413."""
    handler_seconds: float = 30.0
    """Time one handler (or the connect chain) may take before it answers `timeout`."""
    disconnect_seconds: float = 30.0
    """Time that events already received have to finish after a disconnect."""
    connections: int | None = None
    """Connections of the whole application; one more is refused with HTTP 503."""
    connections_per_ip: int | None = None
    """Connections from one client address; one more is refused with HTTP 429."""
    connections_per_user: int | None = None
    """Connections of one `user_id` to a namespace; one more is refused with HTTP 429."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None and field.default is not None:
                raise ConfigurationError(f"Limits({field.name}=None): there must be a limit; give a large number")
            if value is not None and value <= 0:
                raise ConfigurationError(f"Limits({field.name}={value!r}) must be greater than 0")
