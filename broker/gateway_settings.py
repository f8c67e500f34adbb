"""The knobs of the two gateways' APIs, and of MX Telecom's zips."""

from pydantic import BaseModel, Field, field_validator


class GatewaySettings(BaseModel):
    """What an operator may choose of the Ozeki and the MX Telecom API; a part of the settings."""

    package_strict: bool = Field(
        True,
        description="Whether MX Telecom's zips must have a manifest that names every file, and a readable layout.",
    )
    package_limit: int = Field(1024 * 1024, gt=0, description="Largest zip of MX Telecom's API, in bytes.")
    package_content_limit: int = Field(
        3 * 1024 * 1024, gt=0, description="Most bytes that such a zip may hold, unpacked."
    )
    package_files: int = Field(32, gt=0, description="Most files in such a zip.")
    package_fetch_s: float = Field(
        10.0, gt=0, description="Longest download of a zip that a request names by its URL, in seconds."
    )
    package_fetches: int = Field(
        64, gt=0, description="Most such downloads at a time, per process; a quarter of them for one account."
    )
    ozeki_aliases: bool = Field(
        False, description="Whether the Ozeki API is served at its older paths /httpapi and /ozeki too."
    )
    ozeki_short_ids: bool = Field(
        False, description="Whether ids of 12 letters and digits are given to sends through the Ozeki API."
    )
    ozeki_doctype: bool = Field(
        False, description="Whether the XML of sends through the Ozeki API names the vendor's document type."
    )
    ozeki_paths: tuple[str, ...] = Field(
        (),
        description="Beginnings of paths in Ozeki requests, each with = and the folder of the outbox it stands for.",
    )

    mx_contact: str = Field(
        "the operator", description="Whom the refusals of the MX Telecom API tell customers to ask."
    )
    mx_recipients: int = Field(50, gt=0, le=1000, description="Most recipients of one MX Telecom request.")
    mx_short_codes: bool = Field(
        True, description="Whether an MMS of the MX Telecom API may come from a short code."
    )
    mx_latin: bool = Field(False, description="Whether smsmsg is ISO-8859-15 even where it could be UTF-8.")
    mx_statuses: tuple[str, ...] = Field(
        (
            "retrying=1",
            "unconfirmed=2",
            "delivered=3",
            "expired=4",
            "rejected=5",
            "failed=5",
            "undelivered=5",
            "cancelled=5",
            "read=7",
        ),
        description="Statuses with their numbers in MX Telecom's reports of MMS, as a JSON list; no others are told.",
    )
    mx_reasons: bool = Field(
        False, description="Whether MX Telecom's reports of SMS give a reason where its code is documented."
    )
    mx_retrieve_s: int = Field(
        7 * 24 * 3600,
        ge=24 * 3600,
        description="How long an MMS that arrived can be fetched by /RetrieveMMS, in seconds.",
    )
    mx_retrieve_url: bool = Field(
        False,
        description="Whether an MMS told of by GET brings along the address that it can be fetched from.",
    )
    mx_oldest_path: bool = Field(
        False, description="Whether the oldest path of the MX Telecom SMS API is served."
    )

    @field_validator("ozeki_paths")
    @classmethod
    def _prefixes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            prefix, equals, folder = text.partition("=")
            if not (prefix.strip("/\\") and equals) or ".." in folder.replace("\\", "/").split("/"):
                raise ValueError("each must be the beginning of a path, = and a folder of the outbox")
        return value

    @property
    def outbox_prefixes(self) -> tuple[tuple[str, str], ...]:
        """What paths begin with and the folders it stands for, the longest first; with slashes, in small letters."""
        pairs = (text.replace("\\", "/").partition("=") for text in self.ozeki_paths)
        found = ((prefix.lower().rstrip("/") + "/", folder.strip("/")) for prefix, _, folder in pairs)
        return tuple(sorted(found, key=lambda pair: -len(pair[0])))
