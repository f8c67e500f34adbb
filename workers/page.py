"""The page on which this process shows what it counts."""

import structlog

from broker.metrics.listener import Listener
from broker.metrics.meter import Meter
from broker.settings import Settings

log = structlog.get_logger()


def serve(meter: Meter, settings: Settings) -> Listener | None:
    """Show a meter for as long as the process lives; it works on without, where the port is not to be had."""
    try:
        listener = Listener(meter.page, host=settings.metrics_host, port=settings.metrics_port)
    except OSError as error:
        log.error("metrics_not_shown", port=settings.metrics_port, reason=error.strerror)
        return None
    log.info("metrics_shown", host=settings.metrics_host, port=listener.port)
    return listener
