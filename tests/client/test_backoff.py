"""When to connect again."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from microsockets.client.backoff import Backoff, sensible


class Time:
    """A clock and a chance that stand still."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.chance = 1.0

    def backoff(self) -> Backoff:
        return Backoff(lambda: self.now, lambda: self.chance)


def delays(backoff: Backoff, failures: int) -> list[float]:
    """The delays after so many failures in a row."""
    found: list[float] = []
    for _ in range(failures):
        backoff.lost()
        found.append(backoff.delay())
    return found


def test_the_limit_doubles_with_each_failure_in_a_row_from_half_a_second_up_to_20_s() -> None:
    assert delays(Time().backoff(), 8) == [0.5, 1, 2, 4, 8, 16, 20, 20]
    assert delays(Time().backoff(), 3000)[-1] == 20


def test_the_delay_is_a_random_share_of_the_limit_and_never_under_200_ms() -> None:
    time = Time()
    time.chance = 0.25
    assert delays(time.backoff(), 4) == [0.2, 0.25, 0.5, 1]
    time.chance = 0
    assert delays(time.backoff(), 3) == [0.2, 0.2, 0.2]


def test_a_connection_that_was_open_for_10_s_forgives_the_failures_before_it_once() -> None:
    time = Time()
    backoff = time.backoff()
    delays(backoff, 5)
    backoff.opened()
    time.now += 9.999
    assert not backoff.lost()
    backoff.opened()
    time.now += 10
    assert backoff.lost()
    assert backoff.delay() == 0.5
    assert not backoff.lost()
    assert backoff.delay() == 1


def test_who_is_asked_to_stay_away_stays_away_for_what_is_left_of_that_time() -> None:
    time = Time()
    backoff = time.backoff()
    backoff.lost()
    backoff.hold(60)
    backoff.hold(1)
    assert (backoff.delay(), backoff.soonest()) == (60, 60)
    time.now += 59.75
    assert (backoff.delay(), backoff.soonest()) == (0.5, 0.25)
    time.now += 1
    assert (backoff.delay(), backoff.soonest()) == (0.5, 0)


def test_the_first_attempt_may_come_at_once_and_the_next_200_ms_after_a_loss() -> None:
    time = Time()
    backoff = time.backoff()
    assert backoff.soonest() == 0
    backoff.lost()
    assert backoff.soonest() == pytest.approx(0.2)
    time.now += 0.2
    assert backoff.soonest() == pytest.approx(0)


@pytest.mark.parametrize(("named", "kept"), [(0.25, 0.25), (1, 1), (3600, 3600), (3601, 3600), (10**400, 3600)])
def test_a_server_can_name_any_time_up_to_an_hour(named: float, kept: float) -> None:
    assert sensible(named) == kept


@pytest.mark.parametrize("named", [0, -1, -math.inf, math.nan, "soon", "1", None, {}, [1], True])
def test_what_is_no_sensible_time_counts_as_none(named: Any) -> None:
    assert sensible(named) == 0


steps = st.lists(
    st.one_of(
        st.just(("lost", 0.0)),
        st.just(("opened", 0.0)),
        st.tuples(st.just("later"), st.floats(0, 30)),
        st.tuples(st.just("hold"), st.floats(0, 100)),
    )
)


@given(steps, st.floats(0, 1))
def test_whatever_happens_a_delay_is_at_least_200_ms_and_at_most_20_s_or_the_hold(
    happened: list[tuple[str, float]], chance: float
) -> None:
    time = Time()
    time.chance = chance
    backoff = time.backoff()
    held_until = 0.0
    for what, seconds in happened:
        if what == "lost":
            backoff.lost()
        elif what == "opened":
            backoff.opened()
        elif what == "later":
            time.now += seconds
        else:
            held_until = max(held_until, time.now + seconds)
            backoff.hold(seconds)
        held = held_until - time.now
        assert max(0.2, held) <= backoff.delay() <= max(20, held)
        assert max(0, held) <= backoff.soonest() <= max(0.2 + 1e-9, held)
