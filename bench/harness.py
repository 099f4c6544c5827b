"""A server and a worker of one peer, and how much CPU time they take. Linux only: it reads /proc."""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
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

    port: int
    folder: str
    durable: bool
    process: subprocess.Popen[bytes]
    redis: Redis

    @property
    def environment(self) -> dict[str, str]:
        """What all peers and their workers read."""
        url = f"redis://127.0.0.1:{self.port}/0"
        return {"REDIS_URL": url, "NIGHTSHIFT_ENV": "test", "LOG_LEVEL": "WARNING", "PYTHONPATH": str(ROOT)}

    @contextmanager
    def worker(self, peer: ModuleType) -> Iterator[subprocess.Popen[bytes]]:
        """One worker, killed at the end."""
        process = start_worker(peer, self.environment)
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

    def kill_server(self) -> None:
        """As a crash would."""
        self.process.kill()
        self.process.wait()

    def start_server(self) -> None:
        """With the data that it had, if it is durable."""
        self.process = _start_server(self.port, self.folder, durable=self.durable)
        _wait_until_ready(self.redis)


@contextmanager
def bench(*, durable: bool = False) -> Iterator[Bench]:
    """A server for one measurement, with nothing else on it; its append-only file is on when it is durable."""
    with tempfile.TemporaryDirectory(prefix="nightshift-bench-") as folder:
        port = free_port()
        process = _start_server(port, folder, durable=durable)
        redis = Redis(port=port, socket_connect_timeout=1)
        measured = Bench(port, folder, durable, process, redis)
        try:
            _wait_until_ready(redis)
            yield measured
        finally:
            measured.kill_server()


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _start_server(port: int, folder: str, *, durable: bool) -> subprocess.Popen[bytes]:
    kept = ["--save", "", "--appendonly", "yes" if durable else "no", "--dir", folder]
    kept += ["--unixsocket", str(Path(folder, "redis.sock"))]
    command = [str(server.find_binary()), "--port", str(port), "--bind", "127.0.0.1", *kept]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def _wait_until_ready(redis: Redis) -> None:
    while True:
        try:
            redis.ping()
            return
        except RedisError:
            time.sleep(0.02)


def start_worker(peer: ModuleType, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """One worker of a peer, in a session of its own."""
    return start(peer.WORKER, environment)


def start(command: Sequence[str], environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """A silent process in a session of its own."""
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def load(name: str, environment: dict[str, str]) -> ModuleType:
    """A peer's module, which reads its server's address when it is imported: hence a process for each measurement."""
    os.environ.update(environment)
    return peers.load(name)


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
        try:
            os.kill(found, number)
        except ProcessLookupError:
            pass  # RQ's worker has a child for each job


def cpu_seconds(pid: int) -> float:
    """CPU time that a process tree has used, that of its dead and awaited children included."""
    return sum(_cpu(found) for found in tree(pid))


def _cpu(pid: int) -> float:
    fields = _proc(pid, "stat").rpartition(")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS


def memory_kb(pid: int) -> int:
    """Proportional set size of a process tree: shared pages are counted once."""
    return sum(_pss(found) for found in tree(pid))


def _pss(pid: int) -> int:
    lines = _proc(pid, "smaps_rollup").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


def _proc(pid: int, name: str) -> str:
    """What the kernel tells of a process; nothing when it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text()
    except OSError:
        return ""


def in_process(module: str, *arguments: object) -> str:
    """Run one measurement in a process of its own; gives what it printed."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip().splitlines()[-1:]}")
    return done.stdout


def in_rounds(module: str, rounds: int, options: Mapping[str, Sequence[object]]) -> dict[str, dict[str, list[float]]]:
    """Measure by `--one <name>` and its options, all names in each round: name -> column -> a value for each round."""
    results: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for _ in range(rounds):
        for name, given in options.items():
            for column, value in json.loads(in_process(module, "--one", name, *given)).items():
                results[name][column].append(value)
    return results


def print_table(results: Mapping[str, Mapping[str, Sequence[float]]], compare: str = "", *, also: str = "") -> None:
    """Medians as Markdown; with `compare`, and `also`, how many times ours is that of each peer in these columns."""
    names = list(next(iter(results.values())))
    compared = [column for column in (compare, also) if column and "nightshift" in results]
    print("| peer | " + " | ".join(names + [f"ours, {column}" for column in compared]) + " |")
    print("|---" * (len(names) + 1 + len(compared)) + "|")
    for peer, columns in results.items():
        medians = [statistics.median(columns[name]) for name in names]
        cells = [f"{value:,.0f}" if value >= 100 else f"{value:.2f}" for value in medians]
        factors = [
            f"{statistics.median(results['nightshift'][column]) / statistics.median(columns[column]):.2f}x"
            for column in compared
        ]
        print("| " + " | ".join([peer, *cells, *factors]) + " |")
