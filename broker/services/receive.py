"""Make messages of what arrived for our numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from types import MappingProxyType
from urllib.parse import unquote

import msgspec
import orjson

from broker.domain.event import Inbound
from broker.domain.filename import name_in
from broker.domain.ids import new_id, stable_number
from broker.domain.message import Direction, Message, Part, Tag
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.services.outcome import at
from broker.services.owing import begun
from broker.services.reports import Heard
from broker.settings import Settings
from broker.storage import messages
from broker.storage.database import Sql
from broker.storage.messages import Fresh, Moved
from broker.storage.parked import Parked

LONGEST = 255
"""Longest address that is kept; an MMS may come from a mail address."""
NOBODYS = "nobody's number"
"""Why an arrival is parked."""
LONGEST_REF = 64
"""Longest reference of a carrier that is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """What came of arrivals.

    `added` are the new messages, each with the time the carrier names; `fetching` those whose media is to be fetched,
    `moved` what all became, `quarantined` what came for numbers that are nobody's.
    """

    fetching: tuple[str, ...]
    added: tuple[tuple[Message, datetime], ...]
    moved: tuple[Moved, ...]
    quarantined: tuple[Parked, ...]


def receive(
    sql: Sql,
    came: Sequence[Heard[Inbound]],
    owners: Mapping[str, str],
    *,
    now_ms: int,
    settings: Settings,
    traces: Mapping[str | None, str] = MappingProxyType({}),
) -> Arrivals:
    """Record arrivals, within the traces of their webhooks by digest; one that came before is not recorded again."""
    ours = [heard for heard in came if heard[1].recipient in owners]
    fresh = [
        _traced(
            _fresh(name, inbound, digest, owners[inbound.recipient], now_ms, settings), traces.get(digest, "")
        )
        for name, inbound, digest in ours
    ]
    added = messages.add(sql, fresh)
    return Arrivals(
        fetching=tuple(item.message.id for item in fresh if item.message.id in added and item.message.parts),
        added=tuple(
            (item.message, inbound.at)
            for item, (_, inbound, _) in zip(fresh, ours, strict=True)
            if item.message.id in added
        ),
        moved=tuple(begun(fresh, added)),
        quarantined=tuple(
            _quarantined(name, inbound, digest, now_ms, traces.get(digest, ""))
            for name, inbound, digest in came
            if inbound.recipient not in owners
        ),
    )


def _traced(fresh: Fresh, trace: str) -> Fresh:
    return replace(fresh, message=replace(fresh.message, trace=trace)) if trace else fresh


def _fresh(
    name: str, inbound: Inbound, digest: str | None, account: str, now_ms: int, settings: Settings
) -> Fresh:
    now = at(now_ms)
    message_id = new_id(now_ms)
    message = Message(
        id=message_id,
        # Nobody checks that it is new, and many come in one millisecond: all 63 bits are by chance.
        number=stable_number(message_id),
        account=account,
        dialect="native",
        direction=Direction.IN,
        status=Status.RECEIVED,
        originator=inbound.originator[:LONGEST],
        recipient=inbound.recipient,
        text=inbound.text,
        tags=_tags(inbound),
        parts=tuple(_part(index, url) for index, url in enumerate(inbound.media, start=1)),
        connection=name,
        created_at=now,
        valid_until=now + timedelta(seconds=settings.media_retry_s),
        provider_ref=inbound.provider_ref[:LONGEST_REF],
    )
    return Fresh(
        message=message,
        event=Event.FETCH if message.parts else Event.READY,
        due_at=now_ms if message.parts else now_ms + round(settings.arrival_s * 1000),
        inbound_key=inbound_key(name, inbound),
        webhook=digest,
    )


def inbound_key(name: str, inbound: Inbound) -> str:
    """Return what makes an arrival over a connection the same arrival."""
    return sha256(f"{name}:{inbound.key}".encode()).hexdigest()


def _part(index: int, url: str) -> Part:
    # Only the bytes tell the type; until they are here the part goes by the name in its link.
    return Part(index=index, name=unquote(name_in(url)), url=url)


def _tags(inbound: Inbound) -> tuple[Tag, ...]:
    known = [
        Tag(name="provider_message_id", value=inbound.provider_ref),
        Tag(name="segment_count", value=str(inbound.segments)),
    ]
    if inbound.others:
        known.append(Tag(name="other_recipients", value=",".join(inbound.others)))
    return tuple(known)


def _quarantined(name: str, inbound: Inbound, digest: str | None, now_ms: int, trace: str) -> Parked:
    traced = {"trace": trace} if trace else {}
    return Parked(
        connection=name,
        key=inbound.key,
        news=orjson.dumps({**asdict(inbound), "webhook": digest, **traced}).decode(),
        reason=NOBODYS,
        at=at(now_ms),
        due_at=None,
        recipient=inbound.recipient[:LONGEST],
    )


def load(text: str) -> tuple[Inbound, str | None]:
    """Return the arrival kept as `text`, and the digest of its webhook; what a newer version kept is left out."""
    known = orjson.loads(text)
    return msgspec.convert(known, Inbound), known.get("webhook")


def trace_of(text: str) -> str:
    """Return the trace of the webhook that brought an arrival kept as `text`; empty where it is not traced."""
    return str(orjson.loads(text).get("trace", ""))
