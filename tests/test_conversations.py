"""5,000 generated conversations with one application; see `tests.conversations`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings

from tests.conversations import Step, conversations, converse

UNCHECKED = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


@pytest.fixture(scope="module", autouse=True)
def _quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.timeout(600)
@settings(max_examples=5000, deadline=None, derandomize=True, database=None, suppress_health_check=UNCHECKED)
@given(conversations())
def test_nothing_but_answers_errors_declared_events_and_documented_closes(steps: Sequence[Step]) -> None:
    converse(steps)
