"""Limits of the planning desk: how long the model may take, and how much is planned at once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DeskLimits"]


@dataclass(frozen=True)
class DeskLimits:
    """How long the model may take, and how much is planned at once.

    Parameters
    ----------
    deadline_ms : float, default=25
        For which a request may occupy the model, whatever it asks.
    allowance_ms : float, default=4
        What it may take longer for each thousand pairs of question and option.
    menu_ms : float, default=0.25
        What it may take longer for each option of a menu that is new to it.
    encoder_ms : float, default=2000
        What it, and whoever waits behind it, may take longer where a sentence encoder is asked.
    wait_ms : float, default=100
        How long a request waits for those before it; then it is answered without the model.
    in_flight_max : int, default=64
        Requests planned or waiting at once; more are refused.
    lost_max : int, default=2
        Threads that have not come back from the model before nobody asks it until one does.
    """

    deadline_ms: float = 25.0
    allowance_ms: float = 4.0
    menu_ms: float = 0.25
    encoder_ms: float = 2000.0
    wait_ms: float = 100.0
    in_flight_max: int = 64
    lost_max: int = 2
