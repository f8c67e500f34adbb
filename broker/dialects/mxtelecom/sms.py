"""A request to send an SMS into a draft (sheet mxtelecom, sections 3.2, 8.1)."""

from broker.dialects.base import is_clean
from broker.dialects.mxtelecom.header import read_header
from broker.dialects.mxtelecom.mms import NOTE_LIMIT, SUBACCOUNT_LIMIT
from broker.dialects.mxtelecom.numbers import read_recipient, read_sms_originator
from broker.dialects.mxtelecom.options import Options
from broker.dialects.mxtelecom.params import Params
from broker.domain import gsm
from broker.domain.draft import Draft
from broker.domain.message import Tag
from broker.domain.text import cut, segments
from broker.errors import InvalidField, MissingField

BODIES = ("smsmsg", "smsia5", "smsucs2")
SENDER, HEADER = "smsfrom", "smsudh"
CARRIER_LIMIT = 64
LONGEST_VP_S = 366 * 24 * 3600
_DAY_S = 24 * 3600
_MOST_OF = {"1": 5, "2": 4, "3": 5}
"""Most parts of a text by the value of `split`."""


def read_sms(params: Params, *, options: Options) -> Draft:
    """Return the draft of a request.

    Raises:
        RequestError: it cannot be used; the checks have the order of section 3.2, from step 5 on.
    """
    recipient = params.text("smsto").strip()
    if not recipient:
        raise MissingField("is required", pointer="/smsto")
    if not any(params.raw(name) for name in BODIES):
        raise MissingField("is required", pointer=f"/{BODIES[0]}")
    originator = params.text(SENDER).strip()
    originator = read_sms_originator(originator) if originator else ""
    recipient = _recipient(params)
    tags = _tags(params)
    text, pieces = _pieces(params, _text(params, options))
    return Draft(
        recipients=(recipient,),
        originator=originator or None,
        text=text,
        pieces=pieces,
        tags=tags,
        validity_s=_number(params, "vp", least=1, most=LONGEST_VP_S, default=_DAY_S),
        numbered=True,
        note=params.line("note", NOTE_LIMIT),
        subaccount=params.line("subaccount", SUBACCOUNT_LIMIT),
        reports=_number(params, "report", least=0, most=7, default=0),
    )


def _recipient(params: Params) -> str:
    given = params.texts("smsto")
    if len(given) > 1:
        raise InvalidField("is there twice: one request is for one number", pointer="/smsto")
    return read_recipient(given[0], "/smsto")


def _tags(params: Params) -> tuple[Tag, ...]:
    """Return what no carrier of ours goes by, for the record: a flash message is sent as a usual one.

    So is a part of a text that its sender cut up, whose header would have had the phone put it together again.
    """
    header = params.text(HEADER).strip()
    carrier = params.line("carrier", CARRIER_LIMIT)
    flash = params.choice("flash", "0", "1")
    wished = (
        ("udh", read_header(header) if header else ""),
        ("carrier", carrier),
        ("flash", "1" if flash == "1" else ""),
    )
    return tuple(Tag(name=name, value=value) for name, value in wished if value)


def _text(params: Params, options: Options) -> str:
    bodies = [name for name in BODIES if params.raw(name)]
    if len(bodies) > 1:
        raise InvalidField(f"is there beside {bodies[0]}", pointer=f"/{bodies[1]}")
    (name,) = bodies
    try:
        text = _decoded(params, name, options)
    except ValueError:
        raise InvalidField("cannot be read", pointer=f"/{name}") from None
    if not is_clean(text) or not text.strip():
        raise InvalidField("holds no text that can be sent", pointer=f"/{name}")
    return text


def _decoded(params: Params, name: str, options: Options) -> str:
    if name == "smsmsg":
        return params.text(name, latin=options.latin)
    if name == "smsia5":
        return gsm.decode(params.raw(name))
    return bytes.fromhex(params.raw(name).decode("ascii")).decode("utf-16-be")


def _pieces(params: Params, text: str) -> tuple[str, tuple[str, ...]]:
    """Return a text that the carrier cuts up itself, or the pieces that it is to be sent in, as `split` asks."""
    split = params.choice("split", "0", "1", "2", "3")
    parts = segments(text).parts
    name = next(name for name in BODIES if params.raw(name))
    if parts == 1:
        return text, ()
    if params.raw(HEADER):
        raise InvalidField("is longer than the one SMS that has a user data header", pointer=f"/{name}")
    if split == "0":
        raise InvalidField("is longer than one SMS, and split does not say how to cut it", pointer=f"/{name}")
    pieces = () if split == "2" else cut(text, marks="..." if split == "1" else "")
    if max(parts if split == "2" else 0, len(pieces)) > _MOST_OF[split]:
        raise InvalidField(f"is longer than {_MOST_OF[split]} SMS", pointer=f"/{name}")
    return ("", pieces) if pieces else (text, ())


def _number(params: Params, name: str, *, least: int, most: int, default: int) -> int:
    text = params.text(name).strip()
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise InvalidField(f"is not a number from {least} to {most}", pointer=f"/{name}")
    return int(text)
