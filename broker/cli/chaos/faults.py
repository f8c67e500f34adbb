"""Every kind of fault, by name."""

from collections.abc import Mapping

from broker.cli.chaos.fault import Fault
from broker.cli.chaos.fault_processes import CLOCKS, FREEZES, KILLS
from broker.cli.chaos.fault_stores import POSTGRESQL, SQLITE, STORES
from broker.cli.chaos.fault_wires import CALLBACKS, CARRIER, WIRES


def kinds(database: str, *, clocks: bool) -> Mapping[str, Fault]:
    """Return what can be done to a stack on this database; clocks only where they can be shifted."""
    return {
        **KILLS,
        **FREEZES,
        **(CLOCKS if clocks else {}),
        **STORES,
        **(SQLITE if database == "sqlite" else POSTGRESQL),
        **WIRES,
        **CARRIER,
        **CALLBACKS,
    }
