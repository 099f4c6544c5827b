"""Backoff has a ceiling that doubles, and chance below it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs import Retry


@given(attempt=st.integers(1, 1000), base=st.floats(0.1, 60), cap=st.floats(1, 86400), seed=st.integers())
def test_a_delay_is_never_negative_and_never_above_its_ceiling(
    attempt: int, base: float, cap: float, seed: int
) -> None:
    delay = Retry(base=base, cap=cap).delay(attempt, random.Random(seed))
    assert 0 <= delay <= min(cap, base * 2.0 ** min(attempt, 60))


def test_delays_grow_and_spread() -> None:
    retry, chance = Retry(base=2, cap=600), random.Random(1)
    middle = [sorted(retry.delay(attempt, chance) for _ in range(999))[499] for attempt in (1, 3, 5)]
    assert middle[0] < middle[1] < middle[2]
    assert len({retry.delay(4, chance) for _ in range(100)}) == 100


def test_some_exceptions_are_not_worth_a_retry() -> None:
    retry = Retry(retry_on=(OSError,), give_up_on=(FileNotFoundError,))
    assert retry.wants(ConnectionError())
    assert not retry.wants(FileNotFoundError())
    assert not retry.wants(ValueError())


@pytest.mark.parametrize("wrong", [{"max": -1}, {"max": 101}, {"base": 0}, {"cap": -5}])
def test_a_policy_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"Retry\."):
        Retry(**wrong)  # type: ignore[arg-type]
