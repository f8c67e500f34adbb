"""A request to send an MMS into a draft (sheet mxtelecom, sections 2, 3.2)."""

from collections.abc import Sequence

from broker.dialects.mxtelecom.numbers import read_mms_originator, read_recipient
from broker.dialects.mxtelecom.options import Options
from broker.dialects.mxtelecom.params import Params
from broker.domain.draft import Draft
from broker.domain.message import Reports
from broker.domain.wire import Call
from broker.errors import InvalidField, MissingField, RepeatedRecipient

PACKAGE = "mms.zip"
NOTE_LIMIT, SUBACCOUNT_LIMIT, SUBJECT_LIMIT, URL_LIMIT = 160, 10, 160, 2048
DELIVERY = Reports.INTERMEDIATE | Reports.SUCCESS | Reports.FAILURE


def read_mms(call: Call, params: Params, *, options: Options, most: int) -> Draft:
    """Return the draft of a request.

    Raises:
        RequestError: it cannot be used; the checks have the order of section 3.2, from step 5 on.
    """
    given = [one for text in params.texts("to") for one in text.split(",") if one.strip()]
    package, url = _package(call, params), params.text("url").strip()
    required = (("to", given), ("from", params.text("from").strip()), (PACKAGE, package or url))
    for name, value in required:
        if not value:
            raise MissingField("is required", pointer=f"/{name}")
    originator = read_mms_originator(params.text("from").strip(), short_codes=options.short_codes)
    recipients = _recipients(given, most)
    draft = Draft(
        recipients=recipients,
        several=len(recipients) > 1,
        originator=originator,
        subject=params.line("subject", SUBJECT_LIMIT),
        numbered=True,
        note=params.line("note", NOTE_LIMIT),
        subaccount=params.line("subaccount", SUBACCOUNT_LIMIT),
        reports=_flag(params, "deliveryreport") * DELIVERY | _flag(params, "readreport") * Reports.READ,
        package=package,
        package_url=None if package else url,
    )
    if len(set(recipients)) < len(recipients):
        raise RepeatedRecipient("is listed twice", pointer="/to")
    if not package:
        _check_url(params)
    return draft


def _package(call: Call, params: Params) -> bytes | None:
    """Return the zip that came with a form; some clients give the part no file name."""
    files = [file.data for file in call.files if file.field == PACKAGE]
    if call.method != "POST":
        return None
    return (files[0] if files else params.raw(PACKAGE)) or None


def _recipients(given: Sequence[str], most: int) -> tuple[str, ...]:
    if len(given) > most:
        raise InvalidField(f"has more than {most} numbers", pointer="/to")
    return tuple(read_recipient(text, "/to") for text in given)


def _flag(params: Params, name: str) -> bool:
    return params.choice(name, "false", "true") == "true"


def _check_url(params: Params) -> None:
    url = params.line("url", URL_LIMIT).strip()
    if not url.lower().startswith(("http://", "https://")):
        raise InvalidField("is not an http or https address", pointer="/url")
