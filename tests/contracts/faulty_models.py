"""Models with planted faults: the small bundle around a session that does what a test tells it."""

from __future__ import annotations

import copy
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from router.planner import Router
from tests.contracts.commands import tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["FAULTS", "FaultySession", "make_faulty_router"]

# By fault, why plans are made without the model.
FAULTS = {
    "raise": "model_failed",
    "shape": "model_failed",
    "nan": "model_nonfinite",
    "infinite": "model_nonfinite",
    "sleep": "model_slow",
    "stuck": "model_slow",
}
SLEEP_SECONDS = 10.0


class FaultySession:
    """A session of the ONNX runtime that fails on demand.

    Parameters
    ----------
    sound : onnxruntime.InferenceSession
        What it does while no fault is planted.
    """

    def __init__(self, sound: Any) -> None:
        self._sound = sound
        self.fault: str | None = None
        self.n_runs = 0
        self.n_terminated = 0
        self.release = threading.Event()

    def run(
        self, names: None, inputs: Mapping[str, NDArray[np.float32]], options: Any = None
    ) -> list[NDArray[np.float32]]:
        """Run the graph, or do what is planted."""
        self.n_runs += 1
        if self.fault == "raise":
            raise RuntimeError("planted")
        if self.fault == "sleep":
            self._sleep(options)
        if self.fault == "stuck":
            self.release.wait(SLEEP_SECONDS)
        output: NDArray[np.float32] = np.array(self._sound.run(names, inputs, options)[0])
        if self.fault == "nan":
            output[-1, -1] = np.nan
        if self.fault == "infinite":
            output[0, 0] = np.inf
        if self.fault == "shape":
            output = output[:, :-1]
        return [output]

    def _sleep(self, options: Any) -> None:
        """Sleep as the runtime works: until it is done or told to stop."""
        for _ in range(round(SLEEP_SECONDS * 500)):
            if self.release.wait(0.002):
                return
            if options is not None and options.terminate:
                self.n_terminated += 1
                raise RuntimeError("terminated")


def make_faulty_router() -> tuple[Router, FaultySession]:
    """Make a router around the small bundle, and the session in which faults can be planted."""
    bundle = tiny_bundle()
    named: Any = bundle.predictor.named
    session = copy.copy(named.session)
    faulty = FaultySession(session._session)
    session._session = faulty
    faulty_bundle = replace(bundle)
    # What is cached comes first; the frozen bundle itself stays as it is for others.
    predictor = replace(bundle.predictor, named=replace(named, session=session))
    faulty_bundle.__dict__["predictor"] = predictor
    return Router(faulty_bundle), faulty
