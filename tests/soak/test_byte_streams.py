"""200,000 streams of bytes, other ones each time, split at every boundary."""

from __future__ import annotations

import random

from tests.byte_streams import check

STREAMS = 200_000


def test_two_hundred_thousand_streams() -> None:
    first = random.randrange(2**32)
    print(f"seeds from {first}")  # noqa: T201
    for seed in range(first, first + STREAMS):
        check(seed)
