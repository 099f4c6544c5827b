"""The files of other platforms say what the Procfile and the settings say."""

from __future__ import annotations

import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from jobs.settings import Settings
from web import create_app

ROOT = Path(__file__).resolve().parent.parent
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
KUBERNETES = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
RAILWAY = {
    "web": ROOT / "railway.json",
    "worker": ROOT / "deploy/railway/worker.json",
    "clock": ROOT / "deploy/railway/clock.json",
}
NOT_OURS = {
    "PYTHONUNBUFFERED",
    "PYTHONDONTWRITEBYTECODE",
    "PATH",
    "NGINX_SERVER_NAME",
    "NGINX_HTTPS_ONLY",
    "BIND_ADDRESS",
}

PROCFILE = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
PROCESSES = {name: command for name, command in PROCFILE.items() if name != "release"}


def read_yaml(file: Path) -> list[Any]:
    return list(yaml.safe_load_all(file.read_text()))


COMPOSE: dict[str, Any] = read_yaml(ROOT / "compose.yaml")[0]
RENDER: dict[str, Any] = read_yaml(ROOT / "render.yaml")[0]
FLY: dict[str, Any] = tomllib.loads((ROOT / "fly.toml").read_text())
PODS: list[dict[str, Any]] = [entry for file in KUBERNETES for entry in read_yaml(file)]
DEPLOYMENTS = {entry["metadata"]["name"]: entry for entry in PODS if entry["kind"] == "Deployment"}


def unit(file: Path) -> dict[str, list[str]]:
    """The lines of a unit; a name may come more than once."""
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^(\w+)=(.*)$", file.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def commands_of_units() -> dict[str, str]:
    names = (re.sub(r"nightshift-|@?\.service", "", file.name) for file in UNITS)
    starts = (unit(file)["ExecStart"][0].removeprefix("/opt/nightshift/current/.venv/bin/") for file in UNITS)
    return dict(zip(names, starts, strict=True))


def commands_of_pods() -> dict[str, str]:
    return {name: " ".join(pod_of(entry)["containers"][0]["command"]) for name, entry in DEPLOYMENTS.items()}


def pod_of(deployment: dict[str, Any]) -> dict[str, Any]:
    return dict(deployment["spec"]["template"]["spec"])


def render_services() -> list[dict[str, Any]]:
    return [service for service in RENDER["services"] if service["type"] != "keyvalue"]


COMMANDS = {
    "compose.yaml": {name: " ".join(COMPOSE["services"][name]["command"]) for name in PROCESSES},
    "fly.toml": FLY["processes"],
    "render.yaml": {s["name"].removeprefix("nightshift-"): s["dockerCommand"] for s in render_services()},
    "railway": {name: json.loads(file.read_text())["deploy"]["startCommand"] for name, file in RAILWAY.items()},
    "systemd": commands_of_units(),
    "kubernetes": commands_of_pods(),
}

RELEASES = {
    "compose.yaml": " ".join(COMPOSE["services"]["release"]["command"]),
    "fly.toml": FLY["deploy"]["release_command"],
    "render.yaml": render_services()[0]["preDeployCommand"],
    "railway": json.loads(RAILWAY["web"].read_text())["deploy"]["preDeployCommand"][0],
    "systemd": unit(UNITS[1])["ExecStartPre"][0].removeprefix("/opt/nightshift/current/.venv/bin/"),
    "kubernetes": " ".join(pod_of(DEPLOYMENTS["web"])["initContainers"][0]["command"]),
}

GRACES = {
    "compose.yaml": [int(s["stop_grace_period"].removesuffix("s")) for s in COMPOSE["services"].values()],
    "fly.toml": [FLY["kill_timeout"]],
    "render.yaml": [service["maxShutdownDelaySeconds"] for service in render_services()],
    "railway": [json.loads(file.read_text())["deploy"]["drainingSeconds"] for file in RAILWAY.values()],
    "systemd": [int(unit(file)["TimeoutStopSec"][0]) for file in UNITS],
    "kubernetes": [pod_of(entry)["terminationGracePeriodSeconds"] for entry in DEPLOYMENTS.values()],
}

