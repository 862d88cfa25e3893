"""Prediction: questions and a menu in, a gain surface out; NumPy and onnxruntime only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError, MenuError
from router.features.context import ContextTable
from router.models.calibration import WIDTH_UNKNOWN
from router.models.embedding import Embedding
from router.models.offer import Offer
from router.models.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.models.calibration import Calibration
    from router.models.factored_head import FactoredHead
    from router.models.heads import DescriptorHead, NamedHead
    from router.models.joined import JoinedHead
    from router.models.novelty import Novelty
    from router.models.quantities import Consumption, Quantities
    from router.options import Menu
    from router.questions import Question

__all__ = ["Predictor"]

# Nine of ten normal deviations are at most so large.
INTERVAL_DEVIATIONS = 1.645
# Menus remembered: a service answers for one or two of its own, and for those of requests.
OFFERS_MAX = 16


@dataclass(frozen=True)
class Predictor:
    """The running gain model.

    Parameters
    ----------
    encoder : TextEncoder
        Texts to features.
    named : NamedHead, JoinedHead or None
        For options that were tried; None in a bundle that knows none by name.
    descriptors : DescriptorHead, FactoredHead or None
        For options that were not.
    calibration : Calibration
        Turns predictions into intervals.
    novelty : Novelty, optional
        Tells how unlike the training questions a question is; None in older bundles.
    quantities : Quantities, optional
        Predicts what a question consumes; None in older bundles and where questions do not differ.
    context : ContextTable
        Which numbers known beforehand named options and quantities read, behind the text.
    embedding : Embedding
        What they read before it, where the bundle was trained with a sentence encoder.
    """

    encoder: TextEncoder
    named: NamedHead | JoinedHead | None
    descriptors: DescriptorHead | FactoredHead | None
    calibration: Calibration
    novelty: Novelty | None = None
    quantities: Quantities | None = None
    context: ContextTable = field(default_factory=ContextTable)
    embedding: Embedding = field(default_factory=Embedding)
    _offers: dict[int, Offer] = field(default_factory=dict, init=False, repr=False, compare=False)
    _neutral: dict[int, tuple[Offer, NDArray[np.float64]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def predict(
        self,
        questions: Sequence[Question],
        menu: Menu,
        *,
        features: NDArray[np.float32] | None = None,
    ) -> Surface:
        """Predict the quality of n questions under m options.

        Parameters
        ----------
        questions : sequence of Question
            n questions.
        menu : Menu
            m options; the option to answer nothing has quality 0.
        features : ndarray of float32, shape (n, d), optional
            What this encoder made of the texts earlier, where these were not kept.

        Returns
        -------
        Surface
            Quality of shape (n, m).

        Raises
        ------
        BundleError
            If the model gives values that are not finite.
        MenuError
            If an option is not known by name and the bundle has no model of descriptors.
        """
        offer = self._make_offer(menu)
        texts = [question.text for question in questions]
        features = self.encoder.encode(texts) if features is None else features
        informed = self.context.append(features, [question.context for question in questions])
        informed, failure = self.embedding.prepend(informed, texts)
        quality = np.zeros((len(questions), len(menu)))
        if len(offer.guessed):
            # Answering nothing has no descriptors: as the reference it would shift all others.
            quality[:, offer.answers] = self._predict_descriptors(features, offer)
        if self.named is not None and len(offer.columns):
            by_name = self.named.predict(informed, [question.group for question in questions])
            quality[:, offer.columns] = by_name.take(offer.positions, axis=1)
        np.minimum(np.maximum(quality, 0.0, out=quality), 1.0, out=quality)
        low, high = self.calibration.bound(quality)
        doubt = self._measure_doubt(menu)
        if doubt is not None:
            few = np.flatnonzero(doubt)
            below, above = (quality - low)[:, few], (high - quality)[:, few]
            low[:, few] = np.maximum(quality[:, few] - np.hypot(below, doubt[few]), 0.0)
            high[:, few] = np.minimum(quality[:, few] + np.hypot(above, doubt[few]), 1.0)
        if self.named is not None and len(offer.guessed):
            # The calibration was measured on options known by name; how far descriptors are off
            # was not, so their intervals are as wide as those of an option nobody measured.
            guesses = quality[:, offer.guessed]
            low[:, offer.guessed] = np.maximum(guesses - WIDTH_UNKNOWN, 0.0)
            high[:, offer.guessed] = np.minimum(guesses + WIDTH_UNKNOWN, 1.0)
        if len(offer.skip):
            quality[:, offer.skip] = low[:, offer.skip] = high[:, offer.skip] = 0.0
        familiarity = None if self.novelty is None else self.novelty.rank(features)
        return Surface(
            menu,
            quality,
            low,
            high,
            offer.evidence,
            familiarity=familiarity,
            batch_error=self.calibration.batch if self.named is not None else None,
            doubt=doubt,
            consumption=self._predict_consumption(informed, questions, menu),
            encoder_failure=failure,
            features=features,
        )

    def _measure_doubt(self, menu: Menu) -> NDArray[np.float64] | None:
        """Measure how far options may be off as a whole for want of outcomes, shape (m,)."""
        if self.named is None or not self.named.deviations:
            return None
        known = self.named.deviations
        doubt: NDArray[np.float64] = np.array([known.get(name, 0.0) for name in menu.names])
        return INTERVAL_DEVIATIONS * doubt if doubt.any() else None

    def _predict_consumption(
        self, features: NDArray[np.float32], questions: Sequence[Question], menu: Menu
    ) -> Consumption | None:
        """Predict what the questions consume, where that was learned."""
        if self.quantities is None:
            return None
        groups = [question.group for question in questions]
        names = menu.names
        if self.named is not None and self.named.stand_ins:
            names = tuple(self.named.stand_ins.get(name, name) for name in names)
        return self.quantities.predict(features, groups, names)

    def predict_neutral(self, menu: Menu) -> NDArray[np.float64]:
        """Predict m options for a question of which nothing is known.

        Parameters
        ----------
        menu : Menu
            m options.

        Returns
        -------
        ndarray of float64, shape (m,)
            An option known by name gets its mean over the log; any other what its descriptors say
            of the average training question; the option to answer nothing 0.

        Raises
        ------
        BundleError
            If the bundle does not hold what this takes, as bundles with a novelty do.
        MenuError
            If an option is not known by name and the bundle has no model of descriptors.
        """
        if self.novelty is None:
            raise BundleError("the bundle holds no average question: train it again")
        offer = self._make_offer(menu)
        neutral = self._neutral.get(id(offer))
        if neutral is None:
            if len(self._neutral) >= OFFERS_MAX:
                self._neutral.clear()
            neutral = self._neutral[id(offer)] = offer, self._average(offer, self.novelty)
        return neutral[1].copy()

    def _average(self, offer: Offer, novelty: Novelty) -> NDArray[np.float64]:
        """Predict m options for the average question, shape (m,)."""
        known: dict[str, float] = {}
        if self.named is not None and self.named.option_means is not None:
            known = dict(zip(self.named.options, self.named.option_means, strict=True))
        names = offer.menu.names
        quality = np.array([known.get(name, 0.0) for name in names])
        if any(option.name not in known for option in offer.answering):
            guess = np.zeros(len(names))
            guess[offer.answers] = self._predict_descriptors(novelty.mean_features[None], offer)[0]
            unknown = [name not in known for name in names]
            quality = np.where(unknown, guess, quality)
        bounded: NDArray[np.float64] = np.clip(quality, 0.0, 1.0)
        return bounded

    def _make_offer(self, menu: Menu) -> Offer:
        """Set a menu beside the names known, once for as long as it is asked about."""
        # By identity, as comparing the options would take as long; the offer keeps the menu, so
        # that no other one can take its identity.
        offer = self._offers.get(id(menu))
        if offer is None:
            offer = Offer.build(menu, () if self.named is None else self.named.options)
            if len(self._offers) >= OFFERS_MAX:
                self._offers.clear()
            self._offers[id(menu)] = offer
        return offer

    def _predict_descriptors(
        self, features: NDArray[np.float32], offer: Offer
    ) -> NDArray[np.float64]:
        """Predict from descriptors, or say that this bundle cannot."""
        if self.descriptors is None:
            raise MenuError(
                f"{offer.menu.name}: the bundle has no model of descriptors and knows by name only "
                + ", ".join(self.named.options if self.named is not None else ())
            )
        return self.descriptors.predict(features, offer.answering)
