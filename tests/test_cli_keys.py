"""``router key``: keys made and removed, by command."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from router.cli import main
from router.service.keys import Caller, Role, load_keys
from tests.contracts.commands import check_refused, run_json

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def test_key_is_printed_once_and_opens(tmp_path: Path, capsys: Capture) -> None:
    """The one line of output is the key; the file only has what tells it from others."""
    path = tmp_path / "keys.toml"
    arguments = ["key", "new", "--tenant", "team", "--role", "plan", "--role", "report"]
    assert main([*arguments, "--out", str(path)]) == 0
    text = capsys.readouterr().out.strip()
    caller = load_keys(path).authenticate(text)
    assert caller is not None
    assert caller == Caller("team", frozenset({Role.PLAN, Role.REPORT}))
    assert text not in path.read_text("utf-8")


def test_key_comes_as_json_and_can_be_removed(tmp_path: Path, capsys: Capture) -> None:
    """A second key stands beside the first, and either can go."""
    path = tmp_path / "keys.toml"
    arguments = ("key", "new", "--tenant", "team", "--role", "plan", "--out", path)
    first, second = (run_json(capsys, *arguments)["key"] for _ in range(2))
    document = run_json(capsys, "key", "remove", first[:8], "--keys", path)
    assert document == {"prefix": first[:8], "tenant": "team", "keys": str(path)}
    keys = load_keys(path)
    assert keys.authenticate(first) is None
    assert keys.authenticate(second) is not None
    check_refused(capsys, ["key", "remove", first, "--keys", path], second[:8])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tenant", "a b", "--role", "plan"], "tenant 'a b'"),
        (["--tenant", "team", "--role", "root"], "role 'root' is unknown; there are plan"),
        (["--tenant", "team"], "--role"),
        (["--role", "plan"], "--tenant"),
    ],
)
def test_wrong_keys_are_not_made(
    tmp_path: Path, capsys: Capture, arguments: list[object], words: str
) -> None:
    """What is not allowed is named, and nothing is written."""
    path = tmp_path / "keys.toml"
    check_refused(capsys, ["key", "new", *arguments, "--out", path], words)
    assert not path.exists()


def test_keys_name_their_extra(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without msgspec the door stays shut, with one line naming the extra."""
    for name in [name for name in sys.modules if name.startswith("router.service.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "msgspec", None)
    arguments: list[object] = ["key", "new", "--tenant", "a", "--role", "plan", "--out", tmp_path]
    check_refused(capsys, arguments, "[service]", "pip install")
    check_refused(capsys, ["key", "remove", "a", "--keys", tmp_path], "[service]")
