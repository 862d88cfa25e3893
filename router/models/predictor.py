"""Prediction: questions and a menu in, a gain surface out; NumPy and onnxruntime only."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError, MenuError
from router.features.context import ContextTable
from router.features.engines import is_compiled
from router.models.calibration import WIDTH_UNKNOWN
from router.models.descriptors import (
    DESCRIPTOR_NAMES,
    UNKNOWN,
    describe_menu,
    find_reference,
)
from router.models.embedding import Embedding
from router.models.offer import Offer
from router.models.surface import Surface, shift_into_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.models.calibration import Calibration
    from router.models.compiled import CompiledGain
    from router.models.factored_head import FactoredHead
    from router.models.joined import JoinedHead
    from router.models.novelty import Novelty
    from router.models.quantities import Consumption, Quantities
    from router.models.session import Session
    from router.models.strengths import StrengthTable
    from router.options import Menu, Option
    from router.questions import Question

__all__ = ["DescriptorHead", "NamedHead", "Predictor", "stack_pairs", "stack_reference"]

# Questions times options laid out together; a batch's would fill the memory.
PAIRS_MAX = 65_536
# Nine of ten normal deviations are at most so large.
INTERVAL_DEVIATIONS = 1.645
# Menus remembered: a service answers for one or two of its own, and for those of requests.
OFFERS_MAX = 16


@dataclass(frozen=True)
class NamedHead:
    """Predicts the options of one log, known by name.

    Parameters
    ----------
    session : Session
        Takes ``features`` (n, f) and ``membership`` (n, g), gives (n, m).
    options : tuple of str, length m
        Names, in the order of the output.
    groups : tuple of str, length g
        Names of the tasks.
    option_means : tuple of float, length m, optional
        Quality of every option over all questions, from 0 to 1; None in older bundles.
    content : bytes, default=b""
        The graph of the session, from which compiled kernels take its constants.
    """

    session: Session
    options: tuple[str, ...]
    groups: tuple[str, ...]
    option_means: tuple[float, ...] | None = None
    content: bytes = field(default=b"", repr=False)

    @property
    def deviations(self) -> dict[str, float]:
        """Standard deviations of expected quality for want of outcomes: of options that joined."""
        return {}

    @property
    def stand_ins(self) -> dict[str, str]:
        """Whose consumption tells of that of another option: of options that joined."""
        return {}

    def predict(
        self, features: NDArray[np.float32], groups: Sequence[str | None]
    ) -> NDArray[np.float64]:
        """Predict every known option, shape (n, m)."""
        membership = np.zeros((len(groups), len(self.groups)), dtype=np.float32)
        if any(name is not None for name in groups):
            position = {name: index for index, name in enumerate(self.groups)}
            for row, name in enumerate(groups):
                if name in position:
                    membership[row, position[name]] = 1.0
        compiled = self._compiled if is_compiled() else None
        if compiled is None or not np.isfinite(features).all():
            # The session also says what is wrong with features that are not finite.
            return self.session.run({"features": features, "membership": membership})
        return compiled.predict(features, membership)

    @cached_property
    def _compiled(self) -> CompiledGain | None:
        """The same as a kernel, where the graph allows it."""
        from router.models.compiled import CompiledGain

        return CompiledGain.load(self.content)


@dataclass(frozen=True, slots=True)
class DescriptorHead:
    """Predicts any option from its descriptors, as level plus uplift over a reference option.

    Parameters
    ----------
    level : Session
        Takes ``features`` (n, f + p), the reference's descriptors behind the text's features, and
        gives the reference option's quality (n, 1).
    uplift : Session
        Takes ``pairs`` (n * m, f' + 2 p), gives the uplift over the reference (n * m, 1).
    n_features : int
        f', how many leading feature columns the uplift sees.
    strengths : StrengthTable
        Strengths of models by name.
    strength_mean : float
        What stands for the strength of a reference whose strength is not known.
    """

    level: Session
    uplift: Session
    n_features: int
    strengths: StrengthTable
    strength_mean: float

    def predict(
        self, features: NDArray[np.float32], options: Sequence[Option]
    ) -> NDArray[np.float64]:
        """Predict options that answer, shape (n, m); the least of them is the reference."""
        table = describe_menu(options, self.strengths)
        reference = find_reference(table)
        step = max(1, PAIRS_MAX // len(table))
        uplift = np.zeros((len(features), len(table)))
        for first in range(0, len(features), step):
            part = features[first : first + step, : self.n_features]
            pairs = stack_pairs(part, table, reference)
            uplift[first : first + step] = self.uplift.run({"pairs": pairs}).reshape(len(part), -1)
        # The reference's uplift over itself is nothing by definition, whatever the trees say.
        uplift -= uplift[:, reference, None]
        level_inputs = stack_reference(features, table[reference], self.strength_mean)
        return shift_into_range(self.level.run({"features": level_inputs}) + uplift)


def stack_pairs(
    features: NDArray[np.float32], table: NDArray[np.float32], reference: int
) -> NDArray[np.float32]:
    """Put every question beside every option and the reference option.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Questions.
    table : ndarray of float32, shape (m, p)
        Descriptors.
    reference : int
        The reference option's row in `table`.

    Returns
    -------
    ndarray of float32, shape (n * m, f + 2 p)
        Questions outermost.

    Examples
    --------
    >>> table = np.array([[0.0], [1.0]], np.float32)
    >>> stack_pairs(np.array([[7.0]], np.float32), table, 0).tolist()
    [[7.0, 0.0, 0.0], [7.0, 1.0, 0.0]]
    """
    n, m = len(features), len(table)
    columns = (
        np.repeat(features, m, axis=0),
        np.tile(table, (n, 1)),
        np.broadcast_to(table[reference], (n * m, table.shape[1])),
    )
    return np.hstack(columns).astype(np.float32, copy=False)


def stack_reference(
    features: NDArray[np.float32], reference: NDArray[np.float32], strength_mean: float
) -> NDArray[np.float32]:
    """Put the reference option's descriptors behind every question's features.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Questions.
    reference : ndarray of float32, shape (p,)
        Descriptors of the reference option.
    strength_mean : float
        Stands for a strength that is not known.

    Returns
    -------
    ndarray of float32, shape (n, f + p)
    """
    row = reference.copy()
    position = DESCRIPTOR_NAMES.index("model_strength")
    if row[position] == UNKNOWN:
        row[position] = strength_mean
    return np.hstack((features, np.tile(row, (len(features), 1)))).astype(np.float32)


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

    def predict(self, questions: Sequence[Question], menu: Menu) -> Surface:
        """Predict the quality of n questions under m options.

        Parameters
        ----------
        questions : sequence of Question
            n questions.
        menu : Menu
            m options; the option to answer nothing has quality 0.

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
        features = self.encoder.encode(texts)
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
