"""A sentence encoder behind an address that speaks OpenAI's ``/v1/embeddings``."""

from __future__ import annotations

import http.client
import json
import math
import os
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

import numpy as np

from router.exceptions import EncoderError
from router.features.characters import cap_text
from router.features.encoders.sentences import PROBE_TEXTS, check_embeddings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["KEY_VARIABLE", "WebEncoder"]

KEY_VARIABLE = "ROUTER_ENCODER_KEY"
BATCH_SIZE = 64
# Too many requests, and faults that pass; anything else would be answered the same again.
STATUS_TO_RETRY = frozenset({408, 429, 500, 502, 503, 504})
BACKOFF_S, BACKOFF_MAX_S = 0.5, 8.0
# Sixty-four vectors of 4,096 numbers written out take six megabytes.
ANSWER_SIZE_MAX_BYTES = 64 * 1024 * 1024
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


class _PassingError(Exception):
    """What another attempt may get past, with the seconds that the service asks to wait."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        """Keep reason and wait."""
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True)
class WebEncoder:
    """Embeddings from a service. Its key is read from the environment and stored nowhere.

    Parameters
    ----------
    url : str
        ``https://host/v1/embeddings``, or the host alone; ``http`` too, but then a key goes to this
        machine only. Neither user name nor query, since the address is stored in bundles.
    model : str
        Name of the model to ask for.
    timeout_s : float, default=10.0
        Seconds that one attempt may take to connect, and to send its next piece of the answer.
    n_attempts : int, default=3
        Attempts a batch; between them one waits .5, 1, 2 s and so on, or as long as the service
        asks for, 8 s at most.
    pause_s : float, default=30.0
        Seconds after the last attempt failed in which no other is made, so that plans made while
        the service is down do not all wait for it.
    key_variable : str, default="ROUTER_ENCODER_KEY"
        Environment variable that holds the key; where it is not set, none is sent.
    sleep : callable, default=time.sleep
        Waits so many seconds.
    clock : callable, default=time.monotonic
        Tells seconds.

    Raises
    ------
    EncoderError
        If the address cannot be used.

    Examples
    --------
    >>> WebEncoder("http://localhost:8080", "small").url
    'http://localhost:8080/v1/embeddings'
    """

    url: str
    model: str
    timeout_s: float = 10.0
    n_attempts: int = 3
    pause_s: float = 30.0
    key_variable: str = KEY_VARIABLE
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False, compare=False)
    clock: Callable[[], float] = field(default=time.monotonic, repr=False, compare=False)
    _pause: dict[str, float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Complete and check the address."""
        parts = _split(self.url)
        if parts.path in {"", "/"}:
            object.__setattr__(self, "url", parts._replace(path="/v1/embeddings").geturl())
        if not self.model:
            raise EncoderError(f"{self.url}: a service needs the name of a model")

    @property
    def name(self) -> str:
        """Model and address."""
        return f"{self.model} at {self.url}"

    @property
    def fingerprint(self) -> str:
        """Address and model; whether the same model answers there shows in the probes."""
        return f"web:{self.url}:{self.model}"

    @cached_property
    def dimension(self) -> int:
        """Width of the vectors, asked for once."""
        return int(self._embed_batch(PROBE_TEXTS[:1], None).shape[1])

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn n texts into vectors, as the service gives them.

        Parameters
        ----------
        texts : sequence of str, length n
            Any texts; each is capped at 5,000 characters.

        Returns
        -------
        ndarray of float32, shape (n, d)

        Raises
        ------
        EncoderError
            If the service cannot be reached, refuses, or answers anything but n finite vectors.
        """
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for first in range(0, len(texts), BATCH_SIZE):
            part = texts[first : first + BATCH_SIZE]
            vectors[first : first + len(part)] = self._embed_batch(part, self.dimension)
        return vectors

    def _embed_batch(self, texts: Sequence[str], dimension: int | None) -> NDArray[np.float32]:
        """Ask for one batch, again where a fault may pass."""
        left_s = self._pause.get("end", -math.inf) - self.clock()
        if left_s > 0.0:
            raise EncoderError(
                f"encoder {self.name!r} failed and is asked again in {math.ceil(left_s)} s"
            )
        # Services refuse an empty text; a blank says as little.
        readable = [cap_text(text).encode("utf-8", "replace").decode() or " " for text in texts]
        body = {"model": self.model, "input": readable, "encoding_format": "float"}
        content = json.dumps(body).encode()
        for attempt in range(1, self.n_attempts + 1):
            try:
                answer = self._post(content)
                break
            except _PassingError as problem:
                if attempt == self.n_attempts:
                    self._pause["end"] = self.clock() + self.pause_s
                    raise EncoderError(
                        f"encoder {self.name!r}: {problem}, {attempt} attempts made"
                    ) from None
                wait_s = max(BACKOFF_S * 2 ** (attempt - 1), problem.wait_s)
                self.sleep(min(wait_s, BACKOFF_MAX_S))
        return check_embeddings(self._read(answer, len(texts)), len(texts), dimension, self.name)

    def _post(self, content: bytes) -> bytes:
        """Send one request on a connection of its own and return the answer's body."""
        parts = _split(self.url)
        kind = (
            http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        )
        connection = kind(parts.hostname or "", parts.port, timeout=self.timeout_s)
        try:
            connection.request("POST", parts.path, content, self._make_headers(parts))
            response = connection.getresponse()
            body = response.read(ANSWER_SIZE_MAX_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            detail = "timed out" if isinstance(error, TimeoutError) else str(error)
            raise _PassingError(f"no answer ({detail or type(error).__name__})") from None
        finally:
            connection.close()
        if response.status in STATUS_TO_RETRY:
            wait = response.getheader("Retry-After", "")
            wait_s = float(wait) if wait.isascii() and wait.isdecimal() else 0.0
            raise _PassingError(f"status {response.status}", wait_s)
        if response.status != http.client.OK:
            # Redirections are not followed: the key would go wherever they point.
            raise EncoderError(f"encoder {self.name!r}: status {response.status}")
        if len(body) > ANSWER_SIZE_MAX_BYTES:
            raise EncoderError(
                f"encoder {self.name!r}: the answer is larger than {ANSWER_SIZE_MAX_BYTES} bytes"
            )
        return body

    def _make_headers(self, parts: SplitResult) -> dict[str, str]:
        """Write the headers, the key among them where there is one."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        key = os.environ.get(self.key_variable)
        if not key:
            return headers
        if parts.scheme != "https" and parts.hostname not in LOCAL_HOSTS:
            raise EncoderError(
                f"{self.url}: {self.key_variable} is set and would be sent unencrypted: use https"
            )
        if not key.isascii() or not key.isprintable():
            raise EncoderError(f"{self.key_variable}: holds characters that no header may have")
        return headers | {"Authorization": f"Bearer {key}"}

    def _read(self, answer: bytes, n_texts: int) -> list[Any]:
        """Read the vectors of an answer, in the order of the texts."""
        try:
            entries = json.loads(answer)["data"]
            found = {int(entry["index"]): entry["embedding"] for entry in entries}
        except (LookupError, TypeError, ValueError, OverflowError, RecursionError):
            raise EncoderError(
                f"encoder {self.name!r}: the answer is no JSON with data, index and embedding"
            ) from None
        if len(entries) != n_texts or set(found) != set(range(n_texts)):
            raise EncoderError(
                f"encoder {self.name!r}: {len(entries)} vectors for {n_texts} texts, or numbered "
                "otherwise than from 0"
            )
        return [found[row] for row in range(n_texts)]


def _split(url: str) -> SplitResult:
    """Take an address apart, and refuse one that cannot be used."""
    # Neither a password nor what a query holds belongs in a message.
    shown = url.rpartition("@")[2].partition("?")[0].partition("#")[0]
    try:
        parts = urlsplit(url)
        port_fits = parts.port is None or parts.port > 0
        # What a request cannot carry is told now, not as a fault of the first one.
        (parts.hostname or "").encode("idna")
        parts.path.encode("ascii")
    except ValueError:
        raise EncoderError(f"{shown!r} is no address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        raise EncoderError(f"{shown!r} is no address: https://host/v1/embeddings is the form")
    if parts.username is not None or parts.query or parts.fragment:
        raise EncoderError(
            f"{parts.hostname}: the address of an encoder is stored, so it may hold neither a "
            "user name nor a query; a key comes from the environment"
        )
    return parts
