"""What arrived, as MX Telecom pushes it: by GET, or as a form with the zip in it (sheet mxtelecom, sections 5, 8.2)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from urllib.parse import urlencode

from broker.dialects.mxtelecom.package import Piece, pack
from broker.dialects.mxtelecom.stamps import write, write_local
from broker.domain.callback import Callback, InboundMode
from broker.domain.content_type import PLAIN
from broker.domain.ids import stable_number
from broker.domain.message import Message, PartKind, PartState
from broker.domain.text import Alphabet, segments
from broker.domain.wire import Request

KEEP_S = 7 * 24 * 3600
"""How long an MMS can be fetched after it arrived, where nothing else is said."""
MMS, SMS = b"2", b"6"
LATIN = "iso-8859-15"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_UNKNOWN = b"UNKNOWN"
"""The network of virtual mobile numbers, and of all whose network no carrier tells."""

Fields = list[tuple[str, bytes]]


def pushed(callback: Callback, *, keep_s: int, retrieve_url: str = "") -> Request:
    """Return the request that brings an arrival to its customer, or for an MMS by GET says that it can be fetched.

    From where is said too if there is a `retrieve_url`; the customer adds its credentials.
    """
    message, manner = callback.message, callback.manner
    fields = _fields(callback, is_mms=message.is_mms)
    if manner.inbound is InboundMode.GET:
        if message.is_mms:
            fields.append(("expiry", write(expiry(callback.at, keep_s), manner.dates).encode()))
            if retrieve_url:
                fields.append(("url", f"{retrieve_url}?id={fields[0][1].decode()}".encode()))
        return get(callback.url, fields)
    files = {"mms.zip": pack(pieces_of(message, callback.files))} if message.is_mms else {}
    return _posted(callback, fields, files)


def expiry(whole_at: datetime, keep_s: int) -> datetime:
    """Return until when an MMS can be fetched that had come in whole at a time."""
    return whole_at + timedelta(seconds=keep_s)


def get(url: str, fields: Sequence[tuple[str, bytes]]) -> Request:
    """Return the GET of a customer's URL with more parameters."""
    address = url.partition("#")[0]
    return Request(method="GET", url=f"{address}{'&' if '?' in address else '?'}{urlencode(fields)}")


def digits(address: str) -> bytes:
    """Return a number as this API writes it: without the plus sign."""
    return address.removeprefix("+").encode()


def pieces_of(message: Message, files: Mapping[int, bytes]) -> list[Piece]:
    """Return what an arrival's zip holds: the layout, the parts that are here, and the text that came beside them."""
    shown = [part for part in message.parts if part.state is PartState.STORED and part.index in files]
    pieces = [
        Piece(
            name=part.name or f"part{part.index}",
            content_type=part.content_type,
            data=_utf_8(files[part.index]) if part.kind is PartKind.TEXT else files[part.index],
            kind=part.kind,
        )
        for part in sorted(shown, key=lambda part: part.kind is not PartKind.LAYOUT)
    ]
    text = message.text.encode()
    if text and not any(
        piece.kind is PartKind.TEXT and piece.data.strip() == text.strip() for piece in pieces
    ):
        pieces.append(Piece(name="text.txt", content_type=PLAIN, data=text, kind=PartKind.TEXT))
    return pieces


def _fields(callback: Callback, *, is_mms: bool) -> Fields:
    """Return the parameters of an arrival (section 5). `cc` is not among them: no carrier of ours tells copies apart,
    so whoever else got it is one more `to`.
    """
    message = callback.message
    number = str(message.number or stable_number(message.id)).encode()
    others = next((tag.value.split(",") for tag in message.tags if tag.name == "other_recipients"), [])
    fields: Fields = [
        ("id", number),
        ("from", digits(message.originator)),
        *(("to", digits(one)) for one in (message.recipient, *others)),
        ("date", write(message.created_at, callback.manner.dates).encode()),
        ("type", MMS if is_mms else SMS),
        ("network", _UNKNOWN),
    ]
    if not is_mms:
        return fields + _sms(message, number)
    return fields + ([("subject", message.subject.encode())] if message.subject else [])


def _sms(message: Message, number: bytes) -> Fields:
    """Return a text by the names of the SMS interface too, for the clients that know only those."""
    text = message.text.encode(LATIN, "replace")
    exact = segments(message.text).alphabet is Alphabet.GSM7 and text.decode(LATIN) == message.text
    return [
        ("smsfrom", digits(message.originator)),
        ("smsto", digits(message.recipient)),
        ("smsdate", write_local(message.created_at).encode()),
        ("smsid", number),
        ("smsmsg", text),
        ("bits", b"7" if exact else b"16"),
        *([] if exact else [("smsucs2", message.text.encode("utf-16-be").hex().upper().encode())]),
    ]


def _posted(callback: Callback, fields: Fields, files: Mapping[str, bytes]) -> Request:
    boundary = sha256(callback.id.encode()).hexdigest()[:32]
    pieces: list[bytes] = []
    for name, value in fields:
        kind = f"\r\nContent-Type: text/plain; charset={LATIN}" if name == "smsmsg" else ""
        pieces.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{kind}\r\n\r\n'.encode())
        pieces += [value, b"\r\n"]
    for name, data in files.items():
        described = f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\nContent-Type: application/zip'
        pieces += [f"--{boundary}\r\n{described}\r\n\r\n".encode(), data, b"\r\n"]
    pieces.append(f"--{boundary}--\r\n".encode())
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return Request(method="POST", url=callback.url, headers=headers, body=b"".join(pieces))


def _utf_8(text: bytes) -> bytes:
    """Return a text in UTF-8, which its package demands; phones write UTF-16 with its mark, or Latin letters."""
    try:
        return text.decode("utf-16" if text.startswith(_UTF_16) else "utf-8").encode()
    except UnicodeDecodeError:
        return text.decode("latin-1").encode()
