"""What only the blocking client has: threads, forks, and a loop behind it."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from router.client import Client, blocking
from router.exceptions import ServiceError
from tests.contracts.clients import PLAN, Peer

if TYPE_CHECKING:
    from pathlib import Path

BUDGET = {"usd": 0.01}
FORK = """
import os
from router.client import Client
from tests.contracts.clients import Peer
client = Client(transport=Peer())
assert client.allocate(["Who?"], {"usd": 1}).source == "service"
child = os.fork()
assert client.allocate(["Who?"], {"usd": 1}).source == "service"
if child == 0:
    os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
client.close()
"""


def test_threads_share_a_client() -> None:
    """Calls from many threads at once are answered, each with a key of its own."""
    peer = Peer()
    with Client(transport=peer, timeout_s=30) as client, ThreadPoolExecutor(8) as pool:
        plans = list(pool.map(lambda _: client.allocate(["Who?"], BUDGET), range(64)))
    assert [plan.plan_id for plan in plans] == [PLAN["plan_id"]] * 64
    assert len(set(peer.keys)) == 64


def test_client_works_inside_a_running_loop() -> None:
    """A program that is asynchronous elsewhere may still call it, and gets an answer."""

    async def plan() -> str:
        with Client(transport=Peer()) as client:
            return client.allocate(["Who?"], BUDGET).source

    assert asyncio.run(plan()) == "service"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_process_goes_on(repository_root: Path) -> None:
    """A child has no thread of its parent's, and is not held up for ever by one."""
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        cwd=repository_root,
        env={**os.environ, "PYTHONPATH": str(repository_root)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_thread_that_does_not_run_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the loop is stuck the caller gets an error soon after the time is up."""
    monkeypatch.setattr(blocking, "GRACE_S", 0.1)
    stuck = asyncio.new_event_loop()
    monkeypatch.setattr(blocking._LOOP_THREAD, "get", lambda: stuck)
    client = Client(transport=Peer(), timeout_s=0.1)
    with pytest.raises(ServiceError, match="in time"):
        client.list_pools()
    stuck.run_until_complete(asyncio.sleep(0))
    stuck.close()
