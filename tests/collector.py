"""A collector of traces on a socket of its own: it keeps what it is handed, as it came and as spans."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A span that came; times are Unix seconds."""

    name: str
    trace: str
    id: str
    parent: str
    process: str
    kind: int
    began: float
    ended: float
    attributes: Mapping[str, str]
    links: tuple[str, ...]


class Collector:
    """Takes OTLP over HTTP until it is closed."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        taken = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                taken.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def close(self) -> None:
        """Take no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def spans(self) -> list[Seen]:
        """Everything that came, by its beginning."""
        found = []
        for body in list(self.bodies):
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                about = {one.key: one.value.string_value for one in resource.resource.attributes}
                for scope in resource.scope_spans:
                    found += [_seen(span, about["ringpost.process"]) for span in scope.spans]
        return sorted(found, key=lambda span: span.began)


def _seen(span: object, process: str) -> Seen:
    return Seen(
        name=span.name,  # type: ignore[attr-defined]  # made by protobuf as it is loaded
        trace=span.trace_id.hex(),  # type: ignore[attr-defined]
        id=span.span_id.hex(),  # type: ignore[attr-defined]
        parent=span.parent_span_id.hex(),  # type: ignore[attr-defined]
        process=process,
        kind=span.kind,  # type: ignore[attr-defined]
        began=span.start_time_unix_nano / 1e9,  # type: ignore[attr-defined]
        ended=span.end_time_unix_nano / 1e9,  # type: ignore[attr-defined]
        links=tuple(one.trace_id.hex() for one in span.links),  # type: ignore[attr-defined]
        attributes={
            one.key: one.value.string_value or str(one.value.int_value)
            for one in span.attributes  # type: ignore[attr-defined]
        },
    )
