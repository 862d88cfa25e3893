"""Traces: where a request's time goes, told to a collector, and nothing that a client wrote."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Literal

from router import __version__
from router.exceptions import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Span, Tracer
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Fact", "Spot", "Step", "Traces", "Tracing"]

Step = Literal["plan", "predict", "curve", "ledger", "replan"]
Fact = Literal["n_questions", "n_changes", "n_reports", "is_fallback"]

SERVICE = "compute-allocation-router"
# An orchestrator and a monitor ask these all day long, and nobody wants to see that.
UNTRACED = frozenset({"/metrics", "/v2/health/live", "/v2/health/ready"})
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"


class Spot:
    """A place in a trace, which takes facts: names from a closed set, and numbers only.

    Parameters
    ----------
    span : Span, optional
        Where facts are written; without one they are dropped.
    """

    __slots__ = ("_span",)

    def __init__(self, span: Span | None = None) -> None:
        """Take the span."""
        self._span = span

    def note(self, fact: Fact, value: float) -> None:
        """Write down a fact.

        Parameters
        ----------
        fact : str
            Its name.
        value : int, float or bool
            A number: a text would be one that somebody asked or gave a name.
        """
        if self._span is not None:
            self._span.set_attribute(f"router.{fact}", value)


NOWHERE = nullcontext(Spot())


class Traces:
    """Spans of requests and of the steps within them.

    Parameters
    ----------
    provider : TracerProvider, optional
        What takes the spans; without one nothing is traced, at next to no cost.

    Examples
    --------
    >>> with Traces().span("plan") as spot:
    ...     spot.note("n_questions", 3)
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        """Take the provider."""
        self._provider = provider
        self._tracer = None if provider is None else provider.get_tracer(SERVICE, __version__)

    @classmethod
    def open(cls, url: str) -> Traces:
        """Send spans to a collector, in the background and in batches.

        Parameters
        ----------
        url : str
            Where it takes OTLP over HTTP, as ``http://localhost:4318/v1/traces``.

        Returns
        -------
        Traces

        Raises
        ------
        InputError
            If it is no address of the web.
        MissingExtraError
            If the extra ``[traces]`` is not installed.

        Examples
        --------
        >>> Traces.open("localhost")
        Traceback (most recent call last):
        ...
        router.exceptions.InputError: traces: 'localhost' is no address, as http://...
        """
        if not url.startswith(("http://", "https://")):
            raise InputError(
                f"traces: {url!r} is no address, as http://localhost:4318/v1/traces is one"
            )
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            raise MissingExtraError.for_extra("traces", "tracing") from None
        # Named outright: what a machine, a user and a process are called is nobody's business.
        resource = Resource({"service.name": SERVICE, "service.version": __version__})
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=url)))
        return cls(provider)

    @property
    def is_on(self) -> bool:
        """Whether anybody takes the spans."""
        return self._tracer is not None

    def span(self, step: Step) -> AbstractContextManager[Spot]:
        """Trace a step of a request.

        Parameters
        ----------
        step : str
            Which.

        Returns
        -------
        context manager of Spot
            The step lasts as long as it is open. An error that passes marks it, without its words.
        """
        return NOWHERE if self._tracer is None else _open_span(self._tracer, step)

    @contextmanager
    def trace_request(self, method: str) -> Iterator[Span | None]:
        """Trace a request, whose steps then stand below it.

        Parameters
        ----------
        method : str
            Of HTTP.

        Yields
        ------
        Span or None
            Where route and status belong; None where nothing is traced.
        """
        if self._tracer is None:
            yield None
            return
        known = method if method in METHODS else OTHER
        # No parent is taken from the request: its identifiers are the client's own.
        with _start(self._tracer, known, is_request=True) as span:
            span.set_attribute("http.request.method", known)
            yield span

    def close(self) -> None:
        """Send what is still waiting, and end."""
        if self._provider is not None:
            self._provider.shutdown()


class Tracing:
    """An application around an application, which traces each request and changes none.

    Parameters
    ----------
    app : ASGIApp
        What answers.
    traces : Traces
        Where requests are traced.
    """

    def __init__(self, app: ASGIApp, traces: Traces) -> None:
        """Take what answers and what traces."""
        self._app = app
        self._traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and trace how that went.

        Parameters
        ----------
        scope : dict
            Of the connection; routing leaves the route in it.
        receive : callable
            Passed on.
        send : callable
            Passed on; the status is read as it comes by.
        """
        if scope["type"] != "http" or scope["path"] in UNTRACED:
            await self._app(scope, receive, send)
            return
        status = 0

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._traces.trace_request(scope["method"]) as span:
            try:
                await self._app(scope, receive, note_status)
            except Exception:
                # What answers a defect stands outside of this, and answers with this status.
                status = status or 500
                raise
            finally:
                template = getattr(scope.get("route"), "path", OTHER)
                if span is not None:
                    span.set_attribute("http.route", template)
                    span.set_attribute("http.response.status_code", status)


@contextmanager
def _start(tracer: Tracer, name: str, *, is_request: bool = False) -> Iterator[Span]:
    """Start a span that keeps the words of errors to itself."""
    from opentelemetry.context import Context
    from opentelemetry.trace import SpanKind, StatusCode

    with tracer.start_as_current_span(
        name,
        context=Context() if is_request else None,
        kind=SpanKind.SERVER if is_request else SpanKind.INTERNAL,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except BaseException:
            span.set_status(StatusCode.ERROR)
            raise


@contextmanager
def _open_span(tracer: Tracer, step: Step) -> Iterator[Spot]:
    """Open the span of a step."""
    with _start(tracer, step) as span:
        yield Spot(span)
