"""The exception tree, sorted by what the caller must do.

BrokerError
├── RequestError                 the customer's to fix; each dialect says it in its own words
│   ├── Malformed                the request cannot be read at all
│   ├── InvalidRequest           several fields are wrong, each with its own error
│   ├── AuthenticationFailed, AddressNotAllowed, NotPermitted, NotFound
│   ├── MissingField, UnknownField, InvalidField (InvalidOriginator, InvalidRecipient (RepeatedRecipient))
│   ├── AttachmentUnavailable, UnsupportedType, ContentTooLarge
│   ├── UnknownAction, ValidityOver, UnknownConnection, NoRoute
│   └── KeyReused, QuotaExceeded, OutOfCredit, TooManyGuesses
├── AdmissionError               ours to fix; the customer repeats later
│   ├── Busy                     certainly not taken (QueueAway, RecordsAway)
│   └── OutcomeUncertain         may have been taken; repeat with the same key (Unforeseen)
├── ProviderError                decides the next move of a submission
│   ├── Rejected, NotAuthorised, Throttled, Unavailable, OutcomeUnknown
├── WebhookError                 SignatureMismatch, Unreadable
├── MediaError                   MediaTooLarge, MediaGone, MediaForbidden, MediaWrongType, MediaUnavailable
└── ConfigurationError           refuse to start
"""

from collections.abc import Iterable


class BrokerError(Exception):
    """Anything this product raises on purpose."""


class RequestError(BrokerError):
    """The customer can fix it: `pointer` names the field (RFC 6901), `detail` says what is wrong with it."""

    code = "invalid_request"

    def __init__(self, detail: str, *, pointer: str = "", value: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        self.value = value


class Malformed(RequestError):
    """The body or query cannot be read at all."""

    code = "malformed"


class InvalidRequest(RequestError):
    """Several fields are wrong; `errors` holds an error for each."""

    def __init__(self, errors: Iterable[RequestError]) -> None:
        self.errors = tuple(errors)
        super().__init__(f"{len(self.errors)} fields are wrong")


class AuthenticationFailed(RequestError):
    """Credentials are missing, unknown or wrong; which of the three is not said."""

    code = "authentication_failed"


class TooManyGuesses(RequestError):
    """Too many wrong passwords came from there: this one was not looked at, and may be right."""

    code = "too_many_guesses"
    retry_after_s = 1


class AddressNotAllowed(RequestError):
    """The account may not be used from the caller's network address."""

    code = "address_not_allowed"


class NotPermitted(RequestError):
    """The account lacks the right, for instance to send multimedia messages."""

    code = "not_permitted"


class NotFound(RequestError):
    """There is no such thing, or it is another account's: the answer is the same."""

    code = "not_found"


class MissingField(RequestError):
    """A required field is absent or empty."""

    code = "missing_field"


class UnknownField(RequestError):
    """A field this API does not have."""

    code = "unknown_field"


class InvalidField(RequestError):
    """A field is there but its value cannot be used."""

    code = "invalid_field"


class InvalidOriginator(InvalidField):
    """The `from` address is not an address, or not the account's."""

    code = "invalid_originator"


class InvalidRecipient(InvalidField):
    """The `to` address is not an address."""

    code = "invalid_recipient"


class RepeatedRecipient(InvalidRecipient):
    """The same recipient is listed twice."""


class AttachmentUnavailable(RequestError):
    """A named file or media id does not exist, or lies outside the account's own folder."""

    code = "attachment_unavailable"


class UnsupportedType(RequestError):
    """The media or message type is not one we carry."""

    code = "unsupported_type"


class ContentTooLarge(RequestError):
    """Text, media or body is over its limit."""

    code = "content_too_large"


class UnknownAction(RequestError):
    """The dialect has no such action."""

    code = "unknown_action"


class ValidityOver(RequestError):
    """The message would be expired before it could be sent."""

    code = "validity_over"


class UnknownConnection(RequestError):
    """The connection the request names does not exist."""

    code = "unknown_connection"


class NoRoute(RequestError):
    """No connection can carry this message."""

    code = "no_route"


class KeyReused(RequestError):
    """The idempotency key was used before with another body."""

    code = "idempotency_key_reused"


class QuotaExceeded(RequestError):
    """The account's request quota for the `period` ("day" or "month") is used up."""

    code = "quota_exceeded"

    def __init__(self, detail: str, *, period: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.period = period
        self.retry_after_s = retry_after_s


class OutOfCredit(RequestError):
    """The account's prepaid credit does not cover the message."""

    code = "out_of_credit"


class AdmissionError(BrokerError):
    """We cannot take the message now; nothing the customer sent is wrong."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_s = retry_after_s


class Busy(AdmissionError):
    """Not taken, for certain: Redis is away or full, or the backlog is too old."""


class QueueAway(Busy):
    """Redis is away, or refuses to write: operators see to it."""


class RecordsAway(Busy):
    """SQL is away, and what is needed of it is not known here."""


class OutcomeUncertain(AdmissionError):
    """Redis did not say whether it took the message: repeat with the same idempotency key."""

    code = "outcome_unknown"


class Unforeseen(OutcomeUncertain):
    """A fault of ours; what became of the request is not known."""


class ProviderError(BrokerError):
    """What a carrier's answer, or the lack of one, means for this submission."""

    def __init__(self, detail: str, *, http_status: int | None = None, code: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.http_status = http_status
        self.code = code


class Rejected(ProviderError):
    """The carrier refuses for good: stop."""


class NotAuthorised(ProviderError):
    """Our credentials fail: hold the connection, raise an alarm."""


class Throttled(ProviderError):
    """Too fast: later, not before `retry_after_s` where the carrier named one."""

    def __init__(
        self,
        detail: str,
        *,
        retry_after_s: float | None = None,
        http_status: int | None = None,
        code: str = "",
    ) -> None:
        super().__init__(detail, http_status=http_status, code=code)
        self.retry_after_s = retry_after_s


class Unavailable(Throttled):
    """They certainly did not take it: try again, later."""


class OutcomeUnknown(ProviderError):
    """They may have taken it: never resend blindly."""


class WebhookError(BrokerError):
    """A carrier's webhook cannot be used."""


class SignatureMismatch(WebhookError):
    """The webhook's credentials are missing or wrong."""


class Unreadable(WebhookError):
    """The webhook's body is not in the carrier's own format."""


class MediaError(BrokerError):
    """A part cannot be brought home; `final` says whether trying again is pointless."""

    final = True


class MediaTooLarge(MediaError):
    """The part is over its size limit."""


class MediaGone(MediaError):
    """The media host says the part no longer exists."""


class MediaForbidden(MediaError):
    """The URL leads where we do not go: inside, to a foreign host, or by a bad scheme."""


class MediaWrongType(MediaError):
    """The bytes are of no type we carry."""


class MediaUnavailable(MediaError):
    """The media host did not answer, or not in full: try again."""

    final = False


class ConfigurationError(BrokerError):
    """Refuse to start, and say which setting is wrong."""
