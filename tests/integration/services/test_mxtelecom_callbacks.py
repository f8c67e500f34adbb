"""MX Telecom's callbacks through the engine: heard only by a 200 with a body, ten tries, arrivals in both modes."""

import threading
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from broker.dialects.mxtelecom.dialect import MxTelecomDialect
from broker.dialects.mxtelecom.package import unpack
from broker.domain.callback import Telling
from broker.domain.ids import new_id, new_number
from broker.domain.message import Message, Part, PartState, Reports
from broker.domain.status import Event, Status
from broker.domain.value import replace
from broker.runtime import Runtime
from broker.services import callback
from broker.services.owing import begun, owe
from broker.storage import callbacks, messages, provision
from broker.storage.messages import Fresh, Move
from tests.integration.services.conftest import outbound
from tests.integration.services.owed import all_are, rows, until
from tests.sink import Reply, Sink, Told

JPEG = b"\xff\xd8\xff\xe0" + b"cat" * 50
WAITS_S = [30, 60, 120, 240, 480, 960, 1920, 3840, 7680]

Open = Callable[..., Runtime]


@pytest.fixture
def mx_runtime(open_runtime: Callable[..., Runtime], sink: Sink) -> Open:
    """A runtime whose account `acme` is told in MX Telecom's words."""

    def prepare(*, inbound_mode: str = "get", **changes: Any) -> Runtime:
        runtime = open_runtime(egress_allow=(sink.authority,), **changes)
        account = {
            "name": "acme",
            "callback_url": sink.url(),
            "callback_dialect": "mxtelecom",
            "inbound_mode": inbound_mode,
        }
        key = runtime.settings.secret_key.get_secret_value()
        runtime.database.write(lambda sql: provision.apply(sql, {"accounts": [account]}, secret_key=key))
        runtime.directory.forget()
        return runtime

    return prepare


def sent(runtime: Runtime, *events: Event, **changes: Any) -> Message:
    """Record an MX Telecom text that asked for every report, and let things happen to it."""
    usual = {"dialect": "mxtelecom", "number": new_number(), "reports": 7, "status": Status.SUBMITTING}
    message = outbound(**{**usual, **changes})
    runtime.database.write(lambda sql: messages.add(sql, [Fresh(message=message, event=None)]))
    for event in events:
        happen(runtime, message, event)
    return message


def happen(runtime: Runtime, message: Message, event: Event) -> None:
    known, now_ms = runtime.directory.look(), runtime.ready.now_ms()

    def job(sql: Any) -> None:
        moved = messages.move(sql, [Move(id=message.id, event=event, at=message.created_at, key=event)])
        owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    runtime.database.write(job)


def arrived(runtime: Runtime, *files: bytes, content: str = "") -> Message:
    """Record an arrival with its media on its way."""
    message_id = new_id()
    folder = runtime.settings.attachments / message_id
    folder.mkdir(parents=True)
    parts = []
    for index, data in enumerate(files, start=1):
        path = folder / f"{index}-cat.jpg"
        path.write_bytes(data)
        parts.append(
            Part(
                index=index,
                name="cat.jpg",
                content_type="image/jpeg",
                state=PartState.STORED,
                size=len(data),
                path=str(path),
            )
        )
    message = outbound(
        id=message_id,
        number=new_number(),
        direction="in",
        status=Status.RECEIVED,
        text=content,
        parts=tuple(parts),
    )
    fresh = [Fresh(message=message, event=Event.FETCH if parts else Event.READY, due_at=None)]
    known, now_ms = runtime.directory.look(), runtime.ready.now_ms()

    def job(sql: Any) -> None:
        moved = begun(fresh, messages.add(sql, fresh))
        owe(sql, moved, known, now_ms=now_ms, settings=runtime.settings)

    runtime.database.write(job)
    return message


def query(told: Told) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(told.path).query))


