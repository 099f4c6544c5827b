"""A server and a worker of one peer, and how much CPU time they take. Linux only: it reads /proc."""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from redis import Redis
from redis.exceptions import RedisError

from bench import peers
from cli import server

ROOT = Path(__file__).parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Bench:
    """A fresh server on a port of loopback."""

    process: subprocess.Popen[bytes]
    url: str
    redis: Redis

    @property
    def environment(self) -> dict[str, str]:
        """What all peers and their workers read."""
        return {"REDIS_URL": self.url, "NIGHTSHIFT_ENV": "test", "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT)}

    @contextmanager
    def worker(self, peer: ModuleType) -> Iterator[subprocess.Popen[bytes]]:
        """One worker, in a session of its own, killed at the end."""
        process = subprocess.Popen(
            peer.WORKER,
            cwd=ROOT,
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            stop(process.pid)
            process.wait()

    def wait_until_done(self, peer: ModuleType, seconds: float = 300.0) -> None:
        """Return when no job is left."""
        deadline = time.monotonic() + seconds
        while peer.left(self.redis):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{peer.__name__}: {peer.left(self.redis)} jobs are left")
            time.sleep(0.02)


@contextmanager
def bench() -> Iterator[Bench]:
    """A server for one measurement: append-only file off, nothing else on it."""
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder]
        process = subprocess.Popen([server.find_binary(), *options], stdout=subprocess.DEVNULL)
        url = f"redis://127.0.0.1:{port}/0"
        try:
            yield Bench(process, url, _connected(url))
        finally:
            process.kill()
            process.wait()


def load(name: str, environment: dict[str, str]) -> ModuleType:
    """A peer's module, which reads its server's address when it is imported: hence a process for each measurement."""
    os.environ.update(environment)
    return peers.load(name)


def _connected(url: str) -> Redis:
    redis = Redis.from_url(url)
    while True:
        try:
            redis.ping()
            return redis
        except RedisError:
            time.sleep(0.02)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(found for child in children for found in tree(int(child)))]


def stop(pid: int) -> None:
    """Kill a process and all below it."""
    for found in reversed(tree(pid)):
        try:
            os.kill(found, signal.SIGKILL)
        except ProcessLookupError:
            pass


def signal_tree(pid: int, number: int) -> None:
    """Send a signal to a process and all below it."""
    for found in tree(pid):
        os.kill(found, number)


def cpu_seconds(pid: int) -> float:
    """CPU time that a process tree has used, that of its dead and awaited children included."""
    return sum(_cpu(found) for found in tree(pid))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def memory_kb(pid: int) -> int:
    """Proportional set size of a process tree: shared pages are counted once."""
    return sum(_pss(found) for found in tree(pid))


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def in_process(module: str, *arguments: object) -> str:
    """Run one measurement in a process of its own; gives what it printed."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def print_table(results: Mapping[str, Mapping[str, Sequence[float]]], compare: str = "") -> None:
    """Medians as Markdown; with `compare` also how many times ours is that of each peer."""
    names = list(next(iter(results.values())))
    ours = statistics.median(results["nightshift"][compare]) if compare and "nightshift" in results else 0.0
    print("| peer | " + " | ".join(names) + (" | ours is |" if ours else " |"))
    print("|---" * (len(names) + 1 + bool(ours)) + "|")
    for peer, columns in results.items():
        medians = [statistics.median(columns[name]) for name in names]
        factor = f" {ours / statistics.median(columns[compare]):.2f}x |" if ours else ""
        print(
            f"| {peer} | "
            + " | ".join(f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in medians)
            + " |"
            + factor
        )
