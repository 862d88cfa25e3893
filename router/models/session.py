"""Running an ONNX graph: loaded from bytes, one thread, one provider, finite in and finite out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError, NonFiniteError
from router.features.runtime import RUNTIME_ERRORS, start_session
from router.models.interruption import enter_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Session"]

# Rows a run: the runtime's memory arena never shrinks, so one huge batch would be paid for ever.
ROWS_MAX = 4096


class Session:
    """An ONNX graph ready to run.

    Parameters
    ----------
    content : bytes
        The serialised graph, whose digest has been checked. It is loaded from these bytes, never
        from a path, so that no file beside it can be pulled in.
    place : str
        How messages call it.

    Raises
    ------
    BundleError
        If the graph cannot be loaded.
    """

    def __init__(self, content: bytes, place: str) -> None:
        """Load the graph for one thread on the CPU."""
        self._place = place
        try:
            self._session = start_session(content)
        except RUNTIME_ERRORS as error:
            first_line = str(error).splitlines()[0]
            raise BundleError(f"{place}: the graph does not load ({first_line})") from None
        self.input_names = tuple(entry.name for entry in self._session.get_inputs())

    def run(self, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float64]:
        """Run the graph in chunks of rows and return its first output.

        Parameters
        ----------
        inputs : mapping of str to ndarray of float32, shape (n, ...)
            By input name, equal n.

        Returns
        -------
        ndarray of float64, shape (n, k)

        Raises
        ------
        BundleError
            If the graph does not take the inputs, or the run was interrupted.
        NonFiniteError
            If an input or an output is not finite.
        """
        for name, values in inputs.items():
            # Trees turn NaN into a plausible number, so looking at the output would not do.
            if not np.isfinite(values).all():
                raise NonFiniteError(
                    f"{self._place}: input {name!r} has a value that is not finite"
                )
        n_rows = len(next(iter(inputs.values())))
        if n_rows <= ROWS_MAX:
            output = self._run_once(inputs).astype(np.float64)
        else:
            parts = [
                self._run_once({name: values[a : a + ROWS_MAX] for name, values in inputs.items()})
                for a in range(0, n_rows, ROWS_MAX)
            ]
            output = np.concatenate(parts).astype(np.float64)
        if not np.isfinite(output).all():
            raise NonFiniteError(f"{self._place}: the graph gave a value that is not finite")
        return output

    def _run_once(self, inputs: Mapping[str, NDArray[np.float32]]) -> NDArray[np.float32]:
        """Run the graph on one chunk."""
        try:
            with enter_run() as options:
                return np.asarray(self._session.run(None, inputs, options)[0])
        except RUNTIME_ERRORS as error:
            first_line = str(error).splitlines()[0]
            raise BundleError(f"{self._place}: the graph does not run ({first_line})") from None
