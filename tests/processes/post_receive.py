"""The hook of a small platform: what a push to its bare repository starts, stops and leaves alone.

Called by git as `post_receive.py FOLDER`, with "old new ref" lines on standard input. FOLDER holds

    repository/     the bare repository
    releases/N/     the checkouts
    envs/HASH/      one virtual environment for each content of requirements.txt
    config          NAME=value lines, the variables of the app
    running.json    name -> session of what runs now
    route           the port of the web process that requests go to
    log             what the processes and the hook said
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from cli.processes import members

KILL_AFTER = 30.0  # seconds, as most platforms do
HEALTHY_WITHIN = 30.0


class Platform:
    """One app on one machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def deploy(self, commit: str) -> None:
        """Make a commit the running release; when its `release` command fails, what runs goes on."""
        number = 1 + len(list((self.folder / "releases").iterdir()))
        checkout = self._check_out(commit, number)
        environment = self._environment(self._install(checkout), number)
        processes = dict(line.split(": ", 1) for line in (checkout / "Procfile").read_text().splitlines())
        self._release(processes.pop("release"), checkout, environment)
        old, sessions = self.running(), {}
        for name, command in processes.items():
            sessions[name] = self._start(command, checkout, environment)
        self._route(environment["PORT"])
        (self.folder / "running.json").write_text(json.dumps(sessions))
        self.stop(set(old.values()))
        self.say(f"v{number} runs")

    def running(self) -> dict[str, int]:
        """Name -> session."""
        file = self.folder / "running.json"
        return dict(json.loads(file.read_text())) if file.exists() else {}

    def say(self, text: str) -> None:
        """Tell who pushes, and the log."""
        print(text, flush=True)
        with (self.folder / "log").open("a") as log:
            log.write(f"-----> {text}\n")

    def _check_out(self, commit: str, number: int) -> Path:
        checkout = self.folder / "releases" / str(number)
        checkout.mkdir()
        git = ["git", f"--git-dir={self.folder / 'repository'}", f"--work-tree={checkout}"]
        subprocess.run([*git, "checkout", "--force", "--quiet", commit, "--", "."], check=True)
        return checkout

    def _install(self, checkout: Path) -> Path:
        """The virtual environment of these requirements: made once for each content of the file."""
        requirements = checkout / "requirements.txt"
        venv = self.folder / "envs" / hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]
        if venv.exists():
            self.say("Requirements are unchanged: nothing is installed")
        elif os.environ.get("DEPLOYS_INSTALL"):
            self.say("Installing requirements.txt")
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
            pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--require-hashes"]
            subprocess.run([*pip, "--disable-pip-version-check", "--requirement", str(requirements)], check=True)
        else:
            self.say("Installing nothing: the environment of these tests holds these requirements")
            venv.symlink_to(sys.prefix)
        return venv

    def _environment(self, venv: Path, number: int) -> dict[str, str]:
        config = dict(line.split("=", 1) for line in (self.folder / "config").read_text().splitlines())
        path = f"{venv / 'bin'}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "PORT": str(_free_port()), "RELEASE": f"v{number}", **config}

    def _release(self, command: str, checkout: Path, environment: dict[str, str]) -> None:
        done = subprocess.run(command.split(), cwd=checkout, env=environment, capture_output=True, text=True)
        self.say(done.stdout + done.stderr)
        if done.returncode:
            self.say("The release failed: what runs goes on")
            sys.exit(1)

    def _start(self, command: str, checkout: Path, environment: dict[str, str]) -> int:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                command.split(),
                cwd=checkout,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return process.pid

    def _route(self, port: str) -> None:
        """Send requests to the new web process as soon as it answers."""
        deadline = time.monotonic() + HEALTHY_WITHIN
        while not _answers(port):
            if time.monotonic() > deadline:
                raise SystemExit("The new web process does not answer")
            time.sleep(0.05)
        partial = self.folder / "route.partial"
        partial.write_text(port)
        partial.replace(self.folder / "route")

    def stop(self, sessions: set[int]) -> None:
        """SIGTERM to every process, as Heroku does, and SIGKILL after 30 s."""
        _signal(sessions, signal.SIGTERM)
        deadline = time.monotonic() + KILL_AFTER
        while members(sessions):
            if time.monotonic() > deadline:
                self.say(f"Killing {sorted(members(sessions))}")
                _signal(sessions, signal.SIGKILL)
            time.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _answers(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/livez", timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False


def _signal(sessions: set[int], number: signal.Signals) -> None:
    for pid in members(sessions):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass  # it ended by itself


def main() -> None:
    """Deploy the commit that main points to now."""
    platform = Platform(Path(sys.argv[1]))
    for line in sys.stdin:
        _, commit, ref = line.split()
        if ref == "refs/heads/main":
            for name in [name for name in os.environ if name.startswith("GIT_")]:
                del os.environ[name]  # git's own variables would lead our git, and the app, to another folder
            platform.deploy(commit)


if __name__ == "__main__":
    main()
