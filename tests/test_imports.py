"""What importing the package costs: nothing but the base install is loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = frozenset(
    {
        "apsw",
        "dask",
        "distributed",
        "fastapi",
        "httpx2",
        "joblib",
        "lightgbm",
        "llvmlite",
        "matplotlib",
        "msgspec",
        "numba",
        "onnx",
        "onnxmltools",
        "opentelemetry",
        "pandas",
        "prometheus_client",
        "pyarrow",
        "rich",
        "scipy",
        "skl2onnx",
        "sklearn",
        "starlette",
        "typer",
        "uvicorn",
    }
)
# These rooms stand behind an extra of their own, so they may need it as soon as they are imported.
BEHIND_AN_EXTRA = (
    "router.allocation.compiled",
    "router.compilation",
    "router.features.compiled",
    "router.models.compiled",
    "router.cli",
    "router.ledger",
    "router.service",
    "router.integrations",
)


def loaded_by(program: str, directory: Path) -> set[str]:
    """Run a program in a fresh interpreter and list the top-level modules it has loaded."""
    report = "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", program + report],
        cwd=directory,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


def module_names(root: Path) -> list[str]:
    """Name every module of the package."""
    parts = [path.relative_to(root).with_suffix("").parts for path in root.glob("router/**/*.py")]
    return sorted(".".join(part).removesuffix(".__init__") for part in parts)


def test_import_of_the_package_is_light(repository_root: Path) -> None:
    """`import router` loads no library of any extra."""
    assert loaded_by("import router", repository_root) & HEAVY == set()


def test_every_embedded_module_is_light(repository_root: Path) -> None:
    """Modules outside the rooms with an extra load heavy libraries when used, not when imported."""
    light = [n for n in module_names(repository_root) if not n.startswith(BEHIND_AN_EXTRA)]
    program = "\n".join(f"import {name}" for name in light if not name.endswith("__main__"))
    assert loaded_by(program, repository_root) & HEAVY == set()


def test_heavy_import_is_noticed(repository_root: Path) -> None:
    """The measurement sees a heavy library that is loaded."""
    assert loaded_by("import joblib", repository_root) & HEAVY >= {"joblib"}
