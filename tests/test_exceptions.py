"""The tree of errors: each is this library's and a builtin's."""

from __future__ import annotations

import pickle

import pytest

from router import exceptions
from router.exceptions import InputError, MissingExtraError, RouterError

BUILTINS = {
    "InputError": ValueError,
    "LogError": ValueError,
    "QuestionError": ValueError,
    "BudgetError": ValueError,
    "MenuError": ValueError,
    "PriceError": ValueError,
    "AllocationError": ValueError,
    "PoolExhaustedError": ValueError,
    "UnknownError": LookupError,
    "ConflictError": ValueError,
    "BundleError": ValueError,
    "NonFiniteError": ValueError,
    "OverlapError": ValueError,
    "OverloadError": RuntimeError,
    "EncoderError": RuntimeError,
    "LedgerError": OSError,
    "StoreError": OSError,
    "StoreBusyError": OSError,
    "ServiceError": ConnectionError,
    "AccessError": PermissionError,
    "ExportError": ArithmeticError,
    "MissingExtraError": ImportError,
    "RouterError": Exception,
}


def test_every_error_is_in_the_table() -> None:
    """The table of this test knows exactly the errors that the module offers."""
    assert set(exceptions.__all__) == set(BUILTINS)


@pytest.mark.parametrize("name", BUILTINS)
def test_errors_are_also_builtins(name: str) -> None:
    """Every error is caught as this library's and as its builtin, and survives pickling."""
    kind = getattr(exceptions, name)
    assert issubclass(kind, RouterError)
    assert issubclass(kind, BUILTINS[name])
    copy = pickle.loads(pickle.dumps(kind("why")))  # noqa: S301 (bytes written on this line)
    assert type(copy) is kind
    assert str(copy) == "why"


@pytest.mark.parametrize("name", ["Log", "Question", "Budget", "Menu", "Price", "Allocation"])
def test_bad_input_has_one_base(name: str) -> None:
    """Whatever a caller handed in wrongly is an InputError; a broken bundle is not."""
    assert issubclass(getattr(exceptions, f"{name}Error"), InputError)
    assert not issubclass(exceptions.BundleError, InputError)


def test_missing_extra_names_the_command() -> None:
    """The message of a missing extra is the command that installs it."""
    error = MissingExtraError.for_extra("train", "training")
    assert str(error) == (
        'training needs the extra [train]: pip install "compute-allocation-router[train]"'
    )
