"""What to try about dead letters."""

import pytest

from broker.domain.dead import DIED, LOST, Kind
from broker.domain.remedy import remedy


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (Kind.MESSAGE, DIED, "out-of-memory"),
        (Kind.WEBHOOK, LOST, "discard"),
        (Kind.MESSAGE, "OverflowError", "too large for the database"),
        (Kind.MESSAGE, "StorageAway from OperationalError from OperationalError", "full disk"),
        (Kind.WEBHOOK, "ConfigurationError from InvalidToken", "another secret key"),
        (Kind.WEBHOOK, "KeyError", "The carrier does not send them again"),
        (Kind.MEDIA, "SyntaxError", "goes on without it"),
        (Kind.CALLBACK, "KeyError", "A mistake of ours"),
    ],
)
def test_each_cause_has_something_to_try(kind: Kind, error: str, words: str) -> None:
    assert words in remedy(kind, error)
