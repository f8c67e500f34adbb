"""`/RetrieveMMS`: the zip of an MMS that arrived (sheet mxtelecom, section 5)."""

from datetime import datetime

from broker.dialects.mxtelecom.arrivals import expiry
from broker.dialects.mxtelecom.params import Params
from broker.domain.ask import ShowArrival
from broker.domain.record import Record
from broker.domain.status import Event
from broker.errors import InvalidField, MissingField

_MOST_DIGITS = 19
_WHOLE = frozenset({Event.READY, Event.LOSE_PART})


def read_retrieval(params: Params) -> ShowArrival:
    """Return which arrival is asked for.

    Raises:
        MissingField, InvalidField: there is no id, or it is none.
    """
    text = params.text("id").strip()
    if not text:
        raise MissingField("is required", pointer="/id")
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and 0 < int(text) < 1 << 63):
        raise InvalidField("is not the id of an MMS", pointer="/id")
    return ShowArrival(number=int(text))


def retrievable_until(record: Record, keep_s: int) -> datetime | None:
    """Return until when an arrival can be fetched; None where it is no MMS that has come in whole."""
    if not record.message.is_mms:
        return None
    whole_at = [event.at for event in record.events if event.type in _WHOLE and event.status is not None]
    return expiry(whole_at[-1], keep_s) if whole_at else None
