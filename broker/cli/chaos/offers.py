"""What a customer asks for in its own API, and what the answer means."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import orjson

from broker.cli.chaos.roster import PASSWORD, Customer, Tongue
from broker.domain.wire import Request, Response


class Verdict(StrEnum):
    """What one try told the customer."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One try, as its customer understood it.

    `ids` are by recipient and known in the native API only; MX Telecom's gives a number, Ozeki's the customer's own id.
    """

    verdict: Verdict
    ids: Mapping[str, str] = field(default_factory=dict)
    number: str = ""
    odd: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One request that a customer wants to be taken; `marker` begins the text and is unique in the run."""

    marker: str
    customer: Customer
    to: tuple[str, ...]
    media: str = ""

    @property
    def text(self) -> str:
        """What is sent."""
        return f"{self.marker} hello"

    @property
    def repeatable(self) -> bool:
        """Say whether the API has an idempotency key."""
        return self.customer.tongue is not Tongue.MXTELECOM


def request(offer: Offer, ingress: str) -> Request:
    """Return the request as it goes over the wire; a repeat is the same."""
    return _WRITE[offer.customer.tongue](offer, ingress)


def read(offer: Offer, answer: Response) -> Answer:
    """Return what an answer means."""
    return _READ[offer.customer.tongue](answer)


def _native(offer: Offer, ingress: str) -> Request:
    to: str | Sequence[str] = offer.to[0] if len(offer.to) == 1 else offer.to
    body: dict[str, object] = {"to": to, "from": offer.customer.sender, "text": offer.text}
    if offer.media:
        body["media"] = [{"id": offer.media}]
    headers = {
        "Authorization": f"Bearer {offer.customer.key}",
        "Content-Type": "application/json",
        "Idempotency-Key": offer.marker,
    }
    return Request(method="POST", url=f"{ingress}/v1/messages", headers=headers, body=orjson.dumps(body))


def _read_native(answer: Response) -> Answer:
    said = _json(answer)
    if answer.status == 202:  # noqa: PLR2004  # the status of a message taken
        rows = said.get("messages") or [said]
        return Answer(verdict=Verdict.TAKEN, ids={row["to"]: row["id"] for row in rows})
    return _refusal(answer, uncertain=said.get("code") == "outcome_unknown")


def _ozeki(offer: Offer, ingress: str) -> Request:
    """The form of the vendor's libraries: the only one in which a customer's own id is a key."""
    message = {
        "message_id": offer.marker,
        "from_address": offer.customer.sender,
        "to_address": offer.to[0],
        "text": offer.text,
    }
    login = base64.b64encode(f"{offer.customer.name}:{PASSWORD}".encode()).decode()
    headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
    body = orjson.dumps({"messages": [message]})
    return Request(method="POST", url=f"{ingress}/api?action=sendmsg", headers=headers, body=body)


def _read_ozeki(answer: Response) -> Answer:
    said = _json(answer)
    word = said.get("response_code")
    if answer.status == 200 and said["data"]["messages"][0]["status"] == "SUCCESS":  # noqa: PLR2004
        return Answer(verdict=Verdict.TAKEN)
    return _refusal(answer, uncertain=word == "OUTCOME_UNKNOWN")


def _mxtelecom(offer: Offer, ingress: str) -> Request:
    words = {
        "user": offer.customer.name,
        "pass": PASSWORD,
        "smsto": offer.to[0].lstrip("+"),
        "smsfrom": offer.customer.sender.lstrip("+"),
        "smsmsg": offer.text,
        "report": "7",
    }
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return Request(
        method="POST", url=f"{ingress}/SMSSend", headers=headers, body=urlencode(words).encode("ascii")
    )


def _read_mxtelecom(answer: Response) -> Answer:
    text = answer.body.decode("ascii", "replace").strip()
    if answer.status == 200 and text.isdigit():  # noqa: PLR2004  # as the sheet has it
        return Answer(verdict=Verdict.TAKEN, number=text)
    code = text.rpartition("\n")[2]
    uncertain = code == "13" or "may have been accepted" in text
    return Answer(
        verdict=Verdict.UNKNOWN if uncertain else Verdict.REFUSED,
        odd="" if code in {"2", "3", "6"} else f"{answer.status} {text[:200]}",
    )


def _refusal(answer: Response, *, uncertain: bool) -> Answer:
    return Answer(
        verdict=Verdict.UNKNOWN if uncertain or answer.status == 500 else Verdict.REFUSED,  # noqa: PLR2004
        odd="" if answer.status == 503 else f"{answer.status} {answer.body[:200]!r}",  # noqa: PLR2004
    )


def _json(answer: Response) -> dict[str, Any]:
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


_WRITE: Mapping[Tongue, Callable[[Offer, str], Request]] = {
    Tongue.NATIVE: _native,
    Tongue.OZEKI: _ozeki,
    Tongue.MXTELECOM: _mxtelecom,
}
_READ: Mapping[Tongue, Callable[[Response], Answer]] = {
    Tongue.NATIVE: _read_native,
    Tongue.OZEKI: _read_ozeki,
    Tongue.MXTELECOM: _read_mxtelecom,
}
