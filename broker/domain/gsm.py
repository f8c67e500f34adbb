"""The GSM default alphabet as bytes (3GPP TS 23.038, section 6.2.1)."""

_ESCAPE = 0x1B
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}


def decode(data: bytes) -> str:
    """Return the text of septets, one in each byte.

    Raises:
        ValueError: a byte is no septet, or an escape leads nowhere.
    """
    text: list[str] = []
    septets = iter(data)
    for septet in septets:
        if septet == _ESCAPE:
            text.append(_escaped(next(septets, -1)))
        elif septet < len(_BASIC):
            text.append(_BASIC[septet])
        else:
            raise ValueError("a byte is no septet")
    return "".join(text)


def _escaped(septet: int) -> str:
    try:
        return _EXTENSION[septet]
    except KeyError:
        raise ValueError("an escape leads nowhere") from None
