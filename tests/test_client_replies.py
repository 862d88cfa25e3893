"""Replies: what becomes of statuses and bodies."""

from __future__ import annotations

import pytest

from router.client.replies import Failure, Refusal, Reply, judge_reply


@pytest.mark.parametrize("status", [100, 301, 401, 404, 422, 500, 501, 599])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[" * 100_000,
        b'{"error": 1}',
        b'{"error": {"code": 1, "message": "m"}}',
        b"\xff",
    ],
)
def test_who_says_no_otherwise_is_not_the_service(status: int, content: bytes) -> None:
    """Only the service's own shape of error is believed; anything else does not pass by itself."""
    judged = judge_reply(Reply(status, content), "GET /")
    assert isinstance(judged, Failure)
    assert not judged.is_passing
    assert str(status) in judged.reason


def test_messages_stay_short_and_in_one_line() -> None:
    """What a peer says is cut before it gets into anybody's log."""
    message = ("words\\n" * 1000).encode()
    content = b'{"error": {"code": "invalid", "message": "' + message + b'"}}'
    judged = judge_reply(Reply(422, content), "GET /")
    assert isinstance(judged, Refusal)
    assert "\n" not in str(judged.error)
    assert len(str(judged.error)) < 500


@pytest.mark.parametrize(("status", "is_answered"), [(408, True), (429, True), (503, False)])
def test_overload_is_no_absence(status: int, is_answered: bool) -> None:  # noqa: FBT001
    """A service that sheds load is there, one behind a gateway that fails may not be."""
    judged = judge_reply(Reply(status, b""), "GET /")
    assert isinstance(judged, Failure)
    assert judged.is_answered == is_answered
    assert judged.is_passing
