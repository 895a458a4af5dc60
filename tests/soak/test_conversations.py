"""A million frames of generated conversations, other ones each time."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, seed, settings

from tests.conversations import Step, conversations, converse

FRAMES = 1_000_000

UNCHECKED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def test_a_million_frames() -> None:
    frames = 0

    @settings(max_examples=500, deadline=None, database=None, suppress_health_check=UNCHECKED)
    @given(conversations(40, 80))
    def talk(steps: Sequence[Step]) -> None:
        nonlocal frames
        frames += converse(steps)

    while frames < FRAMES:
        number = random.randrange(2**32)
        print(f"{frames:,} frames; seed {number}")  # noqa: T201
        seed(number)(talk)()
