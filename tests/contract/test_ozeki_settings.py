"""What an operator may choose of the Ozeki API, over a socket."""

import json
import re
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

import pytest
import redis
from pydantic import ValidationError

from broker.keyspace.content import decode
from broker.settings import Settings
from tests.contract.test_ozeki_trouble import DOCUMENT, JSON, LOGIN, MESSAGE
from tests.contract.wire_server import Answer, Server, serve

GIF = b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"
FIRST = '<?xml version="1.0" encoding="UTF-8"?>'
DOCTYPE = '<!DOCTYPE smsapi PUBLIC "-//OZEKI//DTD XML 1.0//EN" "http://www.ozekisms.com/DTD/smsapi.xml">'


def ask(server: Server, **fields: str) -> Answer:
    """Ask in the classic form."""
    return server.ask("GET", f"/api?{urlencode({'action': 'sendmessage', **LOGIN, **MESSAGE, **fields})}")


def send_file(server: Server, path: str) -> str:
    """Send an MMS with a file of the gateway's, and return the code of the answer."""
    data = f"<MMS><attachments><attachment><filename>{path}</filename></attachment></attachments></MMS>"
    answer = ask(server, messagetype="MMS:XML", messagedata=data)
    return answer.body.decode().partition("<statuscode>")[2].partition("<")[0]


def test_ids_are_short_where_that_is_set_and_find_their_messages(
    make_settings: Callable[..., Settings],
) -> None:
    with serve(make_settings(ozeki_short_ids=True), DOCUMENT) as server:
        answer = ask(server, recipient="+12025550101,+12025550102", responseformat="urlencoded")
        fields = dict(parse_qsl(answer.body.decode()))
        first, second = fields["messageid"], fields["messageid1"]
        assert all(re.fullmatch("[0-9A-Z]{12}", one) for one in (first, second))
        assert first != second
        for name, recipient in ((first, "+12025550101"), (second, "+12025550102")):
            found = ask(server, action="getmessagebyid", msgID=name).body.decode()
            assert f"<messageid>{name}</messageid>" in found
            assert f"<recipient>{recipient}</recipient>" in found
        gone = ask(server, action="deletemessagebyid", msgID=first).body.decode()
        assert gone.endswith(f"<statuscode>0</statuscode><messageid>{first}</messageid></data></response>")
        listed = ask(server, action="getmessagelist", listName="deleted").body.decode()
        assert listed.startswith(f"<Envelope><ID>{first}</ID>")
        again = ask(server).body.decode()
        assert "<statuscode>0</statuscode>" in again, "what is sent twice without an id is two messages"
        body = {"action": "sendmessage", **LOGIN, **MESSAGE}
        taken = json.loads(server.ask("POST", "/api", json.dumps(body).encode(), JSON).body)
        assert re.fullmatch("[0-9A-Z]{12}", taken["messageid"])
        assert taken["data"]["messages"][0]["message_id"] == taken["messageid"]
        own = {
            "messages": [
                {"to_address": MESSAGE["recipient"], "text": "Hi", "message_id": "my-own"},
                {"to_address": "1"},
            ]
        }
        target = f"/api?{urlencode({'action': 'sendmsg', **LOGIN})}"
        taken = json.loads(server.ask("POST", target, json.dumps(own).encode(), JSON).body)
        assert taken["data"]["messages"][0]["message_id"] == "my-own"


@pytest.mark.parametrize(("wanted", "lines"), [(False, [FIRST, "<response>"]), (True, [FIRST, DOCTYPE])])
def test_the_vendors_document_type_is_named_where_that_is_set(
    make_settings: Callable[..., Settings], wanted: bool, lines: list[str]
) -> None:
    with serve(make_settings(ozeki_doctype=wanted), DOCUMENT) as server:
        taken = ask(server).body.decode()
        assert taken.splitlines()[:2] == lines
        assert "<statuscode>0</statuscode>" in taken
        assert ask(server, recipient="x").body.decode().splitlines()[:2] == lines
        assert ask(server, password="wrong").body.decode().splitlines()[:2] == lines
        for kind in ("html", "urlencoded", "json"):
            assert b"DOCTYPE" not in ask(server, responseformat=kind).body
        assert b"DOCTYPE" not in ask(server, action="receivemessage").body, "the vendor has none there"


def test_a_windows_path_leads_to_the_accounts_outbox_where_the_operator_says_so(
    make_settings: Callable[..., Settings],
) -> None:
    settings = make_settings(ozeki_paths=("C:\\Media\\=pictures", "c:/media/other="))
    for account, name in (
        ("acme", "pictures/new/cat.gif"),
        ("acme", "dog.gif"),
        ("rival", "pictures/cow.gif"),
    ):
        file = settings.outbox / account / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(GIF)
    with serve(settings, DOCUMENT) as server:
        for path in ("C:\\Media\\new\\cat.gif", "c:/MEDIA/new\\cat.gif", "C:\\media\\other\\dog.gif"):
            assert send_file(server, path) == "0", path
        outside = (
            "C:\\Media\\..\\dog.gif",
            "C:\\Media\\new\\..\\..\\dog.gif",
            "C:\\Media\\..\\..\\rival\\pictures\\cow.gif",
            "C:\\Media\\cow.gif",
            "C:\\Media2\\new\\cat.gif",
            "C:\\Media",
            "C:\\Media\\",
            "C:\\Media\\\\etc\\passwd",
            "E:\\Media\\new\\cat.gif",
        )
        assert {path: send_file(server, path) for path in outside} == dict.fromkeys(outside, "105")
    with redis.Redis.from_url(settings.redis_url) as client:
        found = [decode(client.get(name)) for name in client.keys("msg:*")]
    assert sorted(part.name for message in found for part in message.parts) == [
        "cat.gif",
        "cat.gif",
        "dog.gif",
    ]


@pytest.mark.parametrize("entry", ["C:\\media", "=pictures", "/=pictures", "C:\\=../rival", "C:\\=a\\..\\b"])
def test_a_path_that_cannot_be_is_refused_at_start(
    make_settings: Callable[..., Settings], entry: str
) -> None:
    with pytest.raises(ValidationError, match="ozeki_paths"):
        make_settings(ozeki_paths=(entry,))
