"""Every reason that messages, requests or work fail for, ours and carriers', each under its source and code."""

from collections.abc import Iterator, Mapping

from broker.domain.cause import Again, Cause
from broker.domain.causes import ANSWERS, OURS
from broker.domain.dead import Kind
from broker.domain.remedy import ERRORS, remedy
from broker.errors import (
    AddressNotAllowed,
    AdmissionError,
    NoRoute,
    NotPermitted,
    OutcomeUncertain,
    OutOfCredit,
    QuotaExceeded,
    RequestError,
    TooManyGuesses,
    UnknownConnection,
)
from broker.providers import PROVIDERS

BROKER, ANSWER, API, DEAD = "broker", "answer", "api", "dead-letters"
_HTTP_DIGITS = 3
_AGAIN: Mapping[type[Exception], Again] = {
    OutcomeUncertain: Again.UNCERTAIN,
    AdmissionError: Again.LATER,
    QuotaExceeded: Again.LATER,
    TooManyGuesses: Again.LATER,
    OutOfCredit: Again.PERSON,
    NotPermitted: Again.PERSON,
    AddressNotAllowed: Again.PERSON,
    NoRoute: Again.PERSON,
    UnknownConnection: Again.PERSON,
    RequestError: Again.NEVER,
}
_DO: Mapping[Again, str] = {
    Again.UNCERTAIN: "Its client repeats it with the same idempotency key: it is sent once.",
    Again.LATER: "Its client repeats it later: Retry-After says when.",
    Again.PERSON: "Give the account what it lacks: its page shows its rights, addresses, senders and credit.",
    Again.NEVER: "Its client mends the request: the answer names the field.",
}


def catalogue() -> Mapping[str, Mapping[str, Cause]]:
    """Return every cause by its source and its code."""
    sources = {
        BROKER: OURS,
        **{name: provider.causes for name, provider in PROVIDERS.items() if provider.causes},
        ANSWER: ANSWERS,
        API: tuple(_refusals()),
        DEAD: tuple(_broken()),
    }
    return {source: {one.code: one for one in causes} for source, causes in sources.items()}


def explain(detail: str) -> tuple[str, Cause] | None:
    """Return the source and the cause that a line of a message's record is about, if it is known."""
    word = detail.partition(" ")[0]
    for name, provider in PROVIDERS.items():
        for cause in provider.causes:
            if cause.code == word:
                return name, cause
    if word.isascii() and word.isdigit() and len(word) == _HTTP_DIGITS:
        known = {one.code: one for one in ANSWERS}
        answer = known.get(word) or known.get(f"{word[0]}xx")
        return None if answer is None else (ANSWER, answer)
    return next(((BROKER, one) for one in OURS if one.fits(detail)), None)


def _refusals() -> Iterator[Cause]:
    """Yield what requests are refused for, in the words of the errors themselves."""
    seen: set[str] = set()
    waiting: list[type[RequestError | AdmissionError]] = [RequestError, AdmissionError]
    while waiting:
        kind = waiting.pop(0)
        waiting += kind.__subclasses__()
        if kind.code in seen:
            continue
        seen.add(kind.code)
        again = next(_AGAIN[base] for base in kind.__mro__ if base in _AGAIN)
        means = " ".join((kind.__doc__ or "").partition("\n\n")[0].split())
        yield Cause(code=kind.code, means=means, again=again, do=_DO[again])


def _broken() -> Iterator[Cause]:
    """Yield what is known of work that broke its takes."""
    for error in ERRORS:
        means = "Work broke every take with this, and was set aside."
        yield Cause(code=error, means=means, again=Again.PERSON, do=remedy(Kind.MESSAGE, error))
    for kind in Kind:
        means = f"A {kind} broke every take with an error that has no page of its own, and was set aside."
        yield Cause(code=kind, means=means, again=Again.PERSON, do=remedy(kind, ""))
