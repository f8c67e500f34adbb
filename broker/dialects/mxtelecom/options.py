"""What an operator may choose of the MX Telecom API."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`contact` is named in refusals that only the operator can help with.

    `latin`: `smsmsg` is ISO-8859-15 even where it could be UTF-8. `oldest_path`: the oldest SMS path is served.
    """

    contact: str = "the operator"
    short_codes: bool = True
    latin: bool = False
    oldest_path: bool = False
