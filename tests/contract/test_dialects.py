"""One suite over every dialect: the hand-made calls, then what holds for any call."""

import json
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker import errors
from broker.dialects import DIALECTS
from broker.dialects.base import Credentials
from broker.domain.draft import Draft
from broker.domain.wire import Call, Response
from broker.errors import AdmissionError, InvalidRequest, QuotaExceeded, RequestError
from tests.contract.dialect_cases import PATHS, Case, answered, cases, dialect, error, outcomes, shown

CASES = cases()
SECRET, TEXT = "sesame-open", "meet me at noon"


def those(choose: Callable[[Case], bool]) -> pytest.MarkDecorator:
    """Run a test for each case that is chosen."""
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=str(case)) for case in CASES if choose(case)]
    )


def respond(case: Case) -> Response:
    """Do with a case what the ingress does with a call."""
    spoken = dialect(case.dialect)
    if isinstance(case.refused, dict):
        return spoken.refused(case.call, error(case.refused))
    try:
        drafts = spoken.parse(case.call)
    except RequestError as refusal:
        return spoken.refused(case.call, refusal)
    if not isinstance(drafts, tuple):
        return answered(spoken, case.call)
    return spoken.answer(case.call, outcomes(case, drafts))


@those(lambda case: case.drafts is not None)
def test_a_call_means_these_drafts(case: Case) -> None:
    drafts = dialect(case.dialect).parse(case.call)
    assert case.drafts is not None
    assert [
        shown(draft, expected) for draft, expected in zip(drafts, case.drafts, strict=True)
    ] == case.drafts


@those(lambda case: isinstance(case.refused, str))
def test_a_call_is_refused_as_a_whole(case: Case) -> None:
    with pytest.raises(RequestError) as refusal:
        dialect(case.dialect).parse(case.call)
    assert type(refusal.value).__name__ == case.refused


@those(lambda case: case.answer is not None)
def test_a_call_is_answered_like_this(case: Case) -> None:
    response = respond(case)
    expected = case.answer
    assert expected is not None
    assert response.status == expected["status"]
    for name, value in expected.get("headers", {}).items():
        assert response.headers.get(name) == value
    if "json" in expected:
        assert json.loads(response.body) == expected["json"]
    if "text" in expected:
        assert response.body.decode() == expected["text"]


@those(lambda case: not isinstance(case.refused, dict))
def test_the_same_call_always_means_the_same(case: Case) -> None:
    spoken = dialect(case.dialect)

    def told() -> object:
        try:
            return repr(spoken.parse(case.call))
        except RequestError as refusal:
            return repr(refusal)

    assert told() == told()


@those(lambda case: case.call.method == "GET")
def test_an_answer_to_a_get_is_kept_by_no_cache(case: Case) -> None:
    assert "no-store" in respond(case).headers["Cache-Control"]


@those(lambda case: case.drafts is not None)
def test_every_draft_under_a_key_has_a_fingerprint(case: Case) -> None:
    for draft in dialect(case.dialect).parse(case.call):
        if isinstance(draft, Draft):
            assert bool(draft.key) == bool(draft.digest)


@those(lambda case: case.drafts is not None)
def test_every_draft_knows_where_each_medium_was_named(case: Case) -> None:
    for draft in dialect(case.dialect).parse(case.call):
        if isinstance(draft, Draft):
            assert all(ref.pointer.endswith(f"/{number}") for number, ref in enumerate(draft.media))


def every_error() -> Iterator[RequestError | AdmissionError]:
    """Make one of each error that a call may be refused with."""
    for kind in vars(errors).values():
        if not isinstance(kind, type) or not issubclass(kind, RequestError | AdmissionError):
            continue
        if kind is QuotaExceeded:
            yield QuotaExceeded("why", period="day", retry_after_s=0)
        elif kind is InvalidRequest:
            yield InvalidRequest(
                [errors.InvalidField("why", pointer="/text"), errors.MissingField("why", pointer="/to")]
            )
        elif issubclass(kind, AdmissionError):
            yield kind("why", retry_after_s=0)
        else:
            yield kind("why", pointer="/some/field", value="\ud800\0" + "x" * 500)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_every_error_can_be_told(name: str) -> None:
    spoken = dialect(name)
    for call in {case.section: case.call for case in CASES if case.dialect == name}.values():
        for refusal in every_error():
            response = spoken.refused(call, refusal)
            assert 200 <= response.status < 500 or (
                response.status == 503 and isinstance(refusal, AdmissionError)
            )
            assert response.body
            if response.status in (429, 503):
                assert int(response.headers["Retry-After"]) >= 1
            if response.status == 401:
                assert response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_no_error_repeats_text_or_secrets(name: str) -> None:
    spoken = dialect(name)
    query = (
        ("action", "sendmessage"),
        ("username", "u1"),
        ("password", SECRET),
        ("messagedata", TEXT),
        ("vp", TEXT),
    )
    body = json.dumps(
        {"action": "sendmessage", "password": SECRET, "messagedata": 5, "to": 5, "text": [TEXT]}
    ).encode()
    headers = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}
    calls = (
        Call(method="GET", path=PATHS[name], query=query, headers={}),
        Call(method="POST", path=PATHS[name], headers=headers, body=body),
    )
    for call in calls:
        try:
            drafts = spoken.parse(call)
        except RequestError as refusal:
            response = spoken.refused(call, refusal)
        else:
            assert isinstance(drafts, tuple)
            response = spoken.answer(call, [draft for draft in drafts if isinstance(draft, RequestError)])
        assert SECRET not in response.body.decode()
        assert TEXT not in response.body.decode()
        assert SECRET not in str(response.headers)


