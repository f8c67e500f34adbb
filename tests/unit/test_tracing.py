"""Tracing is an extra: who does not want it pays nothing, who wants it without the extra is told so."""

import subprocess
import sys

from aiohttp import web

from broker.ingress.traced import traced
from broker.settings import Settings
from broker.tracing import Tracing
from tests.conftest import SECRET_KEY


def run(program: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, check=False, timeout=60
    )


async def handler(request: web.BaseRequest) -> web.StreamResponse:
    raise AssertionError(request)


def test_where_no_collector_is_named_nothing_is_traced_and_no_handler_is_wrapped(settings: Settings) -> None:
    assert Tracing.open(settings, process="test") is None
    assert traced(handler, None, route="/") is handler


def test_who_does_not_trace_loads_none_of_it() -> None:
    program = "import sys, broker.ingress.app, broker.runtime, workers.main, workers.scheduler; "
    program += "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    done = run(program)
    assert done.returncode == 0, done.stderr


def test_without_the_extra_a_collector_is_refused_in_plain_words() -> None:
    program = "import sys; sys.modules['opentelemetry.sdk'] = None; "
    program += "from broker.settings import Settings; from broker.tracing import Tracing; "
    program += "Tracing.open(Settings.load(), process='test')"
    env = {"BROKER_SECRET_KEY": SECRET_KEY, "BROKER_TRACING_ENDPOINT": "http://127.0.0.1:9/v1/traces"}
    done = run(program, **env)
    assert "ConfigurationError: BROKER_TRACING_ENDPOINT needs the extra otel" in done.stderr
