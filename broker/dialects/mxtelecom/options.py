"""What an operator may choose of the MX Telecom API."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from broker.dialects.mxtelecom.arrivals import KEEP_S
from broker.dialects.mxtelecom.reports import NUMBERS


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """`contact` is named in refusals that only the operator can help with.

    `numbers` are what statuses are called in reports of MMS, by their names. An MMS that arrived can be fetched for
    `keep_s`, from `retrieve_url` where that is to be said. `reasons`: reports of SMS give a reason where its code is
    documented.

    `latin`: `smsmsg` is ISO-8859-15 even where it could be UTF-8. `oldest_path`: the oldest SMS path is served.
    """

    contact: str = "the operator"
    short_codes: bool = True
    latin: bool = False
    oldest_path: bool = False
    numbers: Mapping[str, int] = field(default_factory=lambda: NUMBERS)
    keep_s: int = KEEP_S
    retrieve_url: str = ""
    reasons: bool = False
