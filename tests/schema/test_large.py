"""500 events and 300 models are described while one waits."""

from __future__ import annotations

import time

from microsockets.schema import digests, read_contract, read_samples
from microsockets.schema.asyncapi import asyncapi

from benchmarks import large


def test_a_large_application_is_described_in_under_two_seconds() -> None:
    started = time.process_time()
    contract = read_contract(large.app.namespaces)
    document = asyncapi(contract, examples=read_samples(large.app.namespaces, contract))
    assert len(digests(contract)) == large.NAMESPACES
    spent = time.process_time() - started
    assert len(document["operations"]) == large.EVENTS
    assert len(contract["schemas"]) >= large.MODELS
    assert spent < 2
