"""What is known of a log's questions before any outcome: texts, tasks, context and embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import EncoderError
from router.features.context import fit_context
from router.models.borrowed_inputs import BorrowedTables, read_borrowed
from router.models.embedding import Embedding, fit_embedding
from router.models.evidence import TaskData
from router.models.inputs import InputTables, fit_inputs

if TYPE_CHECKING:
    from router.features.context import ContextTable
    from router.features.encoder import TextEncoder
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
    tables : InputTables or BorrowedTables
        Texts to features.
    groups : tuple of str
        Names of the tasks; a single empty name where the log has none.
    context : ContextTable
        Numbers known beforehand to features.
    embedding : Embedding
        Embeddings to features.
    """

    task: TaskData
    tables: InputTables | BorrowedTables
    groups: tuple[str, ...]
    context: ContextTable
    embedding: Embedding


def read_known(
    log: OutcomeLog,
    *,
    seed: int = 0,
    encoder: SentenceEncoder | None = None,
    features_of: TextEncoder | None = None,
) -> Known:
    """Read what is known of a log's questions.

    Parameters
    ----------
    log : OutcomeLog
        n questions.
    seed : int, default=0
        Seed of folds and sampling.
    encoder : SentenceEncoder, optional
        Gives embeddings.
    features_of : TextEncoder, optional
        Taken as it is in place of an encoder fitted to the texts.

    Returns
    -------
    Known

    Raises
    ------
    EncoderError
        If the encoder fails, or stands beside features that are taken as they are.
    LogError
        If the log holds features in place of texts and `features_of` did not make them.
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    groups = tuple(sorted({group or "" for group in log.groups}))
    position = {name: index for index, name in enumerate(groups)}
    group_index = np.array([position[group or ""] for group in log.groups], dtype=np.int64)
    context = fit_context(log.context)
    extra = context.tabulate(log.list_contexts())
    if features_of is not None:
        if encoder is not None:
            raise EncoderError(
                f"a sentence encoder ({encoder.name!r}) needs texts: it goes with no features that "
                "are taken as they are"
            )
        borrowed, inputs = read_borrowed(log, features_of, extra=extra)
        task = TaskData(inputs, log.identities, group_index, len(groups), seed)
        return Known(task, borrowed, groups, context, Embedding())
    log.require_texts("an encoder of its own")
    embedding, embedded = Embedding(), None
    if encoder is not None:
        embedding, embedded = fit_embedding(encoder, log.texts)
    tables, inputs = fit_inputs(log.texts, extra=extra, embedded=embedded)
    task = TaskData(inputs, log.texts, group_index, len(groups), seed)
    return Known(task, tables, groups, context, embedding)
