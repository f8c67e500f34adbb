"""The draft that the form to send stands for, as the native API would read it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from broker.console.forms import Form
from broker.console.numbers import moment
from broker.dialects.native import sending
from broker.domain.draft import Draft
from broker.domain.message import Priority
from broker.domain.wire import Upload
from broker.errors import InvalidRequest, MissingField, RequestError

TEXTS = ("account", "to", "sender", "text", "subject", "reference", "media_url", "send_at", "priority")
FILES = ("file1", "file2", "file3")
MOST_RECIPIENTS = 100
"""Who writes to more people has the API."""
_FIELDS = {"from": "sender"}


def draft_of(form: Form, *, who: str, now: datetime) -> Draft:
    """Return the draft; the form's own name is its key, so that a form sent twice sends once.

    Raises:
        RequestError: a field is missing, or cannot be used.
    """
    raw = body_of(form)
    if not form.text("account"):
        raise MissingField("is required", pointer="/account")
    if not raw["to"]:
        raise MissingField("is required", pointer="/to")
    key = f"console: {who}: {form.text('once')}"
    return sending.draft(raw, _files(form), key=key, now=now, most=MOST_RECIPIENTS)


def body_of(form: Form) -> dict[str, Any]:
    """Return the request that the form stands for, without its files."""
    given: dict[str, Any] = {
        "from": form.text("sender"),
        "text": form.fields.get("text", "").replace("\r\n", "\n"),
        "subject": form.text("subject"),
        "reference": form.text("reference"),
    }
    if send_at := moment(form.text("send_at")):
        given["send_at"] = send_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if form.text("media_url"):
        given["media"] = [{"url": form.text("media_url")}]
    if form.text("priority") in set(Priority) - {Priority.NORMAL}:
        given["priority"] = form.text("priority")
    to = recipients(form)
    return {
        "to": to[0] if len(to) == 1 else list(to),
        **{name: value for name, value in given.items() if value},
    }


def recipients(form: Form) -> Sequence[str]:
    """Return the numbers that somebody typed, one a line or with commas between them."""
    lines = form.fields.get("to", "").replace(",", "\n").splitlines()
    return [line.strip() for line in lines if line.strip()]


def faults(error: RequestError, form: Form) -> Mapping[str, str]:
    """Return what is wrong by the field of the form that is to blame; what no field is to blame for is under ""."""
    blamed = error.errors if isinstance(error, InvalidRequest) else (error,)
    found: dict[str, str] = {}
    for one in blamed:
        field = _field(one.pointer, form)
        value = f": {one.value}" if one.value and field == "to" else ""
        found.setdefault(field, f"{one.detail}{value}")
    return found


def _field(pointer: str, form: Form) -> str:
    name, _, rest = pointer.strip("/").partition("/")
    if name == "media":
        named = [*(["media_url"] if form.text("media_url") else []), *_chosen(form)]
        place = rest.partition("/")[0]
        return named[int(place)] if place.isdigit() and int(place) < len(named) else "file1"
    field = _FIELDS.get(name, name)
    return field if field in TEXTS else ""


def _chosen(form: Form) -> list[str]:
    return [name for name in FILES if name in form.files and form.files[name].name]


def _files(form: Form) -> tuple[Upload, ...]:
    """Return the chosen files; a check brings their number only."""
    chosen = [form.files[name] for name in _chosen(form)]
    files = [
        Upload(field="media", filename=one.name, content_type=one.content_type, data=one.data)
        for one in chosen
    ]
    number = form.text("chosen")
    if not files and number in set("123"):
        blank = Upload(field="media", filename="", content_type="", data=b"-")
        files = [blank] * int(number)
    return tuple(files)
