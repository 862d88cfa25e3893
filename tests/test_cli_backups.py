"""``router backup``: what it says, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.cli import main
from router.ledger import Ledger
from tests.contracts.commands import check_refused, run_json
from tests.contracts.ledgers import make_pool

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_ledger_in_use_is_copied(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside the process that holds the directory; told in a line or as JSON."""
    with Ledger(tmp_path / "data") as ledger:
        ledger.create_pool("default", make_pool()).result()
        made = run_json(capsys, "backup", tmp_path / "data", "--out", tmp_path / "one")
        assert main(["backup", str(tmp_path / "data"), "--out", str(tmp_path / "two")]) == 0
    assert (made["n_pools"], made["n_plans"], made["out"]) == (1, 0, str(tmp_path / "one"))
    assert "copied 1 pools, 0 plans and 0 outcomes" in " ".join(capsys.readouterr().out.split())
    with Ledger(tmp_path / "two") as restored:
        assert [pool.name for pool in restored.list_pools("default")] == ["pool"]


def test_what_cannot_be_copied_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In one line that says what to do."""
    command = ["backup", tmp_path, "--out", tmp_path / "copy"]
    check_refused(capsys, command, "holds no ledger", status=2)