VARIABLES: dict[str, set[str]] = {
    "compose.yaml": {name for s in COMPOSE["services"].values() for name in s.get("environment", {})},
    "fly.toml": set(FLY["env"]),
    "render.yaml": {
        e["key"] for s in [*render_services(), *RENDER["envVarGroups"]] for e in s["envVars"] if "key" in e
    },
    "kubernetes": {name for entry in PODS if entry["kind"] == "ConfigMap" for name in entry["data"]},
    "piku": set(re.findall(r"^(\w+)=", (ROOT / "deploy/piku/ENV.example").read_text(), re.MULTILINE)),
    "Dockerfile": set(
        re.findall(r"([A-Z_]+)=", "".join(re.findall(r"^ENV .*", (ROOT / "Dockerfile").read_text(), re.M)))
    ),
    "systemd": {name for f in UNITS for line in unit(f)["Environment"] for name in re.findall(r"(\w+)=", line)},
}


@pytest.mark.parametrize("platform", COMMANDS)
def test_a_platform_starts_what_the_procfile_starts(platform: str) -> None:
    assert COMMANDS[platform] == PROCESSES


@pytest.mark.parametrize("platform", RELEASES)
def test_a_platform_checks_a_release_before_it_starts(platform: str) -> None:
    assert RELEASES[platform] == PROCFILE["release"]


@pytest.mark.parametrize("platform", GRACES)
def test_a_platform_waits_long_enough_before_it_kills(platform: str) -> None:
    # The worker needs its grace and a few seconds; a number that is text is refused by Railway.
    assert set(GRACES[platform]) == {30}


@pytest.mark.parametrize("platform", VARIABLES)
def test_every_variable_is_a_setting(platform: str) -> None:
    settings = {name.upper() for name in Settings.model_fields} | {"NIGHTSHIFT_ENV"}
    assert VARIABLES[platform] - NOT_OURS <= settings
    assert VARIABLES[platform]


@pytest.mark.parametrize("name", ["deploy.md", "getting-started.md"])
def test_every_variable_of_the_documentation_is_a_setting(name: str) -> None:
    settings = {name.upper() for name in Settings.model_fields} | NOT_OURS
    text = (ROOT / "docs" / name).read_text()
    named = set(re.findall(r"\b([A-Z]+(?:_[A-Z]+)*)=", text)) | set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text))
    assert named - settings <= {"REDIS_MAXMEMORY", "NAME", "TOKEN"}  # of compose.yaml and of examples


def test_every_page_that_the_documentation_leads_to_exists() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", page.read_text())
        assert [target for target in targets if not (page.parent / target).exists()] == [], page.name


def test_every_redis_that_we_start_keeps_all_and_deletes_nothing() -> None:
    compose = COMPOSE["services"]["redis"]["command"]
    assert compose[compose.index("--maxmemory-policy") + 1] == "noeviction"
    assert compose[compose.index("--appendonly") + 1] == "yes"
    (keyvalue,) = (service for service in RENDER["services"] if service["type"] == "keyvalue")
    assert keyvalue["maxmemoryPolicy"] == "noeviction"
    assert keyvalue["persistenceMode"] == "journal-snapshot"
    assert keyvalue["plan"] != "free"


def test_containers_of_compose_can_write_nowhere_and_become_nobody() -> None:
    for name, service in COMPOSE["services"].items():
        assert service["read_only"], name
        assert service["tmpfs"] == ["/tmp"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    for name in PROCESSES:
        assert COMPOSE["services"][name]["depends_on"]["redis"] == {"condition": "service_healthy"}
        assert COMPOSE["services"][name]["depends_on"]["release"] == {"condition": "service_completed_successfully"}


def test_compose_refuses_to_start_without_its_secrets() -> None:
    environment = COMPOSE["services"]["web"]["environment"]
    assert all(environment[name].startswith(f"${{{name}:?") for name in ("SECRET_KEY", "ADMIN_PASSWORD", "API_TOKEN"))


def test_pods_fit_the_strictest_profile() -> None:
    for entry in DEPLOYMENTS.values():
        pod = pod_of(entry)
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["allowPrivilegeEscalation"] is False
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]


