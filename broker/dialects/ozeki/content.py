"""What a message says: text, MMS:XML or its JSON twin (sheet section 4)."""

from collections.abc import Mapping
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from broker.dialects.base import TEXT_LIMIT, has_controls, is_clean
from broker.dialects.ozeki.attachments import read_attachments
from broker.dialects.ozeki.params import lower_names
from broker.domain.draft import MediaRef
from broker.domain.message import Reports
from broker.domain.value import value
from broker.errors import ContentTooLarge, InvalidField, Malformed

XML_LIMIT = 64 * 1024
SUBJECT_LIMIT = 255
PERSONAL = "personal"
CLASSES = (PERSONAL, "advertisement", "informational", "auto")
_REPORTS = {
    "deliveryreport": Reports.INTERMEDIATE | Reports.SUCCESS | Reports.FAILURE,
    "readreport": Reports.READ,
}
_SWITCHES = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


@value
class Content:
    """What a message says; `reports` is the sum of those it asks for, `priority` is empty where it says none."""

    text: str = ""
    subject: str = ""
    priority: str = ""
    media: tuple[MediaRef, ...] = ()
    reports: int = 0
    message_class: str = PERSONAL


def from_text(text: Any, attachments: Any = None) -> Content:
    """Return the content of a plain text, with what is attached to it.

    Raises:
        RequestError: it cannot be used, or there is nothing.
    """
    return _checked(Content(text=_string(text), media=read_attachments(attachments)))


def from_xml(document: str, attachments: Any = None) -> Content:
    """Return the content of an MMS:XML document; `attachments` came beside it.

    Raises:
        RequestError: it is not well-formed, holds a DTD, or cannot be used.
    """
    if len(document) > XML_LIMIT or not is_clean(document):
        raise Malformed("the MMS data cannot be used", pointer="/messagedata")
    try:
        root = fromstring(document.strip(), forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        raise Malformed("the MMS data is not XML", pointer="/messagedata") from None
    if _name(root) != "mms":
        raise Malformed("the MMS data is not called MMS", pointer="/messagedata")
    fields: dict[str, Any] = {
        _name(child): _text_of(child) for child in root if _name(child) != "attachments"
    }
    listed = [_attachment(one) for child in root if _name(child) == "attachments" for one in child]
    return from_object({**fields, "attachments": listed}, attachments)


def from_object(data: Mapping[str, Any], attachments: Any = None) -> Content:
    """Return the content of an object with the names of MMS:XML; `attachments` came beside it.

    Raises:
        RequestError: it cannot be used, or there is nothing in it.
    """
    fields = lower_names(data)
    inside = [fields.get("attachments"), fields.get("attachment"), attachments]
    return _checked(
        Content(
            text=_string(fields.get("messagetext")),
            subject=_string(fields.get("subject")),
            priority=_string(fields.get("priority")),
            media=read_attachments(inside),
            reports=sum(kind for name, kind in _REPORTS.items() if _is_on(fields, name)),
            message_class=_class(fields),
        )
    )


def _checked(content: Content) -> Content:
    if len(content.text) > TEXT_LIMIT or len(content.subject) > SUBJECT_LIMIT:
        raise ContentTooLarge("text or subject is too long", pointer="/messagedata")
    if not is_clean(content.text) or not is_clean(content.subject) or has_controls(content.subject):
        raise Malformed("text or subject cannot be used", pointer="/messagedata")
    if not content.text.strip() and not content.media:
        raise Malformed("there is neither text nor attachment", pointer="/messagedata")
    return content


def _is_on(fields: Mapping[str, Any], name: str) -> bool:
    switch = _SWITCHES.get(str(fields.get(name, "off")).strip().lower())
    if switch is None:
        raise InvalidField("must be on or off", pointer=f"/{name}")
    return switch


def _class(fields: Mapping[str, Any]) -> str:
    named = str(fields.get("messageclass", PERSONAL)).strip().lower()
    if named not in CLASSES:
        raise InvalidField(f"must be one of {', '.join(CLASSES)}", pointer="/messageclass")
    return named


def _string(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed("must be text", pointer="/messagedata")
    return value


def _attachment(element: Element) -> Any:
    return {_name(child): _text_of(child) for child in element} if len(element) else _text_of(element)


def _text_of(element: Element) -> str:
    return (element.text or "").strip()


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2].lower()
