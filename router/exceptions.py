"""The one tree of errors.

Every error the library raises on purpose is a :class:`RouterError` and also the builtin that a
caller unaware of this project would catch::

    RouterError
    ├── InputError (ValueError)          a question, a file or a number that cannot be used
    │   ├── LogError                     an outcome log that breaks its format
    │   ├── QuestionError                a question or a file of questions
    │   ├── BudgetError                  a budget: unit, sign, size, or too small for the batch
    │   │   └── PoolExhaustedError       a pool that does not reach for a plan
    │   ├── MenuError                    a menu or one of its options
    │   ├── PriceError                   a price table, or a price that is missing
    │   ├── AllocationError              arrays handed to the allocator
    │   ├── OverlapError                 logged choices that cannot answer for a plan
    │   ├── UnknownError (LookupError)   a pool or a plan that is not there
    │   └── ConflictError                a pool, key or outcome that contradicts an earlier one
    ├── BundleError (ValueError)         a bundle that is damaged or made for other features
    │   └── NonFiniteError               a model that answers with what is no number
    ├── EncoderError (RuntimeError)      a sentence encoder that fails or is not the one of training
    ├── LedgerError (OSError)            a data directory in use, or of another version
    │   └── StoreError                   a store that cannot be written now
    │       └── StoreBusyError           a store that cannot keep up
    ├── OverloadError (RuntimeError)     more work at once than is allowed
    ├── ServiceError (ConnectionError)   a sidecar that cannot be had in time, or fails
    ├── AccessError (PermissionError)    a sidecar that does not know the key, or not for this
    ├── ExportError (ArithmeticError)    an ONNX graph that disagrees with the native model
    └── MissingExtraError (ImportError)  a door whose optional dependencies are not installed

Messages name the offending value, its place and what is allowed, in one line.
"""

from __future__ import annotations

__all__ = [
    "AccessError",
    "AllocationError",
    "BudgetError",
    "BundleError",
    "ConflictError",
    "EncoderError",
    "ExportError",
    "InputError",
    "LedgerError",
    "LogError",
    "MenuError",
    "MissingExtraError",
    "NonFiniteError",
    "OverlapError",
    "OverloadError",
    "PoolExhaustedError",
    "PriceError",
    "QuestionError",
    "RouterError",
    "ServiceError",
    "StoreBusyError",
    "StoreError",
    "UnknownError",
]


class RouterError(Exception):
    """Base of every error raised on purpose by this library."""


class InputError(RouterError, ValueError):
    """Something handed in cannot be used; nothing was written or changed."""


class LogError(InputError):
    """An outcome log breaks its format; the message names file, row and column."""


class QuestionError(InputError):
    """A question or a file of questions cannot be used."""


class BudgetError(InputError):
    """A budget has an unknown unit, an impossible value, or does not reach the cheapest plan."""


class PoolExhaustedError(BudgetError):
    """A pool has less left than a plan needs; nothing was taken from it."""


class MenuError(InputError):
    """A menu is empty, has two options of one name, or an option out of range."""


class PriceError(InputError):
    """A price table is malformed, or lacks a price that a plan needs."""


class AllocationError(InputError):
    """Arrays handed to the allocator have wrong shapes, signs or non-finite entries."""


class OverlapError(InputError):
    """Logged choices say nothing, or too little, about what a plan would have done."""


class UnknownError(InputError, LookupError):
    """A pool or a plan is not there, or belongs to somebody else."""


class ConflictError(InputError):
    """Something contradicts what was accepted earlier: a pool, a key, an outcome."""


class BundleError(RouterError, ValueError):
    """A bundle is damaged, incomplete, or was made for another feature schema."""


class NonFiniteError(BundleError):
    """A model gave a value that is not finite, or out of the range of what it stands for."""


class EncoderError(RouterError, RuntimeError):
    """A sentence encoder cannot be had, fails, answers nonsense, or is not the one of training."""


class LedgerError(RouterError, OSError):
    """A data directory is in use, was written by another version, or cannot be opened."""


class StoreError(LedgerError):
    """The store cannot be written now; nothing of what was asked for was done."""


class StoreBusyError(StoreError):
    """The store cannot keep up; nothing was done, asking again a little later will do."""


class OverloadError(RouterError, RuntimeError):
    """More is asked at once than is worked on at once; asking again a little later may do."""


class ServiceError(RouterError, ConnectionError):
    """The sidecar cannot be had within the time that a call has, or it fails."""


class AccessError(RouterError, PermissionError):
    """The sidecar does not know the key, or does not let it do this."""


class ExportError(RouterError, ArithmeticError):
    """An exported graph does not reproduce the model it was exported from."""


class MissingExtraError(RouterError, ImportError):
    """An optional part was used without its extra installed.

    Examples
    --------
    >>> raise MissingExtraError.for_extra("train", "training")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    router.exceptions.MissingExtraError: training needs the extra [train]: pip install ...
    """

    @classmethod
    def for_extra(cls, extra: str, what: str) -> MissingExtraError:
        """Build the message that names the extra to install for `what`."""
        return cls(
            f'{what} needs the extra [{extra}]: pip install "compute-allocation-router[{extra}]"'
        )
