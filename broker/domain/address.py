"""Phone numbers: read as typed, kept as E.164."""

import re

from broker.errors import InvalidOriginator, InvalidRecipient

# ASCII digits are spelled out: \d and str.isdigit also take full-width and other scripts' digits.
_E164 = re.compile(r"\+(?:1[2-9][0-9]{9}|[2-9][0-9]{6,14})")
_AS_TYPED = re.compile(r"\+?[0-9 ().\-/]{4,31}")
_SHORT_CODE = re.compile(r"[1-9][0-9]{2,7}")
_WORD = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 \-+_&]{1,11}")
_BARE = re.compile(r"[1-9][0-9]{8,14}")
_TOLL_FREE = re.compile(r"\+1(?:800|833|844|855|866|877|888)[0-9]{7}")
_MASKABLE = 11
_IN_PROSE = re.compile(r"\+?[0-9]{7,}")


def normalise(text: str, country: str, *, pointer: str = "") -> str:
    """Return a recipient's number in E.164; `country` reads numbers typed the national way.

    Raises:
        InvalidRecipient: it is no phone number. `pointer` is passed on.
    """
    if _E164.fullmatch(text):
        return text
    number = _read(text, country)
    if number is None:
        raise InvalidRecipient("is not a phone number", pointer=pointer, value=text)
    return number


def normalise_originator(text: str, country: str, *, pointer: str = "") -> str:
    """Return an originator: E.164, a short code, or a name of up to 11 characters with at least one letter.

    Raises:
        InvalidOriginator: it is none of these. `pointer` is passed on.
    """
    if _E164.fullmatch(text) or _SHORT_CODE.fullmatch(text):
        return text
    if _WORD.fullmatch(text) and text == text.strip():
        return text
    number = _read(text, country)
    if number is None:
        raise InvalidOriginator(
            "is not a phone number, short code or sender name", pointer=pointer, value=text
        )
    return number


def _read(text: str, country: str) -> str | None:
    """Return E.164 for a number with a prefix, blanks or brackets, or None."""
    if not _AS_TYPED.fullmatch(text):
        return None
    import phonenumbers  # noqa: PLC0415 - its tables take long to load, and plain E.164 never needs them

    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return None
    written: str = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return written if _E164.fullmatch(written) else None


def is_e164(text: str) -> bool:
    """Say whether a text is a number in E.164."""
    return _E164.fullmatch(text) is not None


def with_plus(text: str) -> str:
    """Return a carrier's number with the plus that some leave out; anything else as it is."""
    return f"+{text}" if _BARE.fullmatch(text) else text


def is_toll_free(number: str) -> bool:
    """Say whether a number is a North American toll-free one, for which carriers have limits of their own."""
    return _TOLL_FREE.fullmatch(number) is not None


def mask(address: str) -> str:
    """Return enough of an address to recognise it and too little to call it, for logs: `+1202***0101`."""
    if len(address) < _MASKABLE:
        return f"{address[:2]}***"
    return f"{address[:5]}***{address[-4:]}"


def mask_within(prose: str) -> str:
    """Return a sentence of somebody else's with every number in it masked."""
    return _IN_PROSE.sub(lambda found: mask(found[0]), prose)
