"""Both clients against a server process with keys: roles, strangers, neighbours, and its end."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from router.exceptions import AccessError, ConflictError, PoolExhaustedError, UnknownError
from router.service.keys import Role, add_key, remove_key
from tests.contracts.clients import KINDS, Caller
from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import Sidecar, run_sidecar
from tests.rigs.processes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTIONS = ["What is 2 plus 3 times two?"]
OUTCOMES = [{"id": "q1", "cost": {"searches": 0}, "quality": 1.0}]
# A machine that does other things as well is no fault of the client.
PATIENT_S = 60.0


class Served(NamedTuple):
    """A server with keys.

    Parameters
    ----------
    sidecar : Sidecar
        Its process.
    keys : dict of str to str
        By role; ``all`` has every role, and so has ``neighbour``, of another tenant.
    arguments : list of object
        How to start it again.
    """

    sidecar: Sidecar
    keys: dict[str, str]
    arguments: list[object]

    def call(self, kind: str, key: str, **options: object) -> Caller:
        """Make a client of a kind that has one of the keys, or any other."""
        settings = {"timeout_s": PATIENT_S, **options}
        return Caller(kind, self.sidecar.address, key=self.keys.get(key, key), **settings)


def write_keys(path: Path) -> dict[str, str]:
    """Make a key of every role, and two of all roles, of which one is another tenant's."""
    keys = {str(role): add_key(path, "team", [role]) for role in Role}
    keys["all"] = add_key(path, "team", list(Role))
    keys["neighbour"] = add_key(path, "others", list(Role))
    return keys


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with keys, in a process of its own."""
    place = tmp_path_factory.mktemp("served")
    tiny_bundle().save(place / "bundle")
    # A busy machine would otherwise be told to plan without the model, which is another test.
    (place / "router.toml").write_text("deadline_ms = 60000\n", "utf-8")
    keys = write_keys(place / "keys.toml")
    arguments: list[object] = ["--model", place / "bundle", "--config", place / "router.toml"]
    arguments += ["--data", place / "data", "--keys", place / "keys.toml"]
    with run_sidecar(ROOT, arguments) as sidecar:
        yield Served(sidecar, keys, arguments)


@pytest.mark.parametrize("kind", KINDS)
def test_each_role_does_its_part(served: Served, kind: str) -> None:
    """One makes the pool, one plans, one reports; all of them may look at the pool."""
    with (
        served.call(kind, "admin") as admin,
        served.call(kind, "plan") as planner,
        served.call(kind, "report") as reporter,
    ):
        assert admin.call("create_pool", f"parts-{kind}", {"searches": 10}).name == f"parts-{kind}"
        plan = planner.call("allocate", QUESTIONS, {"searches": 1}, pool=f"parts-{kind}")
        assert (plan.source, plan.degraded) == ("service", False)
        assert reporter.call("report", plan, OUTCOMES).status == "delivered"
        pools = [caller.call("get_pool", f"parts-{kind}") for caller in (admin, planner, reporter)]
        assert {pool.reserved["searches"] for pool in pools} == {0}


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_is_not_another(served: Served, kind: str) -> None:
    """A key for one thing is refused for all others, aloud, and never by a plan of one's own."""
    options = {"fallback_option": "toy|s0"}
    with (
        served.call(kind, "report", **options) as reporter,
        served.call(kind, "plan", **options) as planner,
        served.call(kind, "metrics", **options) as watcher,
    ):
        for caller in (reporter, watcher):
            with pytest.raises(AccessError, match="role plan"):
                caller.call("allocate", QUESTIONS, {"searches": 1})
        with pytest.raises(AccessError, match="role admin"):
            planner.call("create_pool", "mine", {"searches": 10})
        plan = planner.call("allocate", QUESTIONS, {"searches": 1})
        with pytest.raises(AccessError, match="role report"):
            planner.call("report", plan, OUTCOMES)
        with pytest.raises(AccessError, match="role"):
            watcher.call("list_pools")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("damage", ["wrong", "missing", "cut", "swapped"])
