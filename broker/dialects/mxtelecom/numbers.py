"""Phone numbers as MX Telecom's customers write them (sheet mxtelecom, sections 2, 8.1)."""

import re

from broker.errors import InvalidOriginator, InvalidRecipient

_NUMBER = re.compile(r"[1-9][0-9]{6,14}")
_SHORT_CODE = re.compile(r"[0-9]{3,8}")
_SMS_NUMBER = re.compile(r"[0-9]{3,16}")
_SMS_NAME = re.compile(r"[A-Za-z0-9 \-+_&]{1,11}")
_LONGEST_SHORT_CODE = 8


def read_recipient(text: str, pointer: str) -> str:
    """Return a recipient in E.164.

    Raises:
        InvalidRecipient: it is no number in the international form.
    """
    digits = _digits(text)
    if not _NUMBER.fullmatch(digits):
        raise InvalidRecipient("is not an international number", pointer=pointer, value=text)
    return f"+{digits}"


def read_mms_originator(text: str, *, short_codes: bool) -> str:
    """Return the sender of an MMS: a number, or where they are allowed a short code.

    Raises:
        InvalidOriginator: it is neither.
    """
    digits = _digits(text)
    if short_codes and digits == text and _SHORT_CODE.fullmatch(digits):
        return digits
    if not _NUMBER.fullmatch(digits):
        raise InvalidOriginator("is not an international number", pointer="/from", value=text)
    return f"+{digits}"


def read_sms_originator(text: str) -> str:
    """Return the sender of an SMS: a number, a short code or a name.

    Raises:
        InvalidOriginator: it is none of them.
    """
    digits = _digits(text)
    if _SMS_NUMBER.fullmatch(digits):
        return digits if digits == text and len(digits) <= _LONGEST_SHORT_CODE else f"+{digits}"
    if not _SMS_NAME.fullmatch(text):
        raise InvalidOriginator(
            "is not a number of up to 16 digits or a name of up to 11 characters",
            pointer="/smsfrom",
            value=text,
        )
    return text


def _digits(text: str) -> str:
    """Return a number without its plus sign, which is a blank where nobody encoded it, and without leading 00."""
    return text.strip().removeprefix("+").removeprefix("00")
