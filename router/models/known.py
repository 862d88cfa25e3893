"""What is known of a log's questions before any outcome: texts, tasks, context and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.features.context import fit_context
from router.models.embedding import Embedding, fit_embedding
from router.models.evidence import TaskData
from router.models.inputs import InputTables, fit_inputs

if TYPE_CHECKING:
    from router.features.context import ContextTable
    from router.features.encoders.sentences import SentenceEncoder
    from router.outcomes import OutcomeLog

__all__ = ["Known", "read_known"]


@dataclass(frozen=True)
class Known:
    """What is known of the questions of a log, and what turns other questions into the same.

    Parameters
    ----------
    task : TaskData
        Features and tasks of the questions.
    tables : InputTables
        Texts to features.
    groups : tuple of str
        Names of the tasks; a single empty name where the log has none.
    context : ContextTable
        Numbers known beforehand to features.
    embedding : Embedding
        Embeddings to features.
    """

    task: TaskData
    tables: InputTables
    groups: tuple[str, ...]
    context: ContextTable
    embedding: Embedding


def read_known(log: OutcomeLog, *, seed: int = 0, encoder: SentenceEncoder | None = None) -> Known:
    """Read what is known of a log's questions.

    Parameters
    ----------
    log : OutcomeLog
        n questions.
    seed : int, default=0
        Seed of folds and sampling.
    encoder : SentenceEncoder, optional
        Gives embeddings.

    Returns
    -------
    Known

    Raises
    ------
    EncoderError
        If the encoder fails.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    groups = tuple(sorted({group or "" for group in log.groups}))
    position = {name: index for index, name in enumerate(groups)}
    group_index = np.array([position[group or ""] for group in log.groups], dtype=np.int64)
    context = fit_context(log.context)
    extra = context.tabulate(log.list_contexts())
    embedding, embedded = Embedding(), None
    if encoder is not None:
        embedding, embedded = fit_embedding(encoder, log.texts)
    tables, inputs = fit_inputs(log.texts, extra=extra, embedded=embedded)
    task = TaskData(inputs, log.texts, group_index, len(groups), seed)
    return Known(task, tables, groups, context, embedding)
