"""The rules of this house for its own Python code, each shown able to fail."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FUNCTION_LINES_MAX = 50
FUNCTION_LINES_HARD_MAX = 70
FILE_LINES_MAX = 400
COLUMNS_MAX = 100
POSITIONAL_MAX = 5
# Functions between the two limits, as "path:name". The list may only shrink.
RED_LIST: frozenset[str] = frozenset()

# Written in two pieces, so that this file does not break its own rule.
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
UNCOVERED = "pragma: no" + " cover"
BLANKET = re.compile(r"#\s*(?:type:\s*ig" + r"nore(?!\[)|no" + r"qa(?!:))")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_in(tree: ast.AST) -> list[Function]:
    """List every function of a file, nested ones and methods included."""
    return [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]


def code_lines(function: Function) -> int:
    """Count the lines of a function from `def` to its end, without the docstring."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    if ast.get_docstring(function) is not None:
        docstring = function.body[0]
        lines -= (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
    return lines


def long_functions_in(tree: ast.AST) -> dict[str, int]:
    """Give the lines of the functions above the soft limit, by name."""
    sizes = {function.name: code_lines(function) for function in functions_in(tree)}
    return {name: lines for name, lines in sizes.items() if lines > FUNCTION_LINES_MAX}


def size_violations(tree: ast.AST, place: str, red_list: frozenset[str]) -> Iterator[str]:
    """Find functions that are too long or take too many positional parameters."""
    for name, lines in long_functions_in(tree).items():
        limit = FUNCTION_LINES_HARD_MAX if f"{place}:{name}" in red_list else FUNCTION_LINES_MAX
        if lines > limit:
            yield f"{place}:{name} has {lines} lines of code, allowed are {limit}"
    for function in functions_in(tree):
        names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
        count = len([name for name in names if name not in {"self", "cls"}])
        if count > POSITIONAL_MAX:
            yield f"{place}:{function.name} takes {count} positional parameters, not keywords"


def text_violations(source: str, place: str) -> Iterator[str]:
    """Find files and lines that are too long, and words of unfinished work."""
    lines = source.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{place} has {len(lines)} lines, allowed are {FILE_LINES_MAX}"
    for number, line in enumerate(lines, 1):
        if len(line) > COLUMNS_MAX:
            yield f"{place}:{number} has {len(line)} columns, allowed are {COLUMNS_MAX}"
        if UNFINISHED.search(line):
            yield f"{place}:{number} marks unfinished work"
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and (
            BLANKET.search(token.string) or UNCOVERED in token.string
        ):
            yield f"{place}:{token.start[0]} silences a tool without saying which rule"


def is_silent(statement: ast.stmt) -> bool:
    """Say whether a statement does nothing: `pass` or a bare constant."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return isinstance(statement, ast.Pass) or constant


def silence_violations(tree: ast.AST, place: str) -> Iterator[str]:
    """Find handlers that swallow an error; contextlib.suppress says so in a word instead."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(map(is_silent, node.body)):
            yield f"{place}:{node.lineno} swallows an error"


def can_fail(function: Function) -> bool:
    """Say whether a test has an assertion, or calls something that asserts."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func).rpartition(".")[2]
            if called in {"raises", "warns", "fail"} or called.startswith(("assert_", "check_")):
                return True
    return False


def empty_tests(tree: ast.AST, place: str) -> Iterator[str]:
    """Find tests that say nothing about the behaviour or cannot fail."""
    for function in functions_in(tree):
        if function.name.startswith("test_"):
            if not ast.get_docstring(function):
                yield f"{place}:{function.name} has no docstring stating the behaviour"
            if not can_fail(function):
                yield f"{place}:{function.name} has nothing that can fail"


def violations_in(
    source: str, place: str = "x.py", *, red_list: frozenset[str] = RED_LIST
) -> list[str]:
    """List everything in one file of Python that breaks a rule."""
    tree = ast.parse(source)
    found = [*text_violations(source, place), *silence_violations(tree, place)]
    found += size_violations(tree, place, red_list)
    if place.startswith("tests/"):
        found += empty_tests(tree, place)
    return found


def is_for_types_only(node: ast.AST) -> bool:
    """Say whether a statement is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imports_in(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Yield pairs of a module and a name taken from it, wherever the import stands."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, "") for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - child.level + 1]
            base = ".".join([*above, child.module or ""]).rstrip(".") if child.level else ""
            yield from ((base or child.module or "", alias.name) for alias in child.names)
        elif not is_for_types_only(child):
            yield from imports_in(child, package)


def import_graph(sources: dict[str, str], packages: set[str]) -> dict[str, set[str]]:
    """Give the modules that each module imports, types aside."""
    graph: dict[str, set[str]] = {}
    for module, source in sources.items():
        package = module if module in packages else module.rpartition(".")[0]
        pairs = imports_in(ast.parse(source), package)
        wanted = {f"{m}.{n}" if f"{m}.{n}" in sources else m for m, n in pairs}
        graph[module] = wanted & set(sources)
    return graph


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """Give one cycle of imports, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


@pytest.fixture(scope="module")
def sources(repository_root: Path, repository_files: list[Path]) -> dict[str, str]:
    """Give the text of every Python file of the repository."""
    paths = [path for path in repository_files if path.suffix == ".py"]
    return {path.as_posix(): (repository_root / path).read_text("utf-8") for path in paths}


def test_python_files_keep_the_rules(sources: dict[str, str]) -> None:
    """No Python file breaks a rule of the house."""
    found = [line for place, source in sources.items() for line in violations_in(source, place)]
    assert not found, "\n" + "\n".join(found)


def test_red_list_only_shrinks(sources: dict[str, str]) -> None:
    """A function that has become short, or has gone, leaves the red list."""
    long = {f"{p}:{name}" for p, s in sources.items() for name in long_functions_in(ast.parse(s))}
    assert RED_LIST - long == set()


def test_imports_have_no_cycle(sources: dict[str, str]) -> None:
    """Following imports inside the package never leads back to where it began."""
    paths = [place for place in sources if place.startswith("router/")]
    names = {p: p.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for p in paths}
    packages = {names[path] for path in paths if path.endswith("/__init__.py")}
    graph = import_graph({names[path]: sources[path] for path in paths}, packages)
    assert cycle_in(graph) == []


def test_modules_open_with_a_docstring(sources: dict[str, str]) -> None:
    """Every module says in its first lines what it is."""
    silent = [place for place, s in sources.items() if not ast.get_docstring(ast.parse(s))]
    assert silent == []


def function_of(lines: int, docstring: str = "") -> str:
    """Write a function of so many lines of code."""
    body = "    x = 1\n" * (lines - 1)
    return "def f():\n" + (f'    """{docstring}"""\n' if docstring else "") + body


GOOD = [
    function_of(50),
    function_of(50, "Text.\n    More.\n    "),
    "def f(a, b, c, d, e, *, f, g): ...\n",
    "class C:\n    def f(self, a, b, c, d, e): ...\n",
    "x = 1\n" * 400,
    "x = 1" + " " * 95 + "\n",
    "try:\n    f()\nexcept KeyError:\n    x = 1\n",
    "x = 1  # type: " + "ignore[misc]\n",
    "x = 1  # no" + "qa: E501\n",
    'x = "type: ' + 'ignore"\n',
]
BAD = [
    function_of(51),
    function_of(51, "Text."),
    "async " + function_of(51),
    "def f(a, b, c, d, e, f): ...\n",
    "def f(a, b, /, c, d, e, f): ...\n",
    "class C:\n    def f(self, a, b, c, d, e, f): ...\n",
    "x = 1\n" * 401,
    "x = 1" + " " * 96 + "\n",
    "try:\n    f()\nexcept KeyError:\n    pass\n",
    "try:\n    f()\nexcept KeyError:\n    ...\n",
    "x = 1  # type: " + "ignore\n",
    "x = 1  # no" + "qa\n",
    "x = 1  # pragma: no" + " cover\n",
    "x = 1  # TO" + "DO: later\n",
]
GOOD_TESTS = [
    'def test_a():\n    """Says it."""\n    assert f()\n',
    'def test_a():\n    """Says it."""\n    with pytest.raises(KeyError):\n        f()\n',
    'def test_a():\n    """Says it."""\n    np.testing.assert_allclose(1, 1)\n',
]
BAD_TESTS = [
    "def test_a():\n    assert f()\n",
    'def test_a():\n    """Says it."""\n    f()\n',
    'class TestC:\n    def test_a(self):\n        """Says it."""\n',
]


@pytest.mark.parametrize("source", GOOD)
def test_good_code_passes(source: str) -> None:
    """What just keeps a rule is let through."""
    assert violations_in(source) == []


@pytest.mark.parametrize("source", BAD)
def test_bad_code_is_found(source: str) -> None:
    """What just breaks a rule is found, once."""
    assert len(violations_in(source)) == 1


@pytest.mark.parametrize("source", GOOD_TESTS)
def test_good_tests_pass(source: str) -> None:
    """A test that says what it shows and can fail is let through."""
    assert violations_in(source, "tests/test_x.py") == []


@pytest.mark.parametrize("source", BAD_TESTS)
def test_bad_tests_are_found(source: str) -> None:
    """A test without a docstring or without anything that can fail is found."""
    assert violations_in(source, "tests/test_x.py") != []
    assert violations_in(source, "router/x.py") == []


def test_red_list_ends_at_the_hard_limit() -> None:
    """Being on the red list allows 70 lines and not one more."""
    red_list = frozenset({"x.py:f"})
    assert violations_in(function_of(70), red_list=red_list) == []
    assert len(violations_in(function_of(71), red_list=red_list)) == 1


@pytest.mark.parametrize(
    ("first", "second", "cycle"),
    [
        ("import p.b", "import numpy", False),
        ("import p.b", "import p.a", True),
        ("from p import b", "from . import a", True),
        ("from p.b import x", "def f():\n    from .a import y", True),
        ("from p.b import x", "if TYPE_CHECKING:\n    from p.a import y", False),
    ],
)
def test_planted_cycle_is_found(first: str, second: str, *, cycle: bool) -> None:
    """Cycles are found in every way of writing an import; those for types alone are none."""
    graph = import_graph({"p": "", "p.a": first, "p.b": second}, {"p"})
    assert bool(cycle_in(graph)) == cycle
