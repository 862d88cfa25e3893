"""Docstrings and signatures: what one of them names, the other names too."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
NAMES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted(ROOT.glob("router/**/*.py"))
    if path.stem != "__main__"
]
SECTION = re.compile(r"^Parameters\n-+\n(.*?)(?=\n\n?\S[^\n]*\n-+\n|\Z)", re.DOTALL | re.MULTILINE)


def described_parameters(docstring: str) -> list[str] | None:
    """List the names under `Parameters`, or nothing where there is no such section."""
    section = SECTION.search(docstring)
    if section is None:
        return None
    heads = [line for line in section[1].splitlines() if line and not line.startswith(" ")]
    names = [name for head in heads for name in head.partition(" : ")[0].split(", ")]
    return [name.lstrip("*") for name in names]


def real_parameters(subject: Any) -> list[str]:
    """List the parameters of a function, or those that make an object of a class."""
    return [name for name in inspect.signature(subject).parameters if name not in {"self", "cls"}]


def members_of(subject: Any) -> Iterator[tuple[str, Any]]:
    """Yield a class and its public methods, or a function alone."""
    yield subject.__qualname__, subject
    if inspect.isclass(subject):
        for name, value in vars(subject).items():
            inner = getattr(value, "__func__", value)
            if inspect.isfunction(inner) and not name.startswith("_"):
                yield inner.__qualname__, inner


def disagreements_in(subject: Any) -> list[str]:
    """Name the members whose docstring and signature name different parameters."""
    found = []
    for name, member in members_of(subject):
        described = described_parameters(inspect.cleandoc(member.__doc__ or ""))
        if described is not None and described != real_parameters(member):
            found.append(f"{name} describes {described}, takes {real_parameters(member)}")
    return found


@pytest.mark.parametrize("name", NAMES)
def test_docstrings_agree_with_signatures(name: str) -> None:
    """A section `Parameters` lists every parameter, in order, and no other."""
    module = importlib.import_module(name)
    subjects = [
        value
        for value in vars(module).values()
        if (inspect.isfunction(value) or inspect.isclass(value)) and value.__module__ == name
    ]
    assert [line for subject in subjects for line in disagreements_in(subject)] == []


def sample(a: int, *, b: int) -> int:
    """Add.

    Parameters
    ----------
    a : int
        One.
    b : int
        Another.

    Returns
    -------
    int
    """
    return a + b


class Sample:
    """A class whose method forgets a parameter.

    Parameters
    ----------
    a, b : int
        Numbers.
    """

    def __init__(self, a: int, b: int) -> None:
        """Keep both."""
        self.total = a + b

    def shift(self, by: int, times: int) -> int:
        """Shift.

        Parameters
        ----------
        by : int
            How far.
        """
        return self.total + by * times


def test_agreement_passes() -> None:
    """A complete section passes, and so does a docstring without one."""
    assert disagreements_in(sample) == []
    assert disagreements_in(real_parameters) == []


def test_forgotten_parameter_is_found() -> None:
    """A method is reported, its class with two names in one line is not."""
    assert disagreements_in(Sample) == ["Sample.shift describes ['by'], takes ['by', 'times']"]
