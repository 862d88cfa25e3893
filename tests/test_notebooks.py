"""The notebooks run from the first cell to the last, and the committed outputs are theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_MAX = 120
# By name: how many pictures, and what is printed of the sample, on a part of it and in whole.
NOTEBOOKS = {
    "01_budget_curve.ipynb": (2, "60 questions x 12 options", "300 questions x 12 options"),
    "02_search_and_reasoning.ipynb": (2, "searches moves", "300 questions x 12 options"),
    "03_wide_deep_vote.ipynb": (3, "perfect check", "toy-small|none|s0|n1 is right"),
    "04_replanning.ipynb": (2, "60 drawn questions", "400 drawn questions"),
    "05_from_logs.ipynb": (2, "3000 logged decisions", "5000 logged decisions"),
    "06_guarantees.ipynb": (3, "of 10 calibrations", "of 200 calibrations"),
    "07_capacity.ipynb": (2, "price (default)", "400,000 questions drawn"),
    "08_small_or_large.ipynb": (2, "hardest fifth", "easiest fifth"),
}
NAMES = tuple(NOTEBOOKS)


def read_notebook(root: Path, name: str) -> Any:
    """Read a notebook and check its format."""
    path = root / "notebooks" / name
    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    return notebook


def outputs_in(notebook: Any, kind: str) -> list[Any]:
    """List the outputs that have a representation of some kind."""
    outputs = [out for cell in notebook.cells for out in cell.get("outputs", ())]
    if kind == "stream":
        return [output for output in outputs if output.output_type == "stream"]
    return [output for output in outputs if kind in output.get("data", {})]


def test_all_notebooks_are_tested(repository_root: Path) -> None:
    """A notebook that is added is run too."""
    assert {path.name for path in (repository_root / "notebooks").glob("*.ipynb")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_notebook_runs(repository_root: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """On a part of the sample log every cell runs, draws its pictures and complains of nothing."""
    monkeypatch.setenv("ROUTER_NOTEBOOK_QUICK", "1")
    monkeypatch.setenv("PYTHONPATH", str(repository_root))
    notebook = read_notebook(repository_root, name)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.update(outputs=[])
    folder = {"metadata": {"path": str(repository_root / "notebooks")}}
    NotebookClient(notebook, timeout=SECONDS_MAX, resources=folder).execute()
    n_pictures, told, _ = NOTEBOOKS[name]
    assert len(outputs_in(notebook, "image/png")) == n_pictures
    streams = outputs_in(notebook, "stream")
    assert [output for output in streams if output.name == "stderr"] == []
    assert told in "".join(output.text for output in streams)


@pytest.mark.parametrize("name", NAMES)
def test_committed_outputs_are_whole(repository_root: Path, name: str) -> None:
    """A reader sees pictures and figures of the whole sample, from one run in order."""
    notebook = read_notebook(repository_root, name)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    n_pictures, _, told = NOTEBOOKS[name]
    assert len(outputs_in(notebook, "image/png")) == n_pictures
    assert told in "".join(output.text for output in outputs_in(notebook, "stream"))
