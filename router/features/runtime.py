"""The ONNX runtime: sessions on the CPU, loaded from bytes, and what it raises."""

from __future__ import annotations

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_state

__all__ = ["RUNTIME_ERRORS", "start_session"]

SEVERITY_ERROR = 3
# The runtime has an exception of its own for each status, without a common base.
RUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(runtime_state).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)


def start_session(content: bytes, *, n_threads: int = 1) -> onnxruntime.InferenceSession:
    """Start a session on the CPU.

    Parameters
    ----------
    content : bytes
        The serialised graph. It is loaded from these bytes, never from a path, so that no file
        beside it can be pulled in.
    n_threads : int, default=1
        Threads within an operator.

    Returns
    -------
    onnxruntime.InferenceSession

    Raises
    ------
    Exception
        One of :data:`RUNTIME_ERRORS`, if the graph cannot be loaded.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = SEVERITY_ERROR
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
