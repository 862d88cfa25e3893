"""Simulation: populations like those of a log, predictors of chosen strength, and traffic."""

from router.evaluation.simulation.agents import CorrelatedAgents
from router.evaluation.simulation.axes import (
    Axis,
    combine_axes,
    find_levels,
    measure_axis,
    measure_interaction,
)
from router.evaluation.simulation.batches import SimulatedBatch, SimulatedPlan, simulate_batch
from router.evaluation.simulation.fitting import PopulationFit, fit_population
from router.evaluation.simulation.population import Latent, Population
from router.evaluation.simulation.predictors import SimulatedPredictor
from router.evaluation.simulation.traffic import Traffic

__all__ = [
    "Axis",
    "CorrelatedAgents",
    "Latent",
    "Population",
    "PopulationFit",
    "SimulatedBatch",
    "SimulatedPlan",
    "SimulatedPredictor",
    "Traffic",
    "combine_axes",
    "find_levels",
    "fit_population",
    "measure_axis",
    "measure_interaction",
    "simulate_batch",
]
