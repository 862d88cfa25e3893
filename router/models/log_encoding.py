"""The questions of a log as an encoder's features: encoded, or as they were kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.exceptions import LogError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.outcomes import OutcomeLog

__all__ = ["check_features", "encode_log"]


def encode_log(log: OutcomeLog, encoder: TextEncoder) -> NDArray[np.float32]:
    """Give a log's questions as an encoder's features.

    Parameters
    ----------
    log : OutcomeLog
        n questions with texts, or with features in their place.
    encoder : TextEncoder
        With d features.

    Returns
    -------
    ndarray of float32, shape (n, d)
        Texts encoded; where a text was not kept, the features that were.

    Raises
    ------
    LogError
        If features that are needed were made by another encoder.
    """
    check_features(log, encoder)
    if log.features is None or log.has_texts:
        return encoder.encode(log.texts)
    features = log.features.copy()
    told = [position for position, text in enumerate(log.texts) if text]
    if told:
        features[told] = encoder.encode([log.texts[position] for position in told])
    return features


def check_features(log: OutcomeLog, encoder: TextEncoder) -> None:
    """Refuse an encoder that did not make the features that stand in place of texts.

    Parameters
    ----------
    log : OutcomeLog
        Any log; one with all texts goes with any encoder.
    encoder : TextEncoder
        With d features.

    Raises
    ------
    LogError
        If the features are of another encoder, or not d.
    """
    if log.features is None or log.has_texts:
        return
    if log.feature_fingerprint != encoder.fingerprint:
        raise LogError(
            f"{log.dataset}: its features were made by the encoder {log.feature_fingerprint}, "
            f"the bundle's is {encoder.fingerprint}: the bundle that the log was gathered "
            "under, or one that descends from it, is needed (features_of, --features-of)"
        )
    if log.features.shape[1] != encoder.n_features:
        raise LogError(
            f"{log.dataset}: {log.features.shape[1]} features a question; the encoder "
            f"{encoder.fingerprint} makes {encoder.n_features}"
        )
