"""Messages that a carrier may have had twice."""

from collections.abc import Mapping
from typing import Any

from broker.domain.status import REPORTS, Event


def shows(row: Mapping[str, Any], event: Event, attempt: int | None) -> bool:
    """Say whether news of an attempt shows that a later one was a repeat: its carrier had said it had not taken it."""
    return (
        attempt is not None
        and attempt < row["attempts"]
        and event in REPORTS
        and not row["possible_duplicate"]
    )
