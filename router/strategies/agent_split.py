r"""Multi-agent split: one pool of tokens over an orchestrator and workers, or one agent for all.

A task has parts; part i is solved with probability :math:`c_i (1 - e^{-x_i / s_i})` by x tokens of
work. An agent that has worked w tokens has read its own growing context again on the way, so that
its work costs :math:`w + \rho w^2 / 2`; that is what several agents save. What they cost: every one
reads the shared prefix (after the first at the price of cached tokens), its briefing, and its
report is read by the orchestrator, which loses a share of the findings on the way. The pool that is
left is divided so that a further token buys as much everywhere:
:math:`(c_i / s_i) e^{-x_i / s_i} = \lambda (1 + \rho w_a)` for every part i of agent a.

References
----------
.. [1] Kim, Y. et al., "Towards a science of scaling agent systems", arXiv:2512.08296: overhead of
   coordination, and tasks on which one agent is better.
.. [2] Anthropic, "How we built our multi-agent research system", 2025: an orchestrator and workers
   take many times the tokens of one agent.
.. [3] Everett, H., "Generalized Lagrange multiplier method", Operations Research 11(3), 1963.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import (
    Estimate,
    bound_by_resampling,
    read_amounts,
    read_counts,
    read_shares,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["AgentPlan", "AgentSplit", "PartCurve"]

N_HALVINGS = 60
N_SCALES = 81


@dataclass(frozen=True)
class PartCurve:
    """How probably tokens of work solve a part of a task.

    Parameters
    ----------
    ceiling : float
        Probability that any number of tokens solves it, from 0 to 1.
    scale_tokens : float
        Tokens after which 63 % of that is reached, above 0.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> PartCurve(0.8, 1000.0).predict([0, 1000, 1e6]).round(3).tolist()
    [0.0, 0.506, 0.8]
    """

    ceiling: float
    scale_tokens: float
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no curve."""
        read_shares("ceiling", self.ceiling)
        read_amounts("scale_tokens", self.scale_tokens)

    def predict(self, tokens: ArrayLike) -> NDArray[np.float64]:
        """Give the probability that so many tokens of work solve the part."""
        spent = np.asarray(tokens, dtype=np.float64)
        return np.asarray(-self.ceiling * np.expm1(-spent / self.scale_tokens), dtype=np.float64)

    @classmethod
    def fit(cls, tokens: ArrayLike, is_solved: ArrayLike, *, seed: int = 0) -> PartCurve:
        """Fit by likelihood to parts that were worked on, with intervals over parts drawn anew.

        Parameters
        ----------
        tokens : array_like of float, shape (n,)
            Of work, above 0.
        is_solved : array_like of bool, shape (n,)
            Whether that was enough.
        seed : int, default=0
            Of the draws.

        Returns
        -------
        PartCurve

        Raises
        ------
        InputError
            If there is no part, or shapes disagree.
        """
        spent, solved = read_amounts("tokens", tokens), np.asarray(is_solved, dtype=bool)
        if spent.ndim != 1 or spent.shape != solved.shape or not len(spent):
            raise InputError(f"tokens {spent.shape}, is_solved {solved.shape}: both (n,) is needed")
        scales = np.geomspace(spent.min() / 10.0, spent.max() * 10.0, N_SCALES)
        ceilings = np.linspace(0.01, 1.0, 100)
        # What each part says against each curve; a resample then only adds up other rows.
        reached = -np.expm1(-spent[:, None] / scales)
        chances = np.clip(reached[:, :, None] * ceilings, 1e-12, 1.0 - 1e-12)
        surprise = -np.log(np.where(solved[:, None, None], chances, 1.0 - chances))
        table = surprise.reshape(len(spent), -1)

        def estimate(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to some of them."""
            weights = np.bincount(rows, minlength=len(spent)).astype(np.float64)
            scale, ceiling = divmod(int((weights @ table).argmin()), len(ceilings))
            return {"ceiling": float(ceilings[ceiling]), "scale_tokens": float(scales[scale])}

        found = bound_by_resampling(estimate, len(spent), seed=seed)
        return cls(found["ceiling"].value, found["scale_tokens"].value, estimates=found)


class AgentPlan(NamedTuple):
    """How a pool is divided.

    Parameters
    ----------
    n_agents : int
        Workers; one works alone, without an orchestrator.
    tokens : ndarray of float64
        Tokens of work on each part.
    agents : ndarray of int64
        Who works on each part.
    solved : float
        Parts expected to be solved and to survive the handing over.
    overhead_tokens : float
        What is not work on parts, context that is read again aside; 0 where there is no work.
    slowest_tokens : float
        Tokens of work of the agent that has most of it: others work meanwhile.
    """

    n_agents: int
    tokens: NDArray[np.float64]
    agents: NDArray[np.int64]
    solved: float
    overhead_tokens: float
    slowest_tokens: float


@dataclass(frozen=True)
class AgentSplit:
    """A task of parts, and what it costs to share it among agents.

    Parameters
    ----------
    parts : sequence of PartCurve
        At least one.
    prefix_tokens : float, default=0
        Instructions and tools that every agent reads.
    cached_price : float, default=0.1
        Price of a token of the prefix that another agent has read already, against a fresh one.
    agent_tokens : float, default=0
        Briefing and report of each worker, where there are several.
    orchestrator_tokens : float, default=0
        What planning and putting together takes, where there are several workers.
    reread : float, default=0
        Price of reading one's own context again, per token of work and token of context.
    kept : float, default=1
        Share of findings that survives the handing over, where there are several workers.

    Raises
    ------
    InputError
        If a number is out of range or there is no part.

    Examples
    --------
    With little to spend one agent is better, with much several are.

    >>> split = AgentSplit([PartCurve(0.9, 4000.0)] * 6, 2000, 0.1, 500, 3000, reread=2e-4)
    >>> [split.plan_best(pool, agents_max=6).n_agents for pool in (10_000, 100_000)]
    [1, 6]
    """

    parts: tuple[PartCurve, ...] | list[PartCurve]
    prefix_tokens: float = 0.0
    cached_price: float = 0.1
    agent_tokens: float = 0.0
    orchestrator_tokens: float = 0.0
    reread: float = 0.0
    kept: float = 1.0

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse impossible amounts, and a task of nothing."""
        if not self.parts:
            raise InputError("parts is empty: a task has at least one part")
        for name in ("prefix_tokens", "agent_tokens", "orchestrator_tokens", "reread"):
            if not 0.0 <= getattr(self, name) < float("inf"):
                raise InputError(f"{name} is {getattr(self, name)}: finite and from 0 up is needed")
        for name in ("cached_price", "kept"):
            read_shares(name, getattr(self, name))

    def count_overhead(self, n_agents: int) -> float:
        """Count the tokens that are no work on parts.

        Parameters
        ----------
        n_agents : int
            Workers, at least 1.

        Returns
        -------
        float
            In fresh input tokens.
        """
        read_counts("n_agents", n_agents, least=1)
        if n_agents == 1:
            return self.prefix_tokens
        # The orchestrator reads the prefix first, and so every worker finds it cached.
        shared = self.prefix_tokens * (1.0 + n_agents * self.cached_price)
        return shared + self.orchestrator_tokens + n_agents * self.agent_tokens

    def plan(self, pool_tokens: float, n_agents: int) -> AgentPlan:
        """Divide a pool over so many agents as well as it can be.

        Parameters
        ----------
        pool_tokens : float
            All there is, above 0.
        n_agents : int
            From 1 to the number of parts.

        Returns
        -------
        AgentPlan
        """
        agents = self._assign(n_agents)
        left = self._work_left(pool_tokens, n_agents)
        tokens = self._divide(left, agents, n_agents)
        return self._describe(tokens, agents, n_agents)

    def plan_equal(self, pool_tokens: float, n_agents: int) -> AgentPlan:
        """Give every agent as much, and within an agent every part.

        Parameters
        ----------
        pool_tokens : float
            All there is, above 0.
        n_agents : int
            From 1 to the number of parts.

        Returns
        -------
        AgentPlan
        """
        agents = self._assign(n_agents)
        share = self._work_left(pool_tokens, n_agents) / n_agents
        # The work that a share pays for, context that is read again included.
        work = 2.0 * share / (1.0 + np.sqrt(1.0 + 2.0 * self.reread * share))
        tokens = work / np.bincount(agents, minlength=n_agents)[agents]
        return self._describe(tokens, agents, n_agents)

    def plan_best(self, pool_tokens: float, *, agents_max: int) -> AgentPlan:
        """Choose how many agents share a pool; of plans as good, the one with fewer.

        Parameters
        ----------
        pool_tokens : float
            All there is, above 0.
        agents_max : int
            At most so many, and no more than parts.

        Returns
        -------
        AgentPlan
        """
        most = min(int(read_counts("agents_max", agents_max, least=1)), len(self.parts))
        plans = [self.plan(pool_tokens, n) for n in range(1, most + 1)]
        return max(plans, key=lambda plan: (plan.solved, -plan.n_agents))

    def charge(self, plan: AgentPlan) -> float:
        """Count all tokens that a plan takes out of the pool."""
        work = np.bincount(plan.agents, plan.tokens, plan.n_agents)
        return float(plan.overhead_tokens + (work + self.reread * work**2 / 2.0).sum())

    def simulate(
        self, chance: np.random.Generator, plan: AgentPlan, n_tasks: int
    ) -> NDArray[np.int64]:
        """Let agents work until each part is solved or its tokens are spent.

        Parameters
        ----------
        chance : Generator
            Of random numbers.
        plan : AgentPlan
            Of this task.
        n_tasks : int
            How many such tasks.

        Returns
        -------
        ndarray of int64, shape (n_tasks,)
            Parts that were solved and survived the handing over.
        """
        ceilings, scales = self._curves()
        shape = (n_tasks, len(ceilings))
        needed = chance.exponential(scales, shape)
        is_solved = (chance.random(shape) < ceilings) & (needed <= plan.tokens)
        if plan.n_agents > 1:
            is_solved &= chance.random(shape) < self.kept
        return np.asarray(is_solved.sum(axis=1), dtype=np.int64)

    def _curves(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ceilings and scales of the parts."""
        ceilings = np.array([part.ceiling for part in self.parts])
        return ceilings, np.array([part.scale_tokens for part in self.parts])

    def _assign(self, n_agents: int) -> NDArray[np.int64]:
        """Give parts to agents in turns, the largest first and back again."""
        read_counts("n_agents", n_agents, least=1)
        if n_agents > len(self.parts):
            raise InputError(f"n_agents is {n_agents}: the task has only {len(self.parts)} parts")
        _, scales = self._curves()
        turns = np.arange(len(scales)) % (2 * n_agents)
        agents = np.empty(len(scales), dtype=np.int64)
        agents[np.argsort(-scales, kind="stable")] = np.minimum(turns, 2 * n_agents - 1 - turns)
        return agents

    def _work_left(self, pool_tokens: float, n_agents: int) -> float:
        """Count what is left for work; nothing where the overhead takes all."""
        read_amounts("pool_tokens", pool_tokens)
        return max(0.0, pool_tokens - self.count_overhead(n_agents))

    def _describe(
        self, tokens: NDArray[np.float64], agents: NDArray[np.int64], n_agents: int
    ) -> AgentPlan:
        """Say what tokens of work are expected to do."""
        ceilings, scales = self._curves()
        solved = float((-ceilings * np.expm1(-tokens / scales)).sum())
        return AgentPlan(
            n_agents,
            tokens,
            agents,
            solved * (self.kept if n_agents > 1 else 1.0),
            # Where the pool does not reach for any work, nobody is started.
            self.count_overhead(n_agents) if tokens.any() else 0.0,
            float(np.bincount(agents, tokens, n_agents).max()),
        )

    def _divide(self, left: float, agents: NDArray[np.int64], n_agents: int) -> NDArray[np.float64]:
        """Give tokens so that a further one buys as much on every part."""
        ceilings, scales = self._curves()
        tokens = np.zeros(len(scales))
        if left <= 0.0 or not ceilings.any():
            return tokens
        # The price falls by halves of its logarithm until what it sells is what there is.
        low, high = -745.0, float(np.log((ceilings / scales).max()))
        for _ in range(N_HALVINGS):
            middle = (low + high) / 2.0
            sold = self._buy(np.exp(middle), agents, n_agents)
            work = np.bincount(agents, sold, n_agents)
            if (work + self.reread * work**2 / 2.0).sum() > left:
                low = middle
            else:
                high, tokens = middle, sold
        return tokens

    def _buy(self, price: float, agents: NDArray[np.int64], n_agents: int) -> NDArray[np.float64]:
        """Give the tokens that are worth a price, context that is read again included."""
        ceilings, scales = self._curves()
        low, high = np.zeros(n_agents), np.full(n_agents, scales.sum() * 800.0)
        tokens = np.zeros(len(scales))
        with np.errstate(divide="ignore"):
            first = np.log(ceilings / scales)
        for _ in range(N_HALVINGS if self.reread else 1):
            work = (low + high) / 2.0 if self.reread else low
            value = np.log(price * (1.0 + self.reread * work))[agents]
            tokens = scales * np.maximum(0.0, first - value)
            is_more = np.bincount(agents, tokens, n_agents) > work
            low, high = np.where(is_more, work, low), np.where(is_more, high, work)
        return tokens