def test_probes_ask_the_routes_that_are_meant_for_them() -> None:
    (web,) = pod_of(DEPLOYMENTS["web"])["containers"]
    assert {web[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe")} == {"/livez"}
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_everything_that_kubernetes_is_told_to_apply_exists() -> None:
    (kustomization,) = read_yaml(ROOT / "deploy/kubernetes/kustomization.yaml")
    files = {file.name for file in KUBERNETES} - {"kustomization.yaml"}
    assert set(kustomization["resources"]) == files


def test_labels_select_the_pods_they_are_meant_for() -> None:
    for entry in PODS:
        selector = entry.get("spec", {}).get("selector", {})
        labels = selector.get("matchLabels", selector)
        if labels:
            component = labels["app.kubernetes.io/component"]
            assert labels == DEPLOYMENTS[component]["spec"]["template"]["metadata"]["labels"]


@pytest.mark.usefixtures("redis")
def test_the_numbers_that_keda_scales_by_are_in_the_answer_of_the_api(settings: Settings) -> None:
    (scaled,) = (entry for entry in PODS if entry["kind"] == "ScaledObject")
    client = create_app(settings).test_client()
    assert settings.api_token
    (trigger,) = scaled["spec"]["triggers"]
    path = trigger["metadata"]["url"].partition(".local")[2]
    answer = client.get(path, headers={"Authorization": f"Bearer {settings.api_token.get_secret_value()}"}).get_json()
    assert answer[trigger["metadata"]["valueLocation"]] == scaled["spec"]["minReplicaCount"] == 1


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_systemd_understands_every_line_of_the_units(tmp_path: Path) -> None:
    for name in ("gunicorn", "python"):
        program = tmp_path / "current" / ".venv" / "bin" / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.symlink_to("/bin/true")
    for file in (ROOT / "deploy" / "systemd").iterdir():
        text = file.read_text().replace("/opt/nightshift", str(tmp_path))
        (tmp_path / file.name).write_text(text)
    (tmp_path / "nightshift-worker@1.service").symlink_to(tmp_path / "nightshift-worker@.service")
    units = ["nightshift-web.service", "nightshift-worker@1.service", "nightshift-clock.service", "nightshift.target"]
    done = subprocess.run(
        ["systemd-analyze", "verify", *(f"./{name}" for name in units)], cwd=tmp_path, capture_output=True, text=True
    )
    ours = [line for line in done.stderr.splitlines() if "nightshift" in line]
    assert (done.returncode, ours) == (0, [])


def instructions(name: str) -> list[str]:
    """What the instructions of this name in the Dockerfile say."""
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.removeprefix(name).strip() for line in text.splitlines() if line.startswith(f"{name} ")]


def test_the_image_runs_as_nobody_from_checked_pins() -> None:
    assert instructions("USER") == ["10001:10001"]
    assert instructions("CMD") == [json.dumps(PROCFILE["web"].split())]
    assert "--require-hashes --requirement requirements.txt" in instructions("RUN")[0]
    assert instructions("EXPOSE") == []
    assert instructions("ARG") == [(ROOT / "runtime.txt").read_text().strip().replace("python-", "PYTHON=")]


def test_the_image_holds_what_runs_and_no_secret() -> None:
    left_out = {
        line.rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in {"", "#"}
    }
    assert left_out >= {".env", ".env.*", ".data", ".git", ".venv", "*.pem"}
    needed = {"Procfile", "gunicorn.conf.py", "clock.py", "jobs", "tasks", "web", "worker", "cli", "samples"}
    assert not needed & left_out


class Answer(http.server.BaseHTTPRequestHandler):
    """200 for /livez and 404 for all else."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/livez" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_the_image_knows_whether_its_web_process_answers(port: int) -> None:
    command = json.loads(re.split(r"\bCMD\b", instructions("HEALTHCHECK")[0])[1])
    assert command[0] == "python"
    for asked, code in ((port, 0), (1, 1)):
        environment = {"PATH": os.environ["PATH"], "PORT": str(asked)}
        done = subprocess.run([sys.executable, *command[1:]], env=environment, capture_output=True, timeout=30)
        assert done.returncode == code
