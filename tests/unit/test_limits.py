"""limits.py: the documented bounds of one connection."""

from __future__ import annotations

import dataclasses

import pytest
from microsockets.errors import ConfigurationError
from microsockets.limits import Limits


def test_the_defaults_are_the_documented_ones() -> None:
    assert dataclasses.asdict(Limits()) == {
        "frame_bytes": 65_536,
        "frame_bytes_close": 1_048_576,
        "inbox_frames": 256,
        "inbox_bytes": 262_144,
        "rooms": 64,
        "room_name_bytes": 128,
        "open_answers": 256,
        "streams": 16,
        "bad_frames": 20,
        "bad_frames_window": 10.0,
        "outbox_frames": 1000,
        "outbox_bytes": 1_048_576,
        "outbox_seconds": 5.0,
        "handler_seconds": 30.0,
        "disconnect_seconds": 30.0,
        "connections": None,
        "connections_per_ip": None,
        "connections_per_user": None,
    }


def test_limits_cannot_be_changed_afterwards() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().rooms = 3  # type: ignore[misc]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Limits)])
@pytest.mark.parametrize("value", [0, -1])
def test_every_limit_must_be_greater_than_zero(field: str, value: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"Limits\({field}={value}\) must be greater than 0"):
        dataclasses.replace(Limits(), **{field: value})


def test_none_means_unlimited() -> None:
    assert dataclasses.replace(Limits(connections=1), connections=None).connections is None
