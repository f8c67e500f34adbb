"""The OpenAPI document is valid, and true."""

import orjson
import pytest
from openapi_spec_validator import validate

from broker.dialects.native import examples
from broker.dialects.native.answers import (
    Accepted,
    BatchAccepted,
    BillPage,
    MediaStored,
    MessagePage,
    MessageView,
    Problem,
)
from broker.dialects.native.dialect import NativeDialect
from broker.dialects.native.openapi import document
from broker.dialects.native.problem import problem
from broker.dialects.native.schema import SendMessage
from broker.dialects.native.told import ArrivalTold, ReportTold
from broker.domain.draft import Draft
from broker.domain.message import Part
from broker.domain.value import replace
from broker.domain.wire import Call
from broker.errors import Busy, InvalidField
from tests.unit.dialects.test_callbacks import LINK, PICTURE, SECRET, arrival, make_callback


def test_the_document_is_valid() -> None:
    validate(document())


def test_the_document_is_plain_json() -> None:
    assert orjson.loads(orjson.dumps(document())) == document()


def test_every_operation_can_be_named() -> None:
    names = [operation["operationId"] for path in document()["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(examples.SENDS))
def test_the_examples_can_be_sent(name: str) -> None:
    body = orjson.dumps(examples.SENDS[name]["value"])
    (draft,) = NativeDialect().parse(Call(method="POST", path="/v1/messages", body=body))
    assert isinstance(draft, Draft)


def test_the_examples_of_answers_are_answers() -> None:
    Accepted.model_validate(examples.ACCEPTED)
    BatchAccepted.model_validate(examples.BATCH)
    MessageView.model_validate(examples.MESSAGE)
    MessagePage.model_validate(examples.PAGE)
    MediaStored.model_validate(examples.MEDIA)
    BillPage.model_validate(examples.BILLS)


def test_problems_are_as_promised() -> None:
    for error in (InvalidField("why", pointer="/to"), Busy("why")):
        Problem.model_validate_json(problem(error).body)
    Problem.model_validate(examples.problem_example(422, "invalid_field", "why"))


def test_the_schema_has_the_fields_that_are_read() -> None:
    schema = document()["components"]["schemas"]["SendMessage"]
    assert set(schema["properties"]) == {
        field.alias or name for name, field in SendMessage.model_fields.items()
    }
    assert schema["additionalProperties"] is False
    assert schema["required"] == ["to"]


def test_the_callbacks_are_those_that_are_told() -> None:
    out, came = make_callback(), arrival(message={"parts": (PICTURE, Part(index=2))}, links={1: LINK})
    dialect = NativeDialect()
    told = [dialect.callback(one) for one in (out, came, replace(came, sequence=2))]
    ReportTold.model_validate_json(told[0].body)
    for request in told[1:]:
        ArrivalTold.model_validate_json(request.body)
    described = document()["webhooks"]
    for name, model in (("message.status", "ReportTold"), ("message.received", "ArrivalTold")):
        (operation,) = described[name].values()
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": f"#/components/schemas/{model}"}
    signed = dialect.callback(make_callback(secrets=(SECRET,)))
    headers = {parameter["name"] for parameter in described["message.status"]["post"]["parameters"]}
    assert headers == set(signed.headers) - {"Content-Type"}