def test_credentials_do_not_show_in_logs() -> None:
    assert SECRET not in repr(Credentials(user="u1", password=SECRET, api_key=SECRET))


TEXTS = st.text(st.characters(), max_size=40)
QUERY_NAMES = [
    "action",
    "recipient",
    "recipient0",
    "messagedata",
    "messagetype",
    "messagecount",
    "vp",
    "_charset_",
    "msgID",
    "folder",
    "limit",
    "afterdownload",
    "listName",
]
FORM_NAMES = ["username", "password", "responseformat", "maxresponse", "priority", "message", "media", "tags"]
JSON_NAMES = [
    "to",
    "text",
    "from",
    "messages",
    "to_address",
    "message_id",
    "attachments",
    "send_at",
    "valid_until",
    "folder",
    "message_ids",
    "limit",
]
MX_NAMES = ["smsto", "smsfrom", "smsmsg", "smsia5", "smsucs2", "smsudh", "split", "report", "vp", "flash"]
MX_MMS_NAMES = [
    "to",
    "from",
    "url",
    "mms.zip",
    "note",
    "subaccount",
    "subject",
    "deliveryreport",
    "user",
    "pass",
]
NAMES = st.one_of(TEXTS, st.sampled_from(QUERY_NAMES + FORM_NAMES + JSON_NAMES + MX_NAMES + MX_MMS_NAMES))
VALUES = st.one_of(
    TEXTS,
    st.sampled_from(
        ["receivemessage", "getmessagebyid", "getmessagelist", "deletemessagebyid", "receivemsg", "deletemsg"]
    ),
    st.sampled_from(
        ["sendmessage", "sendmsg", "rest", "MMS:XML", "<MMS>", "html", "json", "urlencoded", "utf-16"]
    ),
    st.sampled_from(["2", "9" * 5000, "[[[[", "{}", "a;b", "+12025550101", "2026.02.31. 10:00:00", "\udcff"]),
    st.sampled_from(["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+14:00", "2026-01-20T08:00:00Z"]),
)
PAIRS = st.lists(st.tuples(NAMES, VALUES), max_size=6).map(tuple)
ANY_JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), VALUES),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=12,
)
BODIES = st.one_of(
    st.just(b""), st.binary(max_size=40), ANY_JSON.map(lambda value: json.dumps(value).encode())
)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(["application/json", "multipart/form-data", "text/plain", ""]),
        "authorization": st.one_of(
            TEXTS, st.sampled_from(["Basic", "Basic =", "Basic dTE6cDE=", "Bearer ü", "Bearer x"])
        ),
        "idempotency-key": TEXTS,
    },
)


@pytest.mark.parametrize(
    ("name", "path"), sorted({(name, path) for name in DIALECTS for _, path in DIALECTS[name].routes})
)
@given(method=st.sampled_from(["GET", "POST"]), query=PAIRS, form=PAIRS, headers=HEADERS, body=BODIES)
@settings(max_examples=150, deadline=None)
def test_any_call_gets_an_answer(
    name: str,
    path: str,
    method: str,
    query: tuple[tuple[str, str], ...],
    form: tuple[tuple[str, str], ...],
    headers: dict[str, str],
    body: bytes,
) -> None:
    spoken = dialect(name)
    call = Call(method=method, path=path, query=query, form=form, headers=headers, body=body)
    spoken.credentials(call)
    try:
        drafts = spoken.parse(call)
    except RequestError as refusal:
        response = spoken.refused(call, refusal)
    else:
        if not isinstance(drafts, tuple):
            assert answered(spoken, call).status < 500
            return
        taken = Case(
            dialect=name,
            section="",
            name="",
            call=call,
            ids=(),
            drafts=None,
            refused=None,
            outcomes=None,
            answer=None,
        )
        response = spoken.answer(call, outcomes(taken, drafts))
    assert response.status < 500
    assert response.body
