"""2,000 streams of bytes, valid and broken, split at every boundary; see `tests.byte_streams`."""

from __future__ import annotations

import pytest

from tests.byte_streams import check

STREAMS = 2000
_BATCH = 100


@pytest.mark.parametrize("first", range(0, STREAMS, _BATCH))
def test_a_stream_ends_in_messages_and_documented_closes_however_it_is_split(first: int) -> None:
    for seed in range(first, first + _BATCH):
        check(seed)