def test_a_report_is_told_by_get_to_an_account_that_asked(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    message = sent(runtime, Event.RECEIPT, Event.DELIVER)
    sent(runtime, Event.RECEIPT, Event.DELIVER, reports=0)

    until(runtime, all_are(runtime, "told"))

    (told,) = sink.told
    assert told.method == "GET"
    assert query(told)["smsmsg"] == f"REPORT {message.number} DELIVERED"


def test_a_status_that_the_operator_gave_a_number_is_told(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime(mx_statuses=("relayed=6", "delivered=3"))
    sent(runtime, Event.RECEIPT, Event.HAND_OFF, subject="An MMS")

    until(runtime, lambda: sink.told)

    (told,) = sink.told
    assert (query(told)["type"], query(told)["status"]) == ("1", "6")
    assert [row.status for row in rows(runtime)] == [Status.RELAYED]


def test_a_200_without_a_body_is_told_again_after_30_s_under_the_same_id(
    mx_runtime: Open, sink: Sink
) -> None:
    runtime = mx_runtime()
    sink.answer = lambda path, before: Reply(body=b"" if before == 0 else b"OK")
    sent(runtime, Event.RECEIPT, Event.DELIVER)

    until(runtime, lambda: rows(runtime)[0].http_status == 200)
    (row,) = rows(runtime)
    assert (row.state, row.attempts) == ("owed", 1)
    assert 15_000 < row.due_at - runtime.ready.now_ms() <= 30_000
    make_due(runtime)
    until(runtime, all_are(runtime, "told"))

    assert len(sink.told) == 2
    assert query(sink.told[0]) == query(sink.told[1])


@pytest.mark.parametrize("status", [201, 204, 301, 410, 500])
def test_no_other_answer_will_do_and_a_redirect_is_not_followed(
    mx_runtime: Open, sink: Sink, status: int
) -> None:
    runtime = mx_runtime()
    body = b"" if status == 204 else b"OK"
    sink.answer = lambda path, before: Reply(
        status=status, body=body, headers={"Location": sink.url("/elsewhere")}
    )
    sent(runtime, Event.RECEIPT, Event.DELIVER)

    until(runtime, lambda: rows(runtime)[0].http_status == status)

    assert [row.state for row in rows(runtime)] == ["owed"]
    assert [urlsplit(one.path).path for one in sink.told] == ["/told"]


def make_due(runtime: Runtime) -> None:
    """Let the time pass until the next try."""
    runtime.database.write(lambda sql: sql.execute(text("UPDATE callbacks SET due_at = 0 WHERE due_at > 0")))


def forget_failures(runtime: Runtime, sink: Sink) -> None:
    runtime.circuits.worked(callbacks.endpoint_of("acme", sink.url()))


def test_the_waits_double_and_after_the_tenth_try_it_is_dead_and_kept(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    sink.answer = lambda path, before: Reply(status=500)
    sent(runtime, Event.RECEIPT, Event.DELIVER)
    waits = []
    for attempt in range(1, 11):
        forget_failures(runtime, sink)
        until(runtime, lambda attempt=attempt: len(sink.told) == attempt and not leased(runtime))
        (row,) = rows(runtime)
        if row.due_at is not None:
            waits.append((row.due_at - runtime.ready.now_ms()) / 1000)
        make_due(runtime)

    assert len(waits) == len(WAITS_S)
    for found, wanted in zip(waits, WAITS_S, strict=True):
        assert wanted / 2 < found <= wanted, "a busy machine may look a little later"
    assert [(row.state, row.attempts) for row in rows(runtime)] == [("given_up", 10)]
    for _ in range(3):
        callback.take(runtime)
    assert len(sink.told) == 10
    assert len({one.path for one in sink.told}) == 1


def leased(runtime: Runtime) -> bool:
    """Say whether a try is under way: then nothing is recorded of it."""
    (row,) = rows(runtime)
    return row.due_at is not None and row.attempts > 0 and row.http_status is None


def test_an_answer_may_take_longer_than_others_are_waited_for(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime(callback_timeout_s=0.2)
    slow = threading.Event()
    sink.answer = lambda path, before: Reply(wait=slow)
    sent(runtime, Event.RECEIPT, Event.DELIVER)
    callback.take(runtime)
    (row,) = rows(runtime)
    assert row.due_at - runtime.ready.now_ms() > 100_000, "it is left to this worker for twice the minute"
    slow.set()

    until(runtime, all_are(runtime, "told"))

    assert len(sink.told) == 1


class Impatient(MxTelecomDialect):
    """The dialect with a warning that comes at once."""

    telling = Telling(slow_s=0.0)


def test_a_slow_answer_is_warned_of(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    runtime = replace(runtime, dialects={**runtime.dialects, "mxtelecom": Impatient()})
    with capture_logs() as logs:
        sent(runtime, Event.RECEIPT, Event.DELIVER)
        until(runtime, all_are(runtime, "told"))
    warnings = [line for line in logs if line["log_level"] == "warning"]
    assert [(line["event"], line["account"]) for line in warnings] == [("callback_answered_slowly", "acme")]


def test_one_final_report_and_no_other(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    late = sent(runtime, Event.RECEIPT, Event.MISS, Event.DELIVER)
    only_good = sent(runtime, Event.RECEIPT, Event.MISS, Event.DELIVER, reports=int(Reports.SUCCESS))

    until(runtime, all_are(runtime, "told"))

    assert {query(one)["smsmsg"] for one in sink.told} == {
        f"REPORT {late.number} FAILED",
        f"REPORT {only_good.number} DELIVERED",
    }


def test_a_try_that_is_put_off_is_reported_as_buffered_once(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    message = sent(runtime, Event.DEFER, Event.CLAIM, Event.DEFER, Event.CLAIM, Event.RECEIPT, Event.DELIVER)

    until(runtime, all_are(runtime, "told"))

    assert sorted(query(one)["smsmsg"] for one in sink.told) == [
        f"REPORT {message.number} BUFFERED",
        f"REPORT {message.number} DELIVERED",
    ]


def test_an_mms_is_told_of_once_its_media_is_here_and_where_to_get_it(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime(media_text_hold_s=0.001)
    message = arrived(runtime, JPEG, content="Look")
    callback.take(runtime)
    assert (rows(runtime), sink.told) == ([], [])
    happen(runtime, message, Event.READY)

    until(runtime, all_are(runtime, "told"))

    (told,) = sink.told
    found = parse_qs(urlsplit(told.path).query)
    assert (found["id"], found["type"]) == ([str(message.number)], ["2"])
    until_ = (message.created_at + timedelta(days=7)).strftime("%Y-%m-%d %H:%M:%S+0000")
    assert found["expiry"] == [until_]
    assert status_of(runtime, message) is Status.FORWARDED


def test_an_mms_is_brought_along(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime(inbound_mode="post")
    message = arrived(runtime, JPEG, JPEG, content="Look")
    happen(runtime, message, Event.READY)

    until(runtime, all_are(runtime, "told"))

    (told,) = sink.told
    assert (told.method, told.path) == ("POST", "/told")
    mail = message_from_bytes(b"Content-Type: %s\r\n\r\n" % told.headers["content-type"].encode() + told.body)
    parts = {str(one.get_param("name", header="content-disposition")): one for one in mail.walk()}
    data = parts["mms.zip"].get_payload(decode=True)
    assert isinstance(data, bytes)
    assert [(piece.name, piece.data) for piece in unpack(data)] == [
        ("cat.jpg", JPEG),
        ("cat-2.jpg", JPEG),
        ("text.txt", b"Look"),
    ]
    assert parts["id"].get_payload(decode=True) == str(message.number).encode()
    assert status_of(runtime, message) is Status.FORWARDED


def test_not_more_than_eight_are_brought_along_at_a_time(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime(inbound_mode="post")
    go = threading.Event()
    sink.answer = lambda path, before: Reply(wait=go)
    for _ in range(12):
        happen(runtime, arrived(runtime, JPEG), Event.READY)
    for _ in range(4):
        callback.take(runtime)
    assert sum(row.attempts for row in rows(runtime)) == callback.BULKY
    go.set()

    until(runtime, all_are(runtime, "told"))

    assert len(sink.told) == 12


def test_a_text_arrives_by_the_names_of_the_sms_interface(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    message = arrived(runtime, content="Yes & no")

    until(runtime, all_are(runtime, "told"))

    found = query(sink.told[0])
    assert (found["type"], found["smsid"], found["smsmsg"], found["bits"]) == (
        "6",
        str(message.number),
        "Yes & no",
        "7",
    )


def test_an_arrival_that_nobody_takes_is_unforwarded(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    sink.answer = lambda path, before: Reply(body=b"")
    message = arrived(runtime, content="Hello")
    runtime.database.write(lambda sql: sql.execute(text("UPDATE callbacks SET attempts = 9")))

    until(runtime, all_are(runtime, "given_up"))

    assert status_of(runtime, message) is Status.UNFORWARDED


def status_of(runtime: Runtime, message: Message) -> Status:
    return runtime.database.read(lambda sql: messages.load(sql, [message.id]))[message.id].status


def test_a_read_report_goes_to_who_asked_for_it(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime()
    asked, other = (
        sent(
            runtime,
            Event.RECEIPT,
            Event.DELIVER,
            Event.OPEN,
            subject="Photo",
            reports=int(reports),
        )
        for reports in (Reports.READ, Reports.SUCCESS)
    )

    until(runtime, all_are(runtime, "told"))

    found = {(one["requestid"], one["type"], one["status"]) for one in map(query, sink.told)}
    assert found == {(str(asked.number), "2", "7"), (str(other.number), "1", "3")}
    assert len(sink.told) == 2


def test_only_what_has_files_in_it_is_limited_to_eight(mx_runtime: Open, sink: Sink) -> None:
    runtime = mx_runtime(inbound_mode="get")
    go = threading.Event()
    sink.answer = lambda path, before: Reply(wait=go)
    for _ in range(12):
        happen(runtime, arrived(runtime, JPEG), Event.READY)
    for _ in range(4):
        callback.take(runtime)
    assert sum(row.attempts for row in rows(runtime)) == 12
    go.set()

    until(runtime, all_are(runtime, "told"))
