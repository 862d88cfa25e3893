"""Replays: real answers one by one, and what a policy takes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from router.evaluation.replay import AnswerPool, _count_listed, follow_policy, score_majority
from router.exceptions import LogError
from router.strategies import VoteCost, VotePolicy, VotePrior

if TYPE_CHECKING:
    from pathlib import Path

QUERY = "Choose.\nA: no, this is the text\nChoices:\n A: one\n B: two\n C: three\n"


def write_answers(path: Path, **changed: list[Any]) -> Path:
    """Write two questions in two temperatures, and a third in one only."""
    columns: dict[str, list[Any]] = {
        "query_id": ["a", "a", "b", "b", "c"],
        "query": [QUERY, QUERY, QUERY, QUERY, QUERY],
        "group": ["t", "t", "u", "u", "u"],
        "model": ["m"] * 5,
        "temperature": [0.1, 0.2, 0.1, 0.2, 0.1],
        "answers10": ["AAAAAAAAAA", "BBBBB-----", "CCCCCCCCCD", "AAAAAAAAAA", "CCCCCCCCCC"],
        "correct": ["A", "A", "C", "C", "C"],
        "input_tokens": [100, 100, 200, 200, 300],
        "output_tokens_all10": [1000, 2000, 10, 30, 50],
    }
    columns.update(changed)
    file = path / "answers.parquet"
    pq.write_table(pa.table(columns), file)
    return file


def test_pool_holds_every_answer(tmp_path: Path) -> None:
    """Answers of all wanted rows stand together, others and unreadable ones do not count."""
    pool = AnswerPool.read(write_answers(tmp_path), model="m", temperature=(0.0, 0.3))
    assert (pool.query_ids, pool.tasks) == (("a", "b"), ("t", "u"))
    assert pool.answers.shape == (2, 20)
    votes, blanks = pool.count(3)
    assert votes.tolist() == [[10, 5, 0], [10, 0, 9]]
    assert blanks.tolist() == [5, 1]
    assert pool.right.tolist() == [0, 2]
    assert pool.n_choices.tolist() == [3, 3]
    assert pool.input_tokens.tolist() == [100, 200]
    assert pool.output_tokens.tolist() == [150, 2]
    one = AnswerPool.read(write_answers(tmp_path), temperature=(0.1, 0.1))
    assert one.query_ids == ("a", "b", "c")
    assert one.select(np.array([False, True, True])).tasks == ("u", "u")


def test_odd_question_has_as_many_choices_as_its_task(tmp_path: Path) -> None:
    """A question that lists its choices in another way is not left out."""
    queries = [QUERY, QUERY, "odd", "odd", QUERY]
    file = write_answers(tmp_path, query=queries, group=["t"] * 5)
    assert AnswerPool.read(file).n_choices.tolist() == [3, 3]
    with pytest.raises(LogError, match="choices"):
        AnswerPool.read(write_answers(tmp_path, query=["odd"] * 5))
    with pytest.raises(LogError, match="no row"):
        AnswerPool.read(file, model="other")


def test_draws_put_nothing_back(tmp_path: Path, rng: np.random.Generator) -> None:
    """Every replay is another order of the same answers."""
    pool = AnswerPool.read(write_answers(tmp_path))
    drawn = pool.draw(rng, 3, 20)
    for row in range(2):
        for replay in range(3):
            assert sorted(drawn[row, replay]) == sorted(pool.answers[row])
    assert (drawn[0, 0] != drawn[0, 1]).any()


def test_majority_is_scored_by_its_chance() -> None:
    """Ties and questions without votes are decided by lot; no right answer is never found."""
    votes = np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0], [1, 0, 0]])
    scored = score_majority(votes, np.array([0, 1, 2, -1]), np.array([3, 3, 4, 3]))
    assert scored.tolist() == [1.0, 0.5, 0.25, 0.0]


@pytest.mark.parametrize("batch_max", [1, 4])
def test_policy_is_followed_answer_by_answer(rng: np.random.Generator, batch_max: int) -> None:
    """All questions at once are what one question after the other would be."""
    votes = rng.multinomial(40, rng.dirichlet(np.ones(3), 12))
    prior = VotePrior.fit(votes, [0] * 12, ["t"] * 12, 8)
    policy = VotePolicy.plan(prior.look(), VoteCost(0.3, 1.0, batch_max), 0.004)
    draws = rng.integers(-1, 3, (5, 4, 30)).astype(np.int8)
    found, n_answers, n_calls = follow_policy(draws, policy)
    for row in range(5):
        for replay in range(4):
            count, calls, taken = np.zeros(3, dtype=np.int64), 0, 0
            while (more := policy.ask(count)) and taken < 30:
                calls += 1
                for answer in draws[row, replay, taken : taken + more]:
                    taken += 1
                    count += np.arange(3) == answer
            assert found[row, replay].tolist() == count.tolist()
            assert (n_answers[row, replay], n_calls[row, replay]) == (taken, calls)


def test_choices_of_ten_letters_end_with_the_last() -> None:
    """A line that looks like a choice after the tenth is none of them."""
    lines = "\n".join(f"{letter}) some" for letter in "ABCDEFGHIJ")
    assert _count_listed(f"{lines}\nB) more") == 10
