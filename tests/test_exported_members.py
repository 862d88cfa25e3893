"""The public surface: what `__all__` promises is there, and nothing public is left out."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def module_name(path: Path) -> str:
    """Name the module that a file of the package holds."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = [path for path in sorted(ROOT.glob("router/**/*.py")) if path.stem != "__main__"]
PACKAGES = [path for path in MODULES if path.stem == "__init__"]


def sorting_key(name: str) -> tuple[int, list[int | str]]:
    """Order constants before classes before the rest, and numbers by value, as the linter does."""
    rank = 0 if name.isupper() and len(name) > 1 else 1 if name[0].isupper() else 2
    pieces = re.split(r"(\d+)", name)
    return rank, [int(piece) if piece.isdigit() else piece for piece in pieces]


def defined_in(tree: ast.Module) -> set[str]:
    """Name the public functions and classes that a module defines at its top level."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {n.name for n in tree.body if isinstance(n, kinds) and not n.name.startswith("_")}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_exported_members_exist(path: Path) -> None:
    """Every name in `__all__` can be had from its module."""
    module = importlib.import_module(module_name(path))
    missing = [name for name in getattr(module, "__all__", []) if not hasattr(module, name)]
    assert missing == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_public_definitions_are_exported(path: Path) -> None:
    """A function or class without an underscore is in the `__all__` of the module defining it."""
    module = importlib.import_module(module_name(path))
    hidden = defined_in(ast.parse(path.read_text("utf-8"))) - set(getattr(module, "__all__", []))
    assert hidden - {"main"} == set()


@pytest.mark.parametrize("path", PACKAGES, ids=module_name)
def test_packages_list_their_members_in_order(path: Path) -> None:
    """The `__init__` of every package has an `__all__`, sorted and without repetition."""
    names = list(importlib.import_module(module_name(path)).__all__)
    assert names == sorted(set(names), key=sorting_key)


def test_sorting_key_orders_constants_classes_functions() -> None:
    """The order is constants, classes, functions; item2 comes before item10."""
    names = ["fit", "Router", "item10", "MICRO", "__version__", "item2"]
    expected = ["MICRO", "Router", "__version__", "fit", "item2", "item10"]
    assert sorted(names, key=sorting_key) == expected


def test_hidden_definition_is_noticed() -> None:
    """A public definition counts, a private one and a nested one do not."""
    tree = ast.parse("def f():\n    def g(): ...\nclass C: ...\ndef _h(): ...\n")
    assert defined_in(tree) == {"C", "f"}
