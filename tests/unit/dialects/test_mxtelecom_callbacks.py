"""What MX Telecom's customers are told, by GET and by POST (sheet mxtelecom, sections 5 to 8)."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.dialects.mxtelecom.dialect import MxTelecomDialect
from broker.dialects.mxtelecom.options import Options
from broker.dialects.mxtelecom.package import unpack
from broker.dialects.mxtelecom.reports import NUMBERS, read_numbers
from broker.dialects.mxtelecom.stamps import write
from broker.domain.callback import Callback, DateForm, InboundMode, Manner
from broker.domain.ids import stable_number
from broker.domain.message import Direction, Part, PartKind, PartState, Reports, Tag
from broker.domain.status import Status
from broker.domain.wire import Request, Response
from broker.errors import ConfigurationError
from broker.settings import Settings
from tests.factories import make_message

RECEIVED = datetime(2024, 5, 2, 9, 30, tzinfo=UTC)
AT = datetime(2024, 5, 2, 9, 31, 10, tzinfo=UTC)
DELIVERY = Reports.INTERMEDIATE | Reports.SUCCESS | Reports.FAILURE
JPEG = b"\xff\xd8\xff\xe0" + b"cat" * 50
PICTURE = Part(index=1, content_type="image/jpeg", name="cat.jpg", state=PartState.STORED, size=len(JPEG))
CUSTOMER = "http://customer.example/in"


def report(*, message: dict[str, Any] | None = None, **changes: Any) -> Callback:
    """A delivery report of an MMS that asked for one."""
    usual = {
        "dialect": "mxtelecom",
        "number": 50012377,
        "originator": "+447700900456",
        "recipient": "+447700900123",
        "parts": (PICTURE,),
        "reports": int(DELIVERY),
    }
    values: dict[str, Any] = {
        "id": "an-id_delivered",
        "message": make_message(**{**usual, **(message or {})}),
        "status": Status.DELIVERED,
        "sequence": 2,
        "at": AT,
        "sent_at": AT,
        "url": "http://customer.example/rep",
    }
    return Callback(**{**values, **changes})


def arrival(*, message: dict[str, Any] | None = None, **changes: Any) -> Callback:
    """An MMS that arrived."""
    own = {
        "dialect": "native",
        "direction": Direction.IN,
        "number": 7100042,
        "originator": "+447700900123",
        "recipient": "60777",
        "text": "",
        "created_at": RECEIVED,
        **(message or {}),
    }
    values = {"status": Status.READY, "sequence": 1, "at": RECEIVED, "url": CUSTOMER, **changes}
    return report(message=own, **values)


def told(callback: Callback, **options: Any) -> Request | None:
    return MxTelecomDialect(options=Options(**options)).callback(callback)


def fields(callback: Callback, **options: Any) -> list[tuple[str, str]]:
    """Return the parameters of a GET, in their order."""
    request = told(callback, **options)
    assert request is not None
    assert (request.method, request.body) == ("GET", b"")
    return parse_qsl(urlsplit(request.url).query, keep_blank_values=True, encoding="iso-8859-15")


def values(callback: Callback, **options: Any) -> dict[str, str]:
    return dict(fields(callback, **options))


class TestReportsOfMms:
    """Section 6."""

    def test_a_report_is_the_one_of_the_sheet(self) -> None:
        request = told(report())
        assert request is not None
        assert request.url == (
            f"http://customer.example/rep?id={stable_number('an-id_delivered')}&requestid=50012377"
            "&to=447700900456&from=447700900123&date=2024-05-02+09%3A31%3A10%2B0000&type=1&status=3"
        )

    @pytest.mark.parametrize(
        ("status", "number"),
        [
            (Status.RETRYING, "1"),
            (Status.UNCONFIRMED, "2"),
            (Status.DELIVERED, "3"),
            (Status.EXPIRED, "4"),
            (Status.REJECTED, "5"),
            (Status.FAILED, "5"),
            (Status.UNDELIVERED, "5"),
            (Status.CANCELLED, "5"),
        ],
    )
    def test_each_status_has_its_number(self, status: Status, number: str) -> None:
        found = values(report(status=status))
        assert (found["type"], found["status"]) == ("1", number)

    @pytest.mark.parametrize("status", sorted(set(Status) - set(map(Status, NUMBERS))))
    def test_what_has_no_number_is_not_reported(self, status: Status) -> None:
        assert told(report(status=status)) is None

    def test_nobody_is_told_who_did_not_ask(self) -> None:
        for status in Status:
            assert told(report(status=status, message={"reports": 0})) is None

    def test_a_read_report_is_of_type_2_and_asked_for_by_itself(self) -> None:
        found = values(report(status=Status.READ, message={"reports": int(Reports.READ)}))
        assert (found["type"], found["status"]) == ("2", "7")
        assert told(report(message={"reports": int(Reports.READ)})) is None

    def test_who_asked_for_delivery_alone_learns_it_from_a_message_that_was_read(self) -> None:
        found = values(report(status=Status.READ))
        assert (found["type"], found["status"]) == ("1", "3")
        assert told(report(status=Status.READ, earlier=frozenset({Status.DELIVERED}))) is None

    def test_a_read_report_follows_a_delivery_report(self) -> None:
        both = {"reports": int(DELIVERY | Reports.READ)}
        found = values(report(status=Status.READ, earlier=frozenset({Status.DELIVERED}), message=both))
        assert found["status"] == "7"

    @pytest.mark.parametrize("end", [Status.UNCONFIRMED, Status.EXPIRED, Status.UNDELIVERED, Status.FAILED])
    def test_after_a_final_report_there_is_no_other(self, end: Status) -> None:
        assert told(report(earlier=frozenset({Status.RETRYING, end}))) is None
        assert told(report(earlier=frozenset({Status.SUBMITTED, Status.RETRYING}))) is not None

    def test_reports_have_ids_of_their_own_that_stay(self) -> None:
        first, again, other = report(), report(), report(id="an-id_expired", status=Status.EXPIRED)
        assert values(first)["id"] == values(again)["id"] != values(other)["id"]

    def test_the_table_can_be_changed(self) -> None:
        found = values(report(status=Status.RELAYED), numbers={"relayed": 6})
        assert (found["type"], found["status"]) == ("1", "6")
        assert told(report(), numbers={"relayed": 6}) is None

    def test_a_url_keeps_what_it_has(self) -> None:
        request = told(report(url="https://customer.example/rep?key=a%20b#top"))
        assert request is not None
        assert request.url.startswith("https://customer.example/rep?key=a%20b&id=")
        assert "#" not in request.url

    def test_what_another_api_sent_is_reported_under_a_number_of_ours(self) -> None:
        sent = {"dialect": "native", "number": None, "reports": 0}
        callback = report(message=sent)
        assert values(callback)["requestid"] == str(stable_number(callback.message.id))


def test_the_table_in_the_settings_is_the_sheets() -> None:
    assert read_numbers(Settings().mx_statuses) == dict(NUMBERS)
    changed = MxTelecomDialect().configured(Settings(mx_statuses=("relayed=3",)))
    assert changed.options.numbers == {"relayed": 3}
    assert changed.telling.news == MxTelecomDialect().telling.news | {Status.RELAYED}


@pytest.mark.parametrize(
    "entry",
    [
        *("delivered", "delivered=0", "delivered=11", "lost=3", "Delivered=3", "=3"),
        *("fetching=6", "ready=3", "queued=6", "submitting=6", "unknown=6"),
    ],
)
def test_a_table_that_cannot_be_is_refused_at_start(entry: str) -> None:
    with pytest.raises(ConfigurationError, match="from 1 to 10"):
        read_numbers((entry,))


def sms_report(**changes: Any) -> Callback:
    sms = {"parts": (), "text": "Hi", "originator": "60777", "reports": 7, **changes.pop("message", {})}
    return report(message=sms, **changes)


class TestReportsOfSms:
    """Section 8.3."""

    def test_a_report_is_the_one_of_the_sheet(self) -> None:
        request = told(sms_report())
        assert request is not None
        assert request.url == (
            "http://customer.example/rep?smsfrom=447700900123&smsmsg=REPORT+50012377+DELIVERED&smsto=60777"
            f"&shortcode=60777&smsid={stable_number('an-id_delivered')}&smsdate=2024-05-02+10%3A31%3A10"
        )

    @pytest.mark.parametrize(
        ("status", "word", "bit"),
        [
            (Status.RETRYING, "BUFFERED", 1),
            (Status.DELIVERED, "DELIVERED", 2),
            (Status.REJECTED, "REJECTED", 4),
            (Status.FAILED, "FAILED", 4),
            (Status.UNDELIVERED, "FAILED", 4),
            (Status.EXPIRED, "FAILED", 4),
            (Status.CANCELLED, "FAILED", 4),
        ],
    )
    def test_each_bit_asks_for_its_reports(self, status: Status, word: str, bit: int) -> None:
        found = values(sms_report(status=status, message={"reports": bit}))
        assert found["smsmsg"] == f"REPORT 50012377 {word}"
        assert told(sms_report(status=status, message={"reports": 7 - bit})) is None
        assert told(sms_report(status=status, message={"reports": 0})) is None

    @pytest.mark.parametrize("status", [Status.SUBMITTED, Status.RELAYED, Status.UNCONFIRMED])
    def test_what_is_neither_is_not_told(self, status: Status) -> None:
        assert told(sms_report(status=status)) is None

    def test_after_the_end_there_is_nothing_more_unless_the_end_was_not_asked_for(self) -> None:
        late = sms_report(earlier=frozenset({Status.UNDELIVERED}))
        assert told(late) is None
        assert told(sms_report(earlier=frozenset({Status.UNDELIVERED}), message={"reports": 2})) is not None
        assert told(sms_report(earlier=frozenset({Status.RETRYING}))) is not None

    def test_the_senders_note_comes_back(self) -> None:
        assert "note" not in values(sms_report())
        assert values(sms_report(message={"note": "order 7"}))["note"] == "order 7"

    def test_a_reason_is_given_only_where_that_is_wanted_and_documented(self) -> None:
        refused = sms_report(status=Status.REJECTED)
        assert "reason" not in values(refused)
        assert values(refused, reasons=True)["reason"] == str(0x10000000)
        assert values(sms_report(status=Status.RETRYING), reasons=True)["reason"] == str(0x30000000)
        assert "reason" not in values(sms_report(), reasons=True)


class TestArrivalsByGet:
    """Sections 5 and 8.2."""

    def test_an_mms_is_told_of_with_the_time_until_which_it_can_be_fetched(self) -> None:
        assert fields(arrival(message={"subject": "Photo"}), keep_s=24 * 3600) == [
            ("id", "7100042"),
            ("from", "447700900123"),
            ("to", "60777"),
            ("date", "2024-05-02 09:30:00+0000"),
            ("type", "2"),
            ("network", "UNKNOWN"),
            ("subject", "Photo"),
            ("expiry", "2024-05-03 09:30:00+0000"),
        ]

    def test_the_address_it_is_fetched_from_comes_along_where_that_is_set(self) -> None:
        settings = Settings(mx_retrieve_url=True, public_url="https://broker.example/")
        request = MxTelecomDialect().configured(settings).callback(arrival())
        assert request is not None
        told = dict(parse_qsl(urlsplit(request.url).query))
        assert told["url"] == "https://broker.example/RetrieveMMS?id=7100042"

    def test_a_text_comes_under_the_names_of_both_interfaces(self) -> None:
        assert fields(arrival(message={"parts": (), "text": "Yes & no"})) == [
            ("id", "7100042"),
            ("from", "447700900123"),
            ("to", "60777"),
            ("date", "2024-05-02 09:30:00+0000"),
            ("type", "6"),
            ("network", "UNKNOWN"),
            ("smsfrom", "447700900123"),
            ("smsto", "60777"),
            ("smsdate", "2024-05-02 10:30:00"),
            ("smsid", "7100042"),
            ("smsmsg", "Yes & no"),
            ("bits", "7"),
        ]

    @pytest.mark.parametrize(
        ("text", "written", "exact"),
        [
            ("£5 für dich", "%A35+f%FCr+dich", None),
            ("5 €", "5+%A4", None),
            ("\u044f", "%3F", "044F"),
            ("Ω", "%3F", "03A9"),
            ("½", "%3F", "00BD"),
            ("a\U0001f600", "a%3F", "0061D83DDE00"),
        ],
    )
    def test_what_the_alphabet_does_not_have_is_given_exactly_beside_it(
        self, text: str, written: str, exact: str | None
    ) -> None:
        callback = arrival(message={"parts": (), "text": text})
        request = told(callback)
        assert request is not None
        assert f"&smsmsg={written}&" in request.url
        found = values(callback)
        assert (found["bits"], found.get("smsucs2")) == ("7" if exact is None else "16", exact)

    def test_every_recipient_is_named(self) -> None:
        others = (Tag(name="other_recipients", value="+447700900124,+447700900125"),)
        found = [value for name, value in fields(arrival(message={"tags": others})) if name == "to"]
        assert found == ["60777", "447700900124", "447700900125"]

    @pytest.mark.parametrize(
        ("form", "date"),
        [
            ("us", "2024-05-02 09:30:00+0000"),
            ("uk2", "2024-05-02 09:30:00 +0000"),
            ("uk", "2024-05-02 10:30:00"),
        ],
    )
    def test_dates_have_the_form_that_the_account_chose(self, form: str, date: str) -> None:
        found = values(arrival(manner=Manner(dates=DateForm(form))), keep_s=0)
        assert (found["date"], found["expiry"]) == (date, date)

    def test_the_id_stays_when_it_is_told_again(self) -> None:
        assert values(arrival(id="a"))["id"] == values(arrival(id="a", sent_at=RECEIVED))["id"] == "7100042"


@given(st.integers(0, 4_000_000_000), st.sampled_from(["uk", "us", "uk2"]))
def test_a_date_is_nineteen_characters_and_at_most_an_offset(seconds: int, form: str) -> None:
    text = write(datetime.fromtimestamp(seconds, tz=UTC), DateForm(form))
    assert len(text) == {"uk": 19, "us": 24, "uk2": 25}[form]


def form(callback: Callback) -> list[Mail]:
    """Return the parts of a POST."""
    request = told(callback)
    assert request is not None
    assert (request.method, request.url) == ("POST", CUSTOMER)
    mail = message_from_bytes(
        f"Content-Type: {request.headers['Content-Type']}\r\n\r\n".encode() + request.body
    )
    return [part for part in mail.walk() if not part.is_multipart()]


def content(part: Mail) -> bytes:
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data


POST = Manner(inbound=InboundMode.POST)


class TestArrivalsByPost:
    """Section 5."""

    def test_the_fields_are_those_of_a_get_without_the_expiry_and_the_zip_comes_along(self) -> None:
        message = {"subject": "Photo", "text": "Look"}
        *named, last = form(arrival(manner=POST, files={1: JPEG}, message=message))
        found = [
            (str(part.get_param("name", header="content-disposition")), content(part).decode())
            for part in named
        ]
        assert found == [pair for pair in fields(arrival(message=message)) if pair[0] != "expiry"]
        assert last.get_param("name", header="content-disposition") == "mms.zip"
        assert last.get_content_type() == "application/zip"
        assert [(piece.name, piece.data) for piece in unpack(content(last))] == [
            ("cat.jpg", JPEG),
            ("text.txt", b"Look"),
        ]

    def test_a_text_is_posted_without_a_zip(self) -> None:
        parts = form(arrival(manner=POST, message={"parts": (), "text": "für"}))
        found = {str(part.get_param("name", header="content-disposition")): part for part in parts}
        assert "mms.zip" not in found
        assert content(found["smsmsg"]) == "für".encode("iso-8859-15")
        assert found["smsmsg"].get_content_charset() == "iso-8859-15"

    def test_files_are_wanted_only_for_an_mms_that_goes_along(self) -> None:
        dialect = MxTelecomDialect()
        assert dialect.wants_files(arrival(manner=POST))
        assert not dialect.wants_files(arrival())
        assert not dialect.wants_files(arrival(manner=POST, message={"parts": ()}))
        assert not dialect.wants_files(report(manner=POST))


def part(index: int, name: str, **changes: Any) -> Part:
    return Part(index=index, name=name, state=PartState.STORED, **changes)


def test_the_zip_of_an_arrival_has_its_layout_first_and_its_text_once_and_in_utf_8() -> None:
    smil = b'<smil><body><par><img src="cat.jpg"/></par></body></smil>'
    parts = (
        part(1, "cat.jpg", content_type="image/jpeg"),
        part(2, "say.txt", content_type="text/plain", kind=PartKind.TEXT),
        part(3, "late.jpg", content_type="image/jpeg"),
        Part(index=4, name="lost.jpg", state=PartState.LOST),
        part(5, "show.smil", content_type="application/smil", kind=PartKind.LAYOUT),
    )
    files = {1: JPEG, 2: "Grüße".encode("utf-16"), 5: smil}
    callback = arrival(manner=POST, files=files, message={"parts": parts, "text": "Grüße"})
    *_, last = form(callback)
    assert [(piece.name, piece.kind, piece.data) for piece in unpack(content(last))] == [
        ("show.smil", PartKind.LAYOUT, smil),
        ("cat.jpg", PartKind.MEDIA, JPEG),
        ("say.txt", PartKind.TEXT, "Grüße".encode()),
    ]


@pytest.mark.parametrize(
    ("status", "body", "heard"),
    [(200, b"OK", True), (200, b"", False), (201, b"OK", False), (204, b"", False), (302, b"OK", False)],
)
def test_a_customer_has_heard_who_says_200_and_something(status: int, body: bytes, heard: bool) -> None:
    assert MxTelecomDialect().heard(Response(status=status, body=body)) is heard


def test_callbacks_are_told_as_section_7_says() -> None:
    telling = MxTelecomDialect.telling
    assert telling.waits_s == (30, 60, 120, 240, 480, 960, 1920, 3840, 7680)
    assert sum(telling.waits_s) == 15_330
    assert (telling.attempts, telling.timeout_s, telling.slow_s, telling.connect_s) == (10, 60, 10, 10)
    assert not telling.holds_gone
    assert Status.RETRYING in telling.news
    assert not telling.news & {Status.SUBMITTED, Status.FETCHING}


def test_a_number_stands_for_a_text_for_ever_and_fits_63_bits() -> None:
    assert stable_number("an-id_delivered") == 7594077061187960608
    assert all(0 < stable_number(str(n)) < 1 << 63 for n in range(1000))
