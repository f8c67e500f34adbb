"""Start one ingress process: `python -m broker`."""

import sys

import uvloop

from broker import log
from broker.errors import ConfigurationError
from broker.ingress.serving import serve
from broker.settings import Settings


def main() -> int:
    """Run the ingress with the settings of the environment and return the exit status."""
    try:
        settings = Settings.load()
        log.configure(level=settings.log_level, form=settings.log_format, process="ingress")
        uvloop.run(serve(settings))
    except ConfigurationError as error:
        sys.stderr.write(f"broker: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