def test_strangers_are_told_so(
    served: Served, kind: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Any key but a true one is refused, its words in no message; alive is no secret."""
    monkeypatch.delenv("ROUTER_SERVICE_KEY", raising=False)
    true, other = served.keys["all"], served.keys["neighbour"]
    keys = {"wrong": true[:-4] + "aaaa", "cut": true[:-1], "swapped": true[:9] + other[9:]}
    options = {"fallback_option": "toy|s0", "key": keys.get(damage)}
    with Caller(kind, served.sidecar.address, timeout_s=PATIENT_S, **options) as caller:
        with pytest.raises(AccessError) as refused:
            caller.call("allocate", QUESTIONS, {"searches": 1})
        assert true[9:] not in str(refused.value)
        with pytest.raises(AccessError):
            caller.call("list_pools")


@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_do_not_see_each_other(served: Served, kind: str) -> None:
    """Another tenant's pool and plan are not there, and a name of theirs is free for oneself."""
    name = f"shared-{kind}"
    with served.call(kind, "all") as own, served.call(kind, "neighbour") as other:
        own.call("create_pool", name, {"searches": 10})
        plan = own.call("allocate", QUESTIONS, {"searches": 1}, pool=name)
        with pytest.raises(UnknownError):
            other.call("get_pool", name)
        with pytest.raises(UnknownError):
            other.call("allocate", QUESTIONS, pool=name)
        with pytest.raises(UnknownError):
            other.call("report", plan.plan_id, OUTCOMES)
        assert name not in [pool.name for pool in other.call("list_pools")]
        assert other.call("create_pool", name, {"searches": 3}).capacity == {"searches": 3}
        assert own.call("get_pool", name).capacity == {"searches": 10}


@pytest.mark.parametrize("kind", KINDS)
def test_keys_of_requests_are_each_tenants_own(served: Served, kind: str) -> None:
    """The same Idempotency-Key is one plan for one tenant, another for the next, or a conflict."""
    with served.call(kind, "all") as own, served.call(kind, "neighbour") as other:
        keyed = {"idempotency_key": f"once-{kind}"}
        first, again = (own.call("allocate", QUESTIONS, {"searches": 1}, **keyed) for _ in range(2))
        assert first.document == again.document
        theirs = other.call("allocate", QUESTIONS, {"searches": 1}, **keyed)
        assert theirs.plan_id != first.plan_id
        with pytest.raises(ConflictError):
            own.call("allocate", QUESTIONS, {"searches": 2}, **keyed)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dry_pool_says_so(served: Served, kind: str) -> None:
    """What a pool has not is no plan of one's own, but an error of its kind."""
    name = f"dry-{kind}"
    with served.call(kind, "all", fallback_option="toy|s0") as caller:
        caller.call("create_pool", name, {"usd": 0.0001})
        with pytest.raises(PoolExhaustedError):
            caller.call("allocate", QUESTIONS, pool=name, all_or_nothing=True)


@pytest.mark.parametrize("kind", KINDS)
def test_key_that_was_taken_away_opens_nothing(served: Served, kind: str) -> None:
    """From the signal on, without a restart, while other keys go on."""
    file = next(path for path in served.arguments if str(path).endswith("keys.toml"))
    text = add_key(str(file), "team", [Role.PLAN])
    with served.call(kind, text) as caller, served.call(kind, "plan") as other:
        with pytest.raises(AccessError):
            caller.call("list_pools")
        _reload(served, caller, is_known=True)
        remove_key(str(file), text[:8])
        _reload(served, caller, is_known=False)
        assert other.call("list_pools") is not None


def _reload(served: Served, caller: Caller, *, is_known: bool) -> None:
    """Have the keys read anew, and wait until that is so for a caller."""
    served.sidecar.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + PATIENT_S
    while True:
        try:
            caller.call("list_pools")
            found = True
        except AccessError:
            found = False
        if found == is_known:
            return
        assert time.monotonic() < end, "the keys are not read anew"
        time.sleep(0.02)


def test_reports_outlive_the_server(served: Served, tmp_path: Path) -> None:
    """Killed, it grants nothing from pools; a report waits, and reaches the next server once."""
    place = ["--data", tmp_path / "data"]
    arguments = [*served.arguments, *place]
    with run_sidecar(ROOT, arguments) as first:
        last = Served(first, served.keys, arguments)
        with last.call("blocking", "all", spool=tmp_path / "spool") as caller:
            caller.call("create_pool", "night", {"searches": 10})
            plan = caller.call("allocate", QUESTIONS, {"searches": 1}, pool="night")
        with last.call("blocking", "all", spool=tmp_path / "spool", timeout_s=2.0) as caller:
            first.process.kill()
            first.process.wait(PATIENT_S)
            assert caller.call("report", plan, OUTCOMES).status == "queued"
            refused = caller.call("allocate", QUESTIONS, pool="night")
            assert (refused.source, refused.choices[0].status) == ("fallback", "unfunded")
    with run_sidecar(ROOT, arguments) as second:
        last = Served(second, served.keys, arguments)
        with last.call("blocking", "all", spool=tmp_path / "spool") as caller:
            delivery = caller.call("flush")
            assert (delivery.n_delivered, delivery.n_queued, delivery.refused) == (1, 0, ())
            assert caller.call("get_pool", "night").reserved == {"searches": 0}
            assert caller.call("report", plan, OUTCOMES).status == "delivered"
