"""Ticks lost, doubled and late: under faults, with many schedules, and beside other clocks.

    python -m bench.clock faults --ticks 10000     three clocks; the leader is stopped every few seconds
    python -m bench.clock scale --schedules 10000  start-up, memory, idle CPU, and 1,000 ticks due in one second
    python -m bench.clock peers --minutes 5        every system with the same kills at the same moments

Linux only, as the harness.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from redis import Redis

from bench import clocks, harness
from jobs.connection import use_client
from jobs.schedules import clock_status, keys, store
from jobs.schedules.definitions import define
from jobs.schedules.history import history
from jobs.schedules.writing import Writer

RESTART_AFTER = 2.0
STOPPED_FOR = 5.0


@dataclass
class Fleet:
    """The processes of one clock system on a server of its own."""

    peer: ModuleType
    bench: harness.Bench
    folder: Path
    environment: dict[str, str]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        """One process more."""
        os.environ.update(self.bench.environment)
        command = self.peer.command(self.folder)
        everything = os.environ | self.bench.environment | self.environment
        with Path(os.devnull).open("wb") as nothing:
            process = subprocess.Popen(command, cwd=harness.ROOT, env=everything, stdout=nothing, stderr=nothing)
        self.processes.append(process)

    def kill_oldest(self) -> None:
        """As a platform that takes a machine away."""
        oldest = self.processes.pop(0)
        harness.stop(oldest.pid)
        oldest.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        while self.processes:
            self.kill_oldest()


@contextmanager
def fleet(name: str, schedules: int, copies: int = 0, **environment: str) -> Iterator[Fleet]:
    """A clock system, started."""
    with harness.bench() as bench, tempfile.TemporaryDirectory() as folder:
        peer = clocks.load(name)
        running = Fleet(peer, bench, Path(folder), {"BENCH_SCHEDULES": str(schedules), **environment})
        try:
            for _ in range(copies or peer.COPIES):
                running.start()
            yield running
        finally:
            running.close()


def peers(minutes: int, schedules: int, every: float) -> None:
    """Kill the oldest process of every system at the same moments, and start one again two seconds later."""
    with ExitStack() as stack:
        fleets = {name: stack.enter_context(fleet(name, schedules)) for name in clocks.NAMES}
        time.sleep(10)
        _sleep_until(time.time() // 60 * 60 + 50)
        first = int(time.time()) // 60 + 1
        kills = _kill_for(list(fleets.values()), minutes * 60, every)
        expected = {(f"s{n}", minute) for n in range(schedules) for minute in range(first, first + minutes)}
        _row("system", "processes", "ticks", "lost", "doubled", "kills")
        for name, running in fleets.items():
            found = [tick for tick in running.peer.fired(running.bench.redis) if tick in expected]
            _row(
                name,
                running.peer.COPIES,
                len(expected),
                len(expected - set(found)),
                len(found) - len(set(found)),
                kills,
            )


def _kill_for(fleets: Sequence[Fleet], seconds: float, every: float) -> int:
    """Kills every few seconds, and half a second before every other full minute; gives how many."""
    end, kills = time.time() + seconds, 0
    while time.time() < end:
        now = time.time()
        _sleep_until(min(now + every, now // 120 * 120 + 119.5))
        for running in fleets:
            running.kill_oldest()
        kills += 1
        time.sleep(RESTART_AFTER)
        for running in fleets:
            running.start()
    time.sleep(5)
    return kills


def faults(ticks: int, schedules: int, every: float, fault: str) -> None:
    """Three clocks and a schedule for each second's tick; every few seconds the leader is hit."""
    with fleet("nightshift", schedules, copies=3, BENCH_RULE="second") as running:
        use_client(running.bench.redis)
        _wait(lambda: clock_status().schedules == schedules + 2)
        hits, end = 0, time.time() + ticks / schedules
        while time.time() < end:
            time.sleep(min(every, max(0.0, end - time.time())))
            hits += _hit(running, fault) if time.time() < end else 0
        time.sleep(4)
        _report(running.bench.redis, schedules, fault, hits)


def _hit(running: Fleet, fault: str) -> int:
    """Hit the leader; gives 1 when there was one."""
    leader = clock_status().leader
    victim = next((p for p in running.processes if leader and f":{p.pid}:" in leader), None)
    if fault == "none" or victim is None:
        return 0
    if fault == "stop":
        victim.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED_FOR)
        victim.send_signal(signal.SIGCONT)
        return 1
    victim.send_signal(signal.SIGKILL if fault == "kill" else signal.SIGTERM)
    victim.wait()
    running.processes.remove(victim)
    running.start()
    return 1


