"""The memory that a supervisor shares with its horses."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest

from worker.slots import Board, Run, Verdict

RUN = Run(1, 10.5, 60.0, 2, "a-job", "an-execution", "default", "mail.send")


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # threads that other tests have left
def test_a_run_is_seen_by_the_other_process() -> None:
    slot = Board(2).slots[1]
    pid = os.fork()
    if pid == 0:
        slot.begin(RUN)
        os._exit(0)
    os.waitpid(pid, 0)
    assert slot.read() == RUN
    slot.end()
    assert slot.read() is None


def test_no_time_limit_holds_while_a_result_is_saved() -> None:
    slot = Board(1).slots[0]
    slot.begin(RUN)
    slot.settling()
    seen = slot.read()
    assert seen == replace(RUN, timeout=0.0)
    assert seen is not None
    assert seen.settling


def test_a_verdict_is_about_one_run_only() -> None:
    slot = Board(1).slots[0]
    slot.judge(1, Verdict.TIMEOUT)
    assert (slot.verdict(1), slot.verdict(2)) == (Verdict.TIMEOUT, Verdict.NONE)


def test_what_all_horses_have_done_is_added_up_and_outlives_them() -> None:
    board = Board(2)
    board.slots[0].tally(finished=1, failed=0, busy=0.5)
    board.slots[1].tally(finished=0, failed=1, busy=0.25)
    board.slots[0].clear()
    assert board.totals() == (1, 1, 0.75)


def test_the_board_tells_all_horses_what_not_to_take() -> None:
    board = Board(1)
    board.announce(stopping=False, suspended=True, paused=0b101)
    assert (board.stopping, board.suspended, board.paused) == (False, True, 0b101)


def test_names_longer_than_their_place_are_cut_and_break_nothing() -> None:
    slot = Board(1).slots[0]
    slot.begin(replace(RUN, task="t" * 500))
    seen = slot.read()
    assert seen is not None
    assert (seen.task, seen.job_id) == ("t" * 128, "a-job")
