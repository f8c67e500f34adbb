"""What a message costs, and when the price is given back."""

from broker.domain.status import Status

PRICE = 1
"""Credits of one message, which has one recipient."""

_WITHOUT_HAND_OVER = frozenset(
    {Status.ACCEPTED, Status.PREPARING, Status.SCHEDULED, Status.QUEUED, Status.RETRYING, Status.SUBMITTING}
)
_EVIDENCE = frozenset({Status.DELIVERED, Status.READ})


def first_price(status: Status) -> int:
    """Return what a message costs that is recorded with a status: nothing where that ends it at once."""
    return units_after(PRICE, Status.ACCEPTED, status, perhaps_sent=False)


def units_after(units: int, before: Status, after: Status, *, perhaps_sent: bool) -> int:
    """Return what a message costs after a move, given what it cost before.

    The price is given back when every try failed before the carrier had the message. `perhaps_sent` says that the
    carrier may have it: its answer to some attempt was lost, or it gave a reference. A delivery is proof, however
    late, and is charged again.
    """
    if after in _EVIDENCE:
        return PRICE
    if perhaps_sent or before not in _WITHOUT_HAND_OVER:
        return units
    if after is Status.EXPIRED and before is Status.SUBMITTING:
        return units  # the carrier said so
    ended = after in {Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.CANCELLED}
    return 0 if ended else units
