"""Requests and answers of a dialect as bytes on a socket, from hand-made files."""

import base64
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from tests.contract.dialect_cases import PAYLOADS

BOUNDARY = "b1-of-the-form"


@dataclass(frozen=True, slots=True, kw_only=True)
class WireCase:
    """Requests that follow one another, each with its answer, and what is ours afterwards.

    `section` is the sheet's, `account` what the account that asks has beside or instead of the usual.
    """

    section: str
    name: str
    account: Mapping[str, Any]
    steps: Sequence[Mapping[str, Any]]
    messages: Sequence[Mapping[str, Any]] | None

    def __str__(self) -> str:
        return f"{self.section}: {self.name}"


def wire_cases(dialect: str) -> list[WireCase]:
    """Return those cases of a dialect that are about requests and answers."""
    return [
        WireCase(
            section=file.stem,
            name=raw["name"],
            account=raw.get("account", {}),
            steps=raw["steps"],
            messages=raw.get("messages"),
        )
        for file in sorted((PAYLOADS / dialect).glob("*.json"))
        for raw in json.loads(file.read_text())
        if "steps" in raw
    ]


def body_of(step: Mapping[str, Any], login: str) -> tuple[bytes, dict[str, str]]:
    """Return the body of a request and the headers that say what it is; `login` is put in front of its fields."""
    if "form" in step:
        pairs = "&".join(filter(None, (login, step["form"])))
        return pairs.encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    if "multipart" in step:
        parts = [*({"name": name, "value": value} for name, value in parse_qsl(login)), *step["multipart"]]
        body = b"".join(b"--%s\r\n%s\r\n" % (BOUNDARY.encode(), _part(part)) for part in parts)
        kind = f"multipart/form-data; boundary={BOUNDARY}"
        return body + b"--%s--\r\n" % BOUNDARY.encode(), {"Content-Type": kind}
    if "body" in step:
        return str(step["body"]).encode(), {}
    return b"", {}


def login_of(name: str, password: str) -> str:
    """Return the two parameters of an account."""
    return f"user={quote_plus(name)}&pass={quote_plus(password)}"


def _part(part: Mapping[str, Any]) -> bytes:
    head = f'Content-Disposition: form-data; name="{part["name"]}"'
    if "filename" in part:
        head += f'; filename="{part["filename"]}"'
    if "type" in part:
        head += f"\r\nContent-Type: {part['type']}"
    return head.encode() + b"\r\n\r\n" + _data(part)


def _data(part: Mapping[str, Any]) -> bytes:
    if "zip" in part:
        return zip_of(part["zip"])
    if "base64" in part:
        return base64.b64decode(part["base64"])
    if "zeros" in part:
        return bytes(part["zeros"])
    return str(part["value"]).encode()


def zip_of(files: Mapping[str, Any]) -> bytes:
    """Return a zip of files by name; each is text, or `{"base64": …}`."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, _data(content if isinstance(content, Mapping) else {"value": content}))
    return packed.getvalue()