def _report(redis: Redis, schedules: int, fault: str, hits: int) -> None:
    jobs = Counter(clocks.items(redis, "rq:queue:bench"))
    lost, late = 0, []
    for number in range(schedules):
        entries = [entry for entry in history(f"s{number}", 1000) if entry.tick is not None]
        late += [entry.late or 0.0 for entry in entries]
        seen = sorted({int(entry.tick.timestamp()) for entry in entries if entry.tick})
        lost += (
            seen[-1] - seen[0] + 1 - sum(f"s{number}-{tick * 1000}" in jobs for tick in range(seen[0], seen[-1] + 1))
        )
    if not hits:
        _row("fault", "ticks", "lost", "doubled", "p50 ms", "p99 ms", "worst ms", "hits")
    _row(fault, len(jobs), lost, jobs.total() - len(jobs), *_quantiles(late), hits)


def scale(schedules: int, due: int) -> None:
    """A clock on a server that holds many schedules, some of which are due in the same second."""
    with harness.bench() as bench:
        os.environ.update(bench.environment)
        use_client(bench.redis)
        instant = _store_many(bench.redis, schedules, due)
        began = time.time()
        process = subprocess.Popen(
            [sys.executable, "clock.py"],
            cwd=harness.ROOT,
            env=os.environ | bench.environment,
            stdout=subprocess.DEVNULL,
        )
        try:
            _wait(lambda: clock_status().leader is not None)
            ready = time.time() - began
            time.sleep(2)
            idle, seconds = harness.cpu_seconds(process.pid), min(10.0, instant - time.time() - 1)
            time.sleep(seconds)
            idle = (harness.cpu_seconds(process.pid) - idle) / seconds * 100
            _wait(lambda: bench.redis.llen("rq:queue:bench") == due, 60)
            late = [entry.late or 0.0 for number in range(due) for entry in history(f"s{number}", 1)]
            _row("schedules", "due", "start s", "idle CPU %", "PSS MB", "p50 ms", "p99 ms", "worst ms")
            _row(
                schedules,
                due,
                f"{ready:.2f}",
                f"{idle:.1f}",
                f"{harness.memory_kb(process.pid) / 1024:.0f}",
                *_quantiles(late),
            )
        finally:
            harness.stop(process.pid)
            process.wait()


def _store_many(redis: Redis, schedules: int, due: int) -> float:
    """As many cron lines as intervals, far from firing, then some that fire once; gives when, as unix seconds."""
    import tasks.maintenance  # noqa: F401 - the definitions name its task

    for number in range(due, schedules):
        far: dict[str, Any] = {"every": 86_400 * (1 + number % 7), "phase": 43_200}
        if number % 2:
            far = {"cron": f"{number % 60} 3 {1 + number % 28} * *", "timezone": "Pacific/Kiritimati"}
        _store(redis, number, far)
    instant = store.time_of(redis) // 1000 + 20
    for number in range(due):
        _store(redis, number, {"at": instant})
    assert redis.zcard(keys.DUE) == schedules
    return instant


def _store(redis: Redis, number: int, rule: dict[str, Any]) -> None:
    definition = define(id=f"s{number}", task="maintenance.check", queue="bench", overlap="allow", **rule)
    Writer(redis, "bench").save(definition, None, store.time_of(redis))


def _quantiles(late: Sequence[float]) -> list[int]:
    ordered = sorted(late)
    return [round(1000 * ordered[min(len(ordered) - 1, int(len(ordered) * part))]) for part in (0.5, 0.99, 1.0)]


def _wait(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    limit = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > limit:
            raise TimeoutError("it did not come about")
        time.sleep(0.02)


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))


def _row(*cells: object) -> None:
    print("".join(f"{cell!s:>18}" for cell in cells), flush=True)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, run, options in (
        ("faults", _all_faults, {"ticks": 1000, "schedules": 50, "every": 4.0}),
        ("scale", scale, {"schedules": 10_000, "due": 1000}),
        ("peers", peers, {"minutes": 3, "schedules": 50, "every": 11.0}),
    ):
        command = commands.add_parser(name)
        command.set_defaults(run=run)
        for option, default in options.items():
            command.add_argument(f"--{option}", type=type(default), default=default)
    given = vars(parser.parse_args())
    given.pop("run")(**given)


def _all_faults(ticks: int, schedules: int, every: float) -> None:
    for fault in ("none", "term", "kill", "stop"):
        faults(ticks, schedules, every, fault)


if __name__ == "__main__":
    main()
