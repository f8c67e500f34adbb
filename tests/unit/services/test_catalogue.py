"""Every reason has a page, and the catalogue's words are those that the record is written with."""

import pytest

from broker.domain.causes import OURS
from broker.domain.dead import Kind
from broker.domain.remedy import ERRORS, remedy
from broker.errors import AdmissionError, Busy, OutOfCredit, RequestError
from broker.providers.bandwidth.codes import CODES, Advice, describe
from broker.services.catalogue import API, BROKER, DEAD, catalogue, explain
from tests.unit.test_house import ROOT

SAID = "".join(
    path.read_text()
    for path in (ROOT / "broker").rglob("*.py")
    if path.name not in {"causes.py", "catalogue.py"}
).replace('"\n            "', "")


@pytest.mark.parametrize("cause", OURS, ids=lambda cause: cause.code)
def test_what_we_say_of_messages_is_said_in_these_words_somewhere(cause) -> None:  # type: ignore[no-untyped-def]
    begin = cause.text.rstrip("*").strip()
    found = 'code="limit"' if cause.code == "limit" else begin
    assert any(f"{quote}{found}" in SAID for quote in ('"', "", "detail = ")), begin
    assert explain(cause.text.replace("*", "x")) == (BROKER, cause)


def test_every_code_of_a_carrier_is_explained_from_the_adapters_own_table() -> None:
    of_carrier = catalogue()["bandwidth"]
    assert of_carrier.keys() == {str(code) for code in CODES}
    for code, known in CODES.items():
        assert explain(f"{code} {describe(code)}") == ("bandwidth", of_carrier[str(code)])
        assert of_carrier[str(code)].billed is known.billed
    again = {known.advice: of_carrier[str(code)].again for code, known in CODES.items()}
    assert again[Advice.PERMANENT] == "permanent"
    assert again[Advice.LATER] == "may work later"
    assert again[Advice.UNKNOWN] == "outcome unknown"


@pytest.mark.parametrize(
    ("detail", "code"),
    [
        ("429 too-many: slow down", "429"),
        ("400 request-validation: no", "4xx"),
        ("502 Bad Gateway", "5xx"),
        ("no connection: refused", "no-connection"),
        ("internal error: ValueError", "internal-error"),
        ("limit: text is longer than 2048 characters", "limit"),
        ("opted out: another recipient of the group", "opted-out"),
    ],
)
def test_answers_and_longer_lines_are_known_by_how_they_begin(detail: str, code: str) -> None:
    found = explain(detail)
    assert found is not None
    assert found[1].code == code


@pytest.mark.parametrize(
    "detail", ["", "4999 what is that", "200 fine", "its validity is over and over", "x"]
)
def test_what_nobody_knows_is_not_guessed(detail: str) -> None:
    assert explain(detail) is None


def test_every_refusal_of_a_request_and_all_work_that_broke_is_there() -> None:
    def codes(kind: type[RequestError] | type[AdmissionError]) -> set[str]:
        return {kind.code}.union(*(codes(one) for one in kind.__subclasses__()))

    refusals = catalogue()[API]
    assert refusals.keys() == codes(RequestError) | codes(AdmissionError)
    assert refusals[OutOfCredit.code].again == "once somebody has mended it"
    assert refusals[Busy.code].again == "may work later"
    assert {code: one.do for code, one in catalogue()[DEAD].items()} == {
        **{error: remedy(Kind.MESSAGE, error) for error in ERRORS},
        **{str(kind): remedy(kind, "ValueError") for kind in Kind},
    }
    assert all(one.means and one.do for causes in catalogue().values() for one in causes.values())
