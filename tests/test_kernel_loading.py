"""Kernels are loaded once, and what goes wrong meanwhile costs no result."""

from __future__ import annotations

import logging
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from router.kernel_loading import KernelSet, attempt

if TYPE_CHECKING:
    from collections.abc import Callable


def fail_with(error: Exception, calls: list[int]) -> Callable[[], None]:
    """Make something to load that fails, and counts how often that was tried."""

    def load() -> None:
        calls.append(1)
        raise error

    return load


def test_missing_extra_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    """Without the extra nothing is said: NumPy is what was installed."""
    with caplog.at_level(logging.WARNING, "router"):
        loaded, failure = attempt(fail_with(ImportError("no numba"), []), "kernels")
    assert loaded is None
    assert isinstance(failure, ImportError)
    assert not caplog.records


def test_broken_installation_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """Kernels that are there and fail are warned of, once, and never asked for again."""
    calls: list[int] = []
    kernels = KernelSet(fail_with(RuntimeError("bad compiler"), calls), "the compiled thing")
    with caplog.at_level(logging.WARNING, "router"):
        assert not kernels.warm_up()
        assert not kernels.warm_up_if_free()
    assert kernels.loaded is False
    assert len(calls) == 1
    (record,) = caplog.records
    assert "the compiled thing cannot be used" in record.getMessage()
    assert "bad compiler" in record.getMessage()


def test_interrupts_are_not_swallowed() -> None:
    """Who stops the process while kernels compile stops it."""
    kernels = KernelSet(lambda: None, "kernels")

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        attempt(interrupt, "kernels")
    assert kernels.warm_up()


def test_others_go_on_while_one_thread_loads() -> None:
    """Who must not wait is told that kernels are not there yet, and later that they are."""
    answers: list[bool] = []
    kernels: KernelSet

    def load() -> None:
        other = Thread(target=lambda: answers.append(kernels.warm_up_if_free()))
        other.start()
        other.join()

    kernels = KernelSet(load, "kernels")
    assert kernels.warm_up_if_free()
    assert answers == [False]
    assert kernels.warm_up_if_free()
