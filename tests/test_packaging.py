"""What is shipped: one package, all of its data, and two requirements."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path

DOORS = {"features", "models", "service"}
SOURCE_TOP_LEVEL = {
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "PKG-INFO",
    "README.md",
    "SECURITY.md",
    "pyproject.toml",
    "router",
}


@pytest.fixture(scope="module")
def built(repository_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel and the source distribution into an empty directory."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target)],
        cwd=repository_root,
        capture_output=True,
        check=True,
    )
    return target


@pytest.fixture(scope="module")
def wheel_names(built: Path) -> set[str]:
    """List the files in the wheel."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(built: Path) -> Message:
    """Read the metadata of the wheel."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_wheel_holds_one_package(wheel_names: set[str]) -> None:
    """Beside its metadata, the wheel puts `router` into an environment and nothing else."""
    tops = {PurePosixPath(name).parts[0] for name in wheel_names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"router"}
    assert tops & DOORS == set()


def test_wheel_holds_every_file_of_the_package(
    wheel_names: set[str], repository_files: list[Path]
) -> None:
    """Modules, the marker for types and all data files (bundles, prices) are shipped."""
    expected = {path.as_posix() for path in repository_files if path.parts[0] == "router"}
    assert "router/py.typed" in expected
    assert expected - wheel_names == set()


def test_wheel_holds_the_licence(wheel_names: set[str], metadata: Message) -> None:
    """The licence is named by its identifier and its text is enclosed."""
    assert metadata["License-Expression"] == "Apache-2.0"
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in wheel_names)


def test_base_install_needs_two_libraries(metadata: Message) -> None:
    """Without an extra, numpy and onnxruntime are all that is required."""
    lines = metadata.get_all("Requires-Dist", [])
    base = {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in lines if "extra ==" not in line}
    assert base == {"numpy", "onnxruntime"}


def test_extras_are_the_documented_ones(metadata: Message) -> None:
    """The extras are those that messages and pages name."""
    extras = {"cli", "client", "dev", "encoder", "fast", "notebooks", "service", "sharded"}
    extras |= {"report", "search", "traces", "train"}
    assert set(metadata.get_all("Provides-Extra", [])) == extras


def test_command_is_installed(built: Path) -> None:
    """The wheel installs the command `router`."""
    with zipfile.ZipFile(next(built.glob("*.whl"))) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/entry_points.txt"))
        assert "router = router.cli:main" in archive.read(name).decode().splitlines()


def test_source_distribution_is_what_is_named(built: Path) -> None:
    """The source distribution holds the named files, so no door travels as a copy."""
    with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
        tops = {PurePosixPath(name).parts[1] for name in archive.getnames()}
    assert tops <= SOURCE_TOP_LEVEL
    assert {"router", "pyproject.toml", "LICENSE"} <= tops


def test_pinned_sets_are_hashes_only(repository_root: Path) -> None:
    """Compiled requirements name versions and hashes: no address, no path, no option besides."""
    pin = re.compile(
        r"[a-z0-9][a-z0-9.-]*==\S+( ; .+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?|#.*"
    )
    for path in sorted((repository_root / "requirements").glob("*.txt")):
        lines = path.read_text("utf-8").splitlines()
        assert [line for line in lines if not pin.fullmatch(line)] == [], path.name
