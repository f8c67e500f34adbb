"""Bandwidth's error codes in message-failed events, with what they advise."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from broker.domain.cause import Again, Cause
from broker.domain.status import Event


class Advice(StrEnum):
    """What a person may do about a failure; nothing is resent by itself after one."""

    PERMANENT = "permanent"
    CONFIGURATION = "configuration"
    OPTED_OUT = "opted out"
    LATER = "try later"
    ONCE = "try once more"
    UNKNOWN = "outcome unknown"


@dataclass(frozen=True, slots=True)
class Code:
    """One error code. `billed` says whether the failure costs as much as a success; None: not known."""

    name: str
    advice: Advice
    billed: bool | None


_NO, _YES, _UNSAID = False, True, None
_PERM, _CFG, _OUT, _LATER, _ONCE, _UNK = Advice

CODES: Mapping[int, Code] = {
    4001: Code("service-not-allowed", _CFG, _NO),
    4301: Code("malformed-invalid-encoding", _PERM, _NO),
    4302: Code("malformed-invalid-from-number", _PERM, _NO),
    4303: Code("malformed-invalid-to-number", _PERM, _NO),
    4350: Code("malformed-for-destination", _PERM, _NO),
    4360: Code("message-not-sent-expiration-date-passed", _PERM, _NO),
    4401: Code("rejected-routing-error", _PERM, _NO),
    4403: Code("rejected-forbidden-from-number", _CFG, _NO),
    4404: Code("rejected-forbidden-to-number", _PERM, _NO),
    4405: Code("rejected-unallocated-from-number", _CFG, _NO),
    4406: Code("rejected-unallocated-to-number", _PERM, _NO),
    4407: Code("rejected-account-not-defined-from-number", _CFG, _NO),
    4408: Code("rejected-account-not-defined-to-number", _PERM, _NO),
    4409: Code("rejected-invalid-from-profile", _PERM, _NO),
    4410: Code("media-unavailable", _ONCE, _NO),
    4411: Code("rejected-message-size-limit-exceeded", _PERM, _NO),
    4412: Code("media-content-invalid", _PERM, _NO),
    4420: Code("rejected-carrier-does-not-exist", _PERM, _NO),
    4421: Code("rejected-forbidden-no-destination", _CFG, _NO),
    4431: Code("rejected-forbidden-shortcode", _CFG, _NO),
    4432: Code("rejected-forbidden-country", _CFG, _NO),
    4433: Code("rejected-forbidden-tollfree", _CFG, _NO),
    4434: Code("rejected-forbidden-tollfree-for-recipient", _PERM, _NO),
    4435: Code("forbidden-too-many-recipients", _PERM, _NO),
    4451: Code("rejected-wrong-user-id", _CFG, _NO),
    4452: Code("rejected-wrong-application-id", _CFG, _NO),
    4470: Code("rejected-spam-detected", _PERM, _YES),
    4475: Code("destination-rejected-due-to-user-opt-out", _OUT, _UNSAID),
    4476: Code("blocked-unregistered", _CFG, _UNSAID),
    4481: Code("rejected-from-number-in-blacklist", _CFG, _NO),
    4482: Code("rejected-to-number-in-blacklist", _PERM, _NO),
    4492: Code("reject-emergency", _PERM, _NO),
    4493: Code("rejected-unauthorized", _CFG, _NO),
    4700: Code("invalid-service-type", _PERM, _YES),
    4701: Code("destination-service-unavailable", _LATER, _YES),
    4702: Code("destination-subscriber-unavailable", _LATER, _YES),
    4710: Code("media-unavailable", _ONCE, _UNSAID),
    4711: Code("rejected-message-size-limit-exceeded", _PERM, _YES),
    4712: Code("media-content-invalid", _PERM, _YES),
    4720: Code("invalid-destination-address", _PERM, _YES),
    4721: Code("destination-tn-deactivated", _PERM, _YES),
    4730: Code("no-route-to-destination-carrier", _PERM, _YES),
    4735: Code("too-many-recipients", _PERM, _UNSAID),
    4740: Code("invalid-source-address-address", _CFG, _YES),
    4750: Code("destination-rejected-message", _PERM, _YES),
    4751: Code("destination-rejected-message-size-invalid", _PERM, _YES),
    4752: Code("destination-rejected-malformed", _PERM, _YES),
    4753: Code("destination-rejected-handset", _PERM, _UNSAID),
    4754: Code("unsupported-channel", _PERM, _UNSAID),
    4770: Code("destination-spam-detected", _PERM, _YES),
    4771: Code("rejected-shortened-url", _PERM, _YES),
    4772: Code("rejected-tn-blocked", _CFG, _YES),
    4773: Code("inactive-campaign", _CFG, _YES),
    4774: Code("provisioning-issue", _CFG, _YES),
    4775: Code("destination-rejected-due-to-user-opt-out", _OUT, _YES),
    4780: Code("volume-violation-tmo", _LATER, _YES),
    4781: Code("volume-violation-att", _LATER, _YES),
    4785: Code("volumetric-violation", _LATER, _YES),
    4790: Code("destination-rejected-sc-not-allowed", _PERM, _YES),
    4791: Code("destination-rejected-campaign-not-allowed", _CFG, _YES),
    4792: Code("destination-rejected-sc-not-provisioned", _CFG, _YES),
    4793: Code("destination-rejected-sc-expired", _CFG, _YES),
    4794: Code("destination-rejected-expired", _PERM, _UNSAID),
    4795: Code("tfn-not-verified", _CFG, _YES),
    5100: Code("temporary-app-error", _LATER, _NO),
    5101: Code("temporary-app-shutdown", _LATER, _NO),
    5106: Code("impossible-to-route", _LATER, _NO),
    5111: Code("temporary-app-connection-closed", _LATER, _NO),
    5201: Code("temporary-rout-error-retries-exceeded", _LATER, _NO),
    5211: Code("temporary-app-error-app-busy", _LATER, _NO),
    5220: Code("temporary-store-error", _LATER, _NO),
    5231: Code("discarded-concatenation-timeout", _ONCE, _NO),
    5500: Code("message-send-failed", _LATER, _NO),
    5501: Code("message-send-failed", _LATER, _NO),
    5999: Code("unknown-error", _LATER, _NO),
    5600: Code("destination-carrier-queue-full", _ONCE, _YES),
    5610: Code("submit_sm-or-submit_multi-failed", _ONCE, _YES),
    5620: Code("destination-app-error", _ONCE, _YES),
    5630: Code("message-not-acknowledged", _UNK, _YES),
    5650: Code("destination-failed", _ONCE, _YES),
    9902: Code("delivery-receipt-expired", _UNK, _YES),
    9999: Code("unknown-error", _UNK, _YES),
}

_EXPIRED = frozenset({4360, 4794})
_BY_FIRST_DIGIT: Mapping[str, Advice] = {"4": _PERM, "5": _ONCE, "9": _UNK}


def look_up(code: int) -> Code:
    """Return what is known of a code; of an unknown one, what its first digit says."""
    known = CODES.get(code)
    return known or Code("not a code we know", _BY_FIRST_DIGIT.get(str(code)[0], _PERM), _UNSAID)


def event_of(code: int | None) -> Event:
    """Return what a failure with this code means for the message.

    A missing receipt is no proof of failure: such codes leave the outcome unconfirmed.
    """
    if code is None:
        return Event.MISS
    if code in _EXPIRED:
        return Event.EXPIRE
    return Event.UNCONFIRM if look_up(code).advice is Advice.UNKNOWN else Event.MISS


def is_opt_out(code: int | None) -> bool:
    """Say whether a failure with this code tells that the recipient has opted out."""
    return code is not None and look_up(code).advice is Advice.OPTED_OUT


def describe(code: int) -> str:
    """Return a code as a line of the record."""
    known = look_up(code)
    return f"{known.name}; {known.advice}{'; billed' if known.billed else ''}"


_TO_DO: Mapping[Advice, tuple[Again, str]] = {
    _PERM: (
        Again.NEVER,
        "Do not send it again as it is: its number, its content or its size must change first.",
    ),
    _CFG: (
        Again.PERSON,
        "Set it right with Bandwidth: the sender, its campaign or what the account may do. Then send it again.",
    ),
    _OUT: (
        Again.NEVER,
        "Nothing: its recipient has told this sender to stop, and it is among the opt-outs now.",
    ),
    _LATER: (Again.LATER, "Send it again later. If there are many, send more slowly or ask Bandwidth."),
    _ONCE: (Again.LATER, "Send it again once; if it comes back, ask Bandwidth with the carrier's reference."),
    _UNK: (
        Again.UNCERTAIN,
        "It may have arrived: ask before you send it again, or its recipient gets it twice.",
    ),
}

CAUSES: tuple[Cause, ...] = tuple(
    Cause(
        code=str(number),
        text=f"{number} *",
        means=code.name.replace("-", " "),
        again=_TO_DO[code.advice][0],
        do=_TO_DO[code.advice][1],
        billed=code.billed,
    )
    for number, code in CODES.items()
)
"""The same for people."""
