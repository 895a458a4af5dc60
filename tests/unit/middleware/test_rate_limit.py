"""middleware/rate_limit.py: token buckets."""

from __future__ import annotations

import asyncio
import gc
from weakref import WeakSet

import pytest
from microsockets.errors import ConfigurationError, RateLimited
from microsockets.middleware import RateLimit
from microsockets.middleware.calls import Call

from ..calls import Peer, answer, make_call


class Clock:
    """The loop's time, moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", clock)
    return clock


async def passes(limit: RateLimit, call: Call) -> bool:
    try:
        assert await limit.event(call, answer) == "answer"
    except RateLimited:
        return False
    return True


async def test_a_burst_passes_and_more_is_refused_until_tokens_come(clock: Clock) -> None:
    limit, peer = RateLimit(2, 3), Peer()
    assert [await passes(limit, make_call(peer)) for _ in range(4)] == [True, True, True, False]
    clock.now += 0.5
    assert [await passes(limit, make_call(peer)) for _ in range(2)] == [True, False]


async def test_a_client_that_obeys_retry_after_is_let_through(clock: Clock) -> None:
    limit, peer = RateLimit(3, 1), Peer()
    assert await passes(limit, make_call(peer))
    clock.now += 0.1
    with pytest.raises(RateLimited) as caught:
        await limit.event(make_call(peer), answer)
    assert caught.value.retry_after == pytest.approx(1 / 3 - 0.1, abs=0.001)
    clock.now += caught.value.retry_after
    assert await passes(limit, make_call(peer))


async def test_tokens_never_exceed_the_burst(clock: Clock) -> None:
    limit, peer = RateLimit(1, 2), Peer()
    assert await passes(limit, make_call(peer))
    clock.now += 3600
    assert [await passes(limit, make_call(peer)) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(("rate", "burst"), [(2.4, 2), (0.1, 1)])
async def test_the_burst_defaults_to_a_second_of_the_rate(clock: Clock, rate: float, burst: int) -> None:
    limit, peer = RateLimit(rate), Peer()
    assert [await passes(limit, make_call(peer)) for _ in range(burst + 1)] == [True] * burst + [False]


async def test_each_socket_counts_alone(clock: Clock) -> None:
    limit = RateLimit(1, 1)
    one, two = Peer(user_id="u"), Peer(user_id="u")
    assert [await passes(limit, make_call(peer)) for peer in (one, two, one)] == [True, True, False]


async def test_per_user_counts_a_users_sockets_together_and_others_alone(clock: Clock) -> None:
    limit = RateLimit(1, 1, per="user")
    one, two, nobody, nobody_else = Peer(user_id="u"), Peer(user_id="u"), Peer(), Peer()
    passed = [await passes(limit, make_call(peer)) for peer in (one, two, nobody, nobody_else, nobody)]
    assert passed == [True, False, True, True, False]


async def test_per_ip_counts_an_addresss_sockets_together_and_those_without_alone(clock: Clock) -> None:
    limit = RateLimit(1, 1, per="ip")
    one, two, other = Peer(client=("10.0.0.1", 1)), Peer(client=("10.0.0.1", 2)), Peer(client=("10.0.0.2", 1))
    passed = [await passes(limit, make_call(peer)) for peer in (one, two, other, Peer(), Peer())]
    assert passed == [True, False, True, True, True]


async def test_per_may_be_a_function_of_the_call(clock: Clock) -> None:
    limit = RateLimit(1, 1, per=lambda call: call.event)
    passed = [await passes(limit, make_call(event=event)) for event in ("a", "b", "a")]
    assert passed == [True, True, False]


async def test_one_instance_limits_its_events_together(clock: Clock) -> None:
    limit, peer = RateLimit(1, 1), Peer()
    assert [await passes(limit, make_call(peer, event=event)) for event in ("a", "b")] == [True, False]


class Key:
    """What calls are counted by; weakly referenced to see when it is forgotten."""


def keyed(key: Key) -> Call:
    call = make_call()
    call.state["key"] = key
    return call


async def test_buckets_that_are_full_again_are_swept_and_others_kept(clock: Clock) -> None:
    limit = RateLimit(1, 2, per=lambda call: call.state["key"])
    keys = [Key() for _ in range(1023)]
    for key in keys:
        assert await passes(limit, keyed(key))
    old = WeakSet(keys)
    key = Key()
    keys.clear()
    clock.now += 2
    busy = Key()
    for _ in range(2):
        assert await passes(limit, keyed(busy))
    gc.collect()
    assert len(old) == 1023
    assert await passes(limit, keyed(Key()))
    gc.collect()
    assert len(old) == 0
    assert not await passes(limit, keyed(busy))


@pytest.mark.parametrize(("rate", "burst"), [(0, None), (-1, 1), (1, 0)])
def test_a_rate_and_a_burst_must_be_possible(rate: float, burst: int | None) -> None:
    with pytest.raises(ConfigurationError, match="give a rate greater than 0 and a burst of at least 1"):
        RateLimit(rate, burst)
