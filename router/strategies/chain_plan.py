"""Plans of retrieval chains, and how many searches each takes."""

from __future__ import annotations

from dataclasses import dataclass

from router.exceptions import InputError
from router.strategies.estimates import read_counts

__all__ = ["ChainPlan"]


@dataclass(frozen=True, slots=True)
class ChainPlan:
    """One chain, the best of several, or a tree.

    Parameters
    ----------
    depth : int
        Searches of the chain that is kept, the first included, which asks the question itself.
    chains : int, default=1
        Chains of which the best is kept.
    expansions : int, default=1
        Ways to go on that a tree tries at each step; 1 for no tree.
    rollouts : int, default=0
        Chains by which a tree judges each of them; without any, what it has found judges it.
    rollout_depth : int, default=2
        Searches of a rollout at most.

    Raises
    ------
    InputError
        If a number is out of range, or a tree is to have several chains.

    Examples
    --------
    >>> ChainPlan(3, expansions=4, rollouts=2).searches
    17
    """

    depth: int
    chains: int = 1
    expansions: int = 1
    rollouts: int = 0
    rollout_depth: int = 2

    def __post_init__(self) -> None:
        """Refuse what is no plan."""
        for name in ("depth", "chains", "expansions"):
            read_counts(name, getattr(self, name), least=1)
        read_counts("rollouts", self.rollouts)
        read_counts("rollout_depth", self.rollout_depth)
        if self.chains > 1 and self.expansions > 1:
            raise InputError(
                f"chains is {self.chains} and expansions {self.expansions}: one of them has to be 1"
            )

    @property
    def name(self) -> str:
        """What the plan is called in an option."""
        if self.expansions > 1:
            rest = f"e{self.expansions}|r{self.rollouts}x{self.rollout_depth}"
            return f"tree|d{self.depth}|{rest}"
        return f"d{self.depth}" if self.chains == 1 else f"best{self.chains}|d{self.depth}"

    @property
    def rollout_depths(self) -> list[int]:
        """Searches of a rollout after each step but the first."""
        left = range(self.depth - 2, -1, -1)
        return [min(self.rollout_depth, ahead) if self.rollouts else 0 for ahead in left]

    @property
    def searches(self) -> int:
        """All searches, those of rollouts included."""
        if self.expansions == 1:
            return 1 + self.chains * (self.depth - 1)
        return 1 + sum(self.expansions * (1 + self.rollouts * d) for d in self.rollout_depths)

    @property
    def steps(self) -> int:
        """Searches one after another, where those that do not need each other run at once."""
        if self.expansions == 1:
            return self.depth
        return 1 + sum(1 + ahead for ahead in self.rollout_depths)
