"""When texts are read by compiled kernels, and what happens where they do not work."""

from __future__ import annotations

import sys

import pytest

from router.features import engines
from tests.contracts.gains import make_encoder


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin as a new process does."""
    monkeypatch.setattr(engines, "_KERNELS", engines._Kernels())


def test_numpy_reads_until_kernels_are_loaded() -> None:
    """Nothing is loaded by itself, as it would take longer than it saves."""
    encoder = make_encoder(3)
    encoder.encode(["Who?"])
    assert not engines.is_compiled()
    assert "_reader" not in vars(encoder)
    assert engines.warm_up()
    encoder.encode(["Who?"])
    assert "_reader" in vars(encoder)


def test_missing_extra_leaves_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Numba, loading says no and texts are read as before."""
    monkeypatch.setitem(sys.modules, "router.features.compiled", None)
    assert not engines.warm_up()
    assert not engines.is_compiled()
    assert make_encoder(3).encode(["Who?"]).shape[0] == 1


def test_broken_kernels_leave_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a broken installation raises, no prediction fails of it, nor asks again."""
    from router.features.compiled import reading

    calls = []

    def fail(*_: object) -> None:
        calls.append(1)
        raise RuntimeError("the compiler is broken")

    monkeypatch.setattr(reading.TextReader, "read", fail)
    assert not engines.warm_up()
    assert not engines.warm_up()
    assert len(calls) == 1
    assert make_encoder(3).encode(["Who?"]).shape[0] == 1


def test_kernels_come_back_after_a_comparison() -> None:
    """NumPy reads meanwhile, and kernels afterwards."""
    assert engines.warm_up()
    with engines.without_kernels():
        assert not engines.is_compiled()
    assert engines.is_compiled()
