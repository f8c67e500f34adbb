"""What `doctor` looks at, in its order."""

from collections.abc import Sequence

from broker.cli.checks import machine, servers, stack, store
from broker.cli.doctor import Check

CHECKS: Sequence[Check] = (
    machine.python,
    machine.packages,
    machine.open_files,
    machine.disk,
    stack.secret,
    stack.folders,
    stack.processes,
    stack.public_url,
    store.redis,
    store.database,
    servers.ingress,
    servers.flower,
)
