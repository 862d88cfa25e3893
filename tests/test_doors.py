"""The doors: links at the top of the repository that are for reading, never for importing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

ROOMS = ("features", "models", "service")


@pytest.mark.parametrize("room", ROOMS)
def test_door_leads_to_its_room(room: str, repository_root: Path) -> None:
    """A door is a relative link to its room; where links are unknown it is a line naming it."""
    door = repository_root / room
    if door.is_symlink():
        target = door.readlink().as_posix()
    elif door.is_file():
        target = door.read_text("utf-8").strip()
    else:
        assert not door.exists(), f"{room} is a directory of its own, not a door"
        return
    assert target == f"router/{room}"
    assert (repository_root / target / "__init__.py").is_file()


@pytest.mark.parametrize("room", ROOMS)
@pytest.mark.parametrize("seen_from", [".", "router"])
def test_door_refuses_to_be_imported(room: str, seen_from: str, repository_root: Path) -> None:
    """Importing a room under its bare name fails and names the module to import instead."""
    if seen_from == "." and not (repository_root / room).is_dir():
        seen_from = "router"
    done = subprocess.run(
        [sys.executable, "-c", f"import {room}"],
        cwd=repository_root / seen_from,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"ImportError: import router.{room}, not {room}" in done.stderr


@pytest.mark.parametrize("room", ROOMS)
def test_room_opens_under_its_own_name(room: str, repository_root: Path) -> None:
    """The guard lets the real name through."""
    program = f"import router.{room} as room; print(room.__name__)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == f"router.{room}"
