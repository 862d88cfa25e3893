"""What is deployed with: files that parse, and name only what there is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml  # type: ignore[import-untyped]
from typer.main import get_command

from router.cli.application import application
from router.planner import Router
from router.service.application import create_app
from router.service.metrics import Metrics
from tests.contracts.commands import tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

MANIFESTS = ("compose.yaml", "kubernetes-sidecar.yaml", "prometheus.yml")
METRIC = re.compile(r"\b(?:router|process)_[a-z_]+\b")
PROBED = re.compile(r"http://127\.0\.0\.1:(\d+)(/[a-z0-9/]+)")


@pytest.fixture(scope="module")
def folder(request: pytest.FixtureRequest) -> Path:
    """Find the folder."""
    root: Path = request.config.rootpath
    return root / "deploy"


def read_manifest(folder: Path, name: str) -> Any:
    """Read a manifest of one document."""
    return yaml.safe_load((folder / name).read_text(encoding="utf-8"))


def unknown_metrics(expressions: list[str]) -> set[str]:
    """Find the names in expressions that no series of the sidecar has."""
    told = set(re.findall(r"^([a-z_]+)[ {]", Metrics().render().decode(), re.MULTILINE))
    return {name for text in expressions for name in METRIC.findall(text)} - told


def unknown_arguments(arguments: list[str]) -> set[str]:
    """Find options that the command that serves does not have."""
    serve = get_command(application).commands["serve"]  # type: ignore[attr-defined]
    known = {name for parameter in serve.params for name in parameter.opts}
    return {word for word in arguments if word.startswith("--")} - known


def test_dashboard_shows_series_that_exist(folder: Path) -> None:
    """Every expression of the dashboard reads series of the sidecar, and most are shown."""
    dashboard = json.loads((folder / "grafana-dashboard.json").read_text(encoding="utf-8"))
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    assert unknown_metrics(expressions) == set()
    shown = {name for text in expressions for name in METRIC.findall(text)}
    assert len([name for name in shown if name.startswith("router_")]) >= 9
    places = [tuple(panel["gridPos"].values()) for panel in dashboard["panels"]]
    assert len(set(places)) == len(places)


def test_unknown_series_and_options_are_seen() -> None:
    """A misspelt series or option does not pass."""
    assert unknown_metrics(["rate(router_request_total[5m])"]) == {"router_request_total"}
    assert unknown_arguments(["--port", "--prot"]) == {"--prot"}


def test_sidecars_start_with_options_that_exist(folder: Path) -> None:
    """Image, compose file and pod start the sidecar by options it has, on one data directory."""
    image = (folder / "Containerfile").read_text(encoding="utf-8")
    commands = [
        json.loads(image.split("\nCMD ")[-1]),
        read_manifest(folder, "compose.yaml")["services"]["router"]["command"],
        find_pod(folder)["initContainers"][0]["args"],
    ]
    for command in commands:
        assert unknown_arguments(command) == set()
        assert command == ["--port", "8088", "--data", "/data"]


def find_pod(folder: Path) -> Any:
    """Give what the pod is made of."""
    return read_manifest(folder, "kubernetes-sidecar.yaml")["spec"]["template"]["spec"]


def test_probes_ask_routes_that_exist(folder: Path) -> None:
    """What is probed is there, on the port that is served."""
    paths = set(create_app(Router(tiny_bundle())).openapi()["paths"])
    for name, n_probes in (("Containerfile", 1), ("kubernetes-sidecar.yaml", 2)):
        probed = PROBED.findall((folder / name).read_text(encoding="utf-8"))
        assert len(probed) >= n_probes
        assert {port for port, _ in probed} == {"8088"}
        assert {path for _, path in probed} <= paths
    (scraped,) = read_manifest(folder, "prometheus.yml")["scrape_configs"]
    assert scraped["metrics_path"] in paths
    assert scraped["static_configs"] == [{"targets": ["localhost:8088"]}]


def test_nothing_runs_as_root_or_writes_beside_its_data(folder: Path) -> None:
    """Containers have no privileges, and one directory that they may write to."""
    pod = find_pod(folder)
    assert pod["securityContext"]["runAsNonRoot"] is True
    for container in pod["initContainers"] + pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
    (mount,) = pod["initContainers"][0]["volumeMounts"]
    assert mount["mountPath"] == "/data"
    service = read_manifest(folder, "compose.yaml")["services"]["router"]
    assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
    assert service["volumes"] == ["router-data:/data"]
    image = (folder / "Containerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 65532:65532$", image, re.MULTILINE)


def test_every_file_that_is_taken_along_exists(folder: Path) -> None:
    """What image and manifests copy or mount is in the repository."""
    image = (folder / "Containerfile").read_text(encoding="utf-8")
    copied = [
        name
        for line in re.findall(r"^COPY (?!--)(.*) \S+$", image, re.MULTILINE)
        for name in line.split()
    ]
    assert "router" in copied
    assert [name for name in copied if not (folder.parent / name).exists()] == []
    compose = read_manifest(folder, "compose.yaml")
    mounted = [
        volume.partition(":")[0]
        for service in compose["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    assert len(mounted) == 3
    assert [name for name in mounted if not (folder / name).exists()] == []
    for content in compose["configs"].values():
        assert yaml.safe_load(content["content"])["apiVersion"] == 1


def test_every_manifest_is_listed(folder: Path) -> None:
    """The page names each file of the folder, and all manifests parse."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    assert listed == {path.name for path in folder.iterdir()} - {"README.md"}
    for name in MANIFESTS:
        assert isinstance(read_manifest(folder, name), dict)


def test_the_image_has_the_versions_of_the_tests(folder: Path) -> None:
    """What is installed in the image is pinned to what the tests run with."""
    pins = {
        name: set(
            re.findall(
                r"^(\S+==\S+)", (folder.parent / "requirements" / name).read_text(), re.MULTILINE
            )
        )
        for name in ("service.txt", "dev.txt")
    }
    assert any(pin.startswith("apsw==") for pin in pins["service.txt"])
    assert pins["service.txt"] <= pins["dev.txt"]
