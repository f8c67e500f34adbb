"""Classic answers: XML, HTML or URL-encoded (sheet 3.3)."""

import html
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode, urlsplit
from xml.sax.saxutils import escape

from broker.domain.value import value
from broker.domain.wire import Response

_MARKUP = re.compile('[&<>"]')
DOCTYPE = '<!DOCTYPE smsapi PUBLIC "-//OZEKI//DTD XML 1.0//EN" "http://www.ozekisms.com/DTD/smsapi.xml">\n'
"""The line that older versions of the vendor's gateway have below the first (sheet 3.3, O2)."""
# What XML 1.0 cannot hold, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@value
class AcceptReport:
    """What became of one message; `message_id` is empty unless it is ours now."""

    code: int
    text: str
    recipient: str
    message_id: str = ""


def classic(
    action: str, reports: Sequence[AcceptReport], params: Mapping[str, str], *, doctype: str = ""
) -> Response:
    """Return the answer in the format the parameters ask for: XML, with the `doctype` if any, unless they do."""
    asked = params.get("responseformat", "").lower()
    if asked == "html":
        return _html(reports, params.get("continueurl", ""))
    if asked == "urlencoded":
        return _response("application/x-www-form-urlencoded", _urlencoded(action, reports))
    return _response("application/xml", _xml(action, reports, doctype))


def xml(text: str) -> Response:
    """Return an answer of XML."""
    return _response("application/xml", text)


def _xml(action: str, reports: Sequence[AcceptReport], doctype: str) -> str:
    inner = "".join(
        "      <acceptreport>\n"
        f"         <statuscode>{report.code}</statuscode>\n"
        f"         <statusmessage>{safe(report.text)}</statusmessage>\n"
        f"         <messageid>{safe(report.message_id)}</messageid>\n"
        f"         <recipient>{safe(report.recipient)}</recipient>\n"
        "      </acceptreport>\n"
        for report in reports
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n{doctype}<response>\n'
        f"   <action>{safe(action)}</action>\n   <data>\n{inner}   </data>\n</response>\n"
    )


def _html(reports: Sequence[AcceptReport], continue_url: str) -> Response:
    blocks = "".join(
        f"Status code: {report.code}<br>\n"
        f"Status message: {html.escape(_plain(report.text))}<br>\n"
        f"Message ID: {html.escape(_plain(report.message_id))}<br>\n"
        f"Recipient: {html.escape(_plain(report.recipient))}<br>\n"
        "<br>\n"
        for report in reports
    )
    link = (
        f"<a href='{html.escape(continue_url)}'>Click here to continue</a>\n"
        if _may_link(continue_url)
        else ""
    )
    page = f"<HTML>\n<HEAD>\n   <TITLE>SMS</TITLE>\n<BODY>\n\n{blocks}{link}\n</BODY>\n</HTML>\n"
    # The vendor's words (3.3), and ours for an address that has a password in it.
    cache = {"Cache-Control": "no-store, no-cache, must-revalidate", "Pragma": "no-cache"}
    return _response("text/html; charset=utf-8", page, cache)


def _urlencoded(action: str, reports: Sequence[AcceptReport]) -> str:
    pairs = [("action", _plain(action))]
    for number, report in enumerate(reports):
        index = str(number) if number else ""
        pairs += [
            (f"statuscode{index}", str(report.code)),
            (f"statusmessage{index}", _plain(report.text)),
            (f"messageid{index}", _plain(report.message_id)),
            (f"recipient{index}", _plain(report.recipient)),
        ]
    return urlencode(pairs)


def _may_link(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not _UNWRITABLE.search(url)


def safe(text: str, entities: Mapping[str, str] | None = None) -> str:
    """Return a text as XML may hold it."""
    if text.isprintable() and text.isascii() and not _MARKUP.search(text):
        return text  # as nearly all are
    return escape(_plain(text), entities or {})


def _plain(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)


def _response(content_type: str, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status=200, headers={"Content-Type": content_type, **(headers or {})}, body=text.encode())
