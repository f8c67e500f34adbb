"""The native API's sends."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import orjson

from broker.dialects.base import KEY_LIMIT, NOBODY, Admitted, Credentials, Dialect, Outcome, offered
from broker.dialects.native.callback import told
from broker.dialects.native.form import read_form
from broker.dialects.native.problem import problem
from broker.dialects.native.sending import draft, read, read_plain
from broker.domain.callback import Callback
from broker.domain.draft import Draft
from broker.domain.status import Status
from broker.domain.wire import Call, Request, Response
from broker.errors import AdmissionError, Malformed, RequestError, UnsupportedType

PATH = "/v1/messages"
JSON_TYPE, FORM_TYPE = "application/json", "multipart/form-data"


class NativeDialect(Dialect):
    """`POST /v1/messages`: JSON, or a multipart form with files; the answer is 202 with the id."""

    name: ClassVar[str] = "native"
    routes: tuple[tuple[str, str], ...] = (("POST", PATH),)

    def credentials(self, call: Call) -> Credentials:
        """Return the bearer token, else the Basic credentials."""
        return credentials_of(call.headers)

    def parse(self, call: Call) -> tuple[Draft | RequestError, ...]:
        """Return the one draft of the call; it may have several recipients.

        Raises:
            RequestError: the call cannot be used; one `InvalidRequest` blames each field that is wrong.
        """
        key = idempotency_key(call.headers)
        media_type = call.headers.get("content-type", JSON_TYPE)
        if media_type != JSON_TYPE:
            media_type = media_type.partition(";")[0].strip().lower()
        if media_type == JSON_TYPE:
            plain = read_plain(call.body, key)
            return (plain or read(call.body, key, self.clock(), self.max_recipients),)
        if media_type == FORM_TYPE:
            raw, files = read_form(call)
            return (draft(raw, files, key=key, now=self.clock(), most=self.max_recipients),)
        raise UnsupportedType(f"the body must be {JSON_TYPE} or {FORM_TYPE}")

    def answer(self, call: Call, outcomes: Sequence[Outcome]) -> Response:  # noqa: ARG002  # one answer fits all
        """Return 202 with the id, or with the batch where the request gave a list."""
        (outcome,) = outcomes
        if not isinstance(outcome, Admitted):
            return problem(outcome)
        headers = {"Content-Type": JSON_TYPE, "Location": f"{PATH}/{outcome.ids[0]}"}
        if outcome.replayed:
            headers["Idempotency-Replayed"] = "true"
        return Response(status=202, headers=headers, body=orjson.dumps(_accepted(outcome)))

    def callback(self, callback: Callback) -> Request:
        """Return a Standard Webhooks request."""
        return told(callback)

    def refused(self, call: Call, error: RequestError | AdmissionError) -> Response:  # noqa: ARG002  # likewise
        """Return the problem document for an error."""
        return problem(error)


def credentials_of(headers: Mapping[str, str]) -> Credentials:
    """Return what any request to the native API offers to sign in with (RFC 6750, RFC 7617)."""
    return offered(headers) or NOBODY


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the idempotency key, quoted or bare.

    Raises:
        Malformed: it is empty, too long, or not visible ASCII.
    """
    key = headers.get("idempotency-key")
    if key is None:
        return None
    key = key.strip()
    if len(key) > 1 and key[0] == key[-1] == '"':
        key = key[1:-1]
    if not 0 < len(key) <= KEY_LIMIT or not all("!" <= char <= "~" for char in key):
        raise Malformed(f"Idempotency-Key must be 1 to {KEY_LIMIT} visible ASCII characters")
    return key


def _accepted(outcome: Admitted) -> dict[str, object]:
    if not outcome.draft.several:
        return {
            "id": outcome.ids[0],
            "status": Status.ACCEPTED,
            "to": outcome.recipients[0],
            "durability": outcome.durability,
        }
    messages = [
        {"id": identifier, "to": recipient, "status": Status.ACCEPTED}
        for identifier, recipient in zip(outcome.ids, outcome.recipients, strict=True)
    ]
    return {"batch": outcome.batch, "messages": messages, "durability": outcome.durability}
