"""Traces: what happens to a message, from its request to what its customer is told, as spans of one trace."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Self

from broker.errors import ConfigurationError
from broker.settings import Settings

EXPORT_S = 5.0
"""How long the collector may take: nobody waits for it but the end of a process."""

Attributes = Mapping[str, str | int | float]


class Kind(StrEnum):
    """What a span is of: an answer of ours, a call of ours, or work within."""

    SERVER = "SERVER"
    CLIENT = "CLIENT"
    INTERNAL = "INTERNAL"


class Open:
    """A span that has not ended."""

    def __init__(self, span: Any) -> None:
        self._span = span

    def say(self, attributes: Attributes) -> None:
        """Add what has come of it."""
        self._span.set_attributes(dict(attributes))


class Tracing:
    """Makes spans at our own seams, and hands them to a collector. Where it is not wanted there is none of it.

    A trace travels as its `traceparent` (W3C Trace Context), an empty one where nothing is traced. Attributes are ids,
    connections and words of ours: never a text, a number, a URL or the text of an error.
    """

    def __init__(self, provider: Any) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._tracer = provider.get_tracer("ringpost")
        self._wire = TraceContextTextMapPropagator()

    @classmethod
    def open(cls, settings: Settings, *, process: str) -> Self | None:
        """Return what traces a process, if a collector is named.

        Raises:
            ConfigurationError: one is, and the extra `otel` is not installed.
        """
        if not settings.tracing_endpoint:
            return None
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased, TraceIdRatioBased
        except ImportError as error:
            raise ConfigurationError(
                "BROKER_TRACING_ENDPOINT needs the extra otel: ringpost[otel]"
            ) from error
        # By the trace's id, so that all processes decide alike; who calls may say no for his own trace.
        share = TraceIdRatioBased(settings.tracing_share)
        provider = TracerProvider(
            resource=Resource.create({"service.name": "ringpost", "ringpost.process": process}),
            sampler=ParentBased(share, remote_parent_sampled=share, remote_parent_not_sampled=ALWAYS_OFF),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=settings.tracing_endpoint, timeout=EXPORT_S)
        provider.add_span_processor(BatchSpanProcessor(exporter))
        return cls(provider)

    @contextmanager
    def span(
        self, name: str, *, parent: str = "", kind: Kind = Kind.INTERNAL, attributes: Attributes | None = None
    ) -> Iterator[Open]:
        """Make a span of what is done meanwhile; `here` is within it."""
        with self._tracer.start_as_current_span(
            name,
            context=self._within(parent),
            kind=_kind(kind),
            attributes=dict(attributes or {}),
            record_exception=False,  # the text of an error may hold anything
            set_status_on_exception=False,
        ) as span:
            yield Open(span)

    def note(
        self,
        name: str,
        *,
        parent: str,
        began_s: float,
        ended_s: float | None = None,
        kind: Kind = Kind.INTERNAL,
        attributes: Attributes | None = None,
        link: str = "",
    ) -> None:
        """Make a span of what has been done (Unix times), if it is traced; it may link to another trace's span."""
        if parent:
            span = self._tracer.start_span(
                name,
                context=self._within(parent),
                kind=_kind(kind),
                attributes=dict(attributes or {}),
                start_time=round(began_s * 1e9),
                links=self._links(link),
            )
            span.end(round((time.time() if ended_s is None else ended_s) * 1e9))

    def here(self) -> str:
        """Return the `traceparent` of the span that this is within; empty if none is kept."""
        from opentelemetry.trace import get_current_span

        if not get_current_span().get_span_context().trace_flags.sampled:
            return ""
        carried: dict[str, str] = {}
        self._wire.inject(carried)
        return carried.get("traceparent", "")

    def close(self) -> None:
        """Hand over what is left."""
        self._provider.shutdown()

    def _within(self, parent: str) -> Any:
        from opentelemetry.context import Context

        return self._wire.extract({"traceparent": parent}, context=Context())

    def _links(self, other: str) -> Any:
        from opentelemetry.trace import Link, get_current_span

        return [Link(get_current_span(self._within(other)).get_span_context())] if other else None


def _kind(kind: Kind) -> Any:
    from opentelemetry.trace import SpanKind

    return SpanKind[kind]
