"""Options of a way to spend compute: quantities, latency, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError, MenuError
from router.strategies import Consumption, offer_samples

QUALITY = np.array([[0.5, 0.7], [0.1, 0.3]])


def test_samples_side_by_side_read_their_input_once() -> None:
    """Parallel samples take the time of one and share the input; output adds up."""
    offer = offer_samples("vote", [1, 5], QUALITY, Consumption(100.0, 20.0, 3.0), model="m")
    one, five = offer.options
    assert (one.name, five.name) == ("m|vote|n1", "m|vote|n5")
    assert (five.input_tokens, five.output_tokens, five.seconds) == (100.0, 100.0, 3.0)
    assert (one.kind, five.kind, five.samples, five.strategy) == ("internal", "external", 5, "vote")
    assert offer.latency_seconds.tolist() == [[3.0, 3.0], [3.0, 3.0]]


def test_samples_in_turn_pay_their_input_again() -> None:
    """Samples one after another take their time and read again, as often as really drawn."""
    drawn = np.array([[1.0, 2.0], [1.0, 4.0]])
    amounts = Consumption(100.0, 20.0, 3.0, is_parallel=False)
    offer = offer_samples("vote", [1, 5], QUALITY, amounts, drawn=drawn)
    five = offer.options[1]
    assert (five.input_tokens, five.output_tokens, five.seconds) == (300.0, 60.0, 9.0)
    assert offer.latency_seconds.tolist() == [[3.0, 6.0], [3.0, 12.0]]
    assert offer.samples.tolist() == drawn.tolist()


def test_impossible_arguments_are_refused() -> None:
    """Negative amounts, no samples and more than an option can hold are refused."""
    with pytest.raises(InputError, match="seconds is -1"):
        Consumption(seconds=-1)
    with pytest.raises(InputError, match="input_tokens is nan"):
        Consumption(float("nan"))
    with pytest.raises(InputError, match="n_samples has 0"):
        offer_samples("vote", [0, 1], QUALITY, Consumption())
    with pytest.raises(MenuError, match="samples"):
        offer_samples("vote", [1, 2_000_000], QUALITY, Consumption())
