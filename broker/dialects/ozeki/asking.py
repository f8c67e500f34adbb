"""What a call asks for that does not send (sheet sections 2, 3.6, 3.7 and 5.1)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from broker.dialects.base import KEY_LIMIT, is_clean
from broker.dialects.ozeki.params import read_params
from broker.dialects.ozeki.reading import TooManyMessages, read_json
from broker.domain.ask import (
    Ask,
    ChangeBalance,
    HandleMessages,
    Handling,
    ListMessages,
    ShowBalance,
    ShowMessage,
)
from broker.domain.folder import Folder
from broker.domain.wire import Call
from broker.errors import InvalidField, Malformed, MissingField

MOST = 1000
"""Most messages of one answer, and what a poll that names no limit is given (sheet 3.6)."""

HANDLINGS: Mapping[str, Handling] = {
    "deletemessagebyid": Handling.DELETE,
    "deletemessage": Handling.DELETE,
    "markmessagebyid": Handling.MARK,
    "deletemsg": Handling.DELETE,
    "markmsg": Handling.MARK,
}
RECEIVE, SHOW, LIST, RECEIVE_LIBRARY = "receivemessage", "getmessagebyid", "getmessagelist", "receivemsg"
GET_CREDITS, SET_CREDITS, ADD_CREDITS = "getcredits", "setcredits", "addcredits"
CREDITS = frozenset({GET_CREDITS, SET_CREDITS, ADD_CREDITS})
ASKS = frozenset({*HANDLINGS, *CREDITS, RECEIVE, SHOW, LIST, RECEIVE_LIBRARY})
LIBRARY_ASKS = frozenset({RECEIVE_LIBRARY, "deletemsg", "markmsg"})

UNLIMITED = -1
_AMOUNT = re.compile(r"-?[0-9]{1,15}")
_FOLDERS = {str(folder): folder for folder in Folder}
_AFTERWARDS = {"delete": Handling.DELETE, "mark": Handling.MARK, "untouch": None}


def read_ask(call: Call) -> Ask | None:
    """Return what a call asks for, or None where its action is none of these.

    Raises:
        RequestError: it cannot be read.
    """
    params = read_params(call)
    action = params.get("action", "")
    if action in LIBRARY_ASKS:
        return _library(action, params, call)
    if action in CREDITS:
        return _credits(action, params)
    if action in HANDLINGS:
        return HandleMessages(ids=(_id(params),), handling=HANDLINGS[action])
    reader = _READERS.get(action)
    return None if reader is None else reader(params)


def _credits(action: str, params: Mapping[str, str]) -> Ask:
    account = params.get("useraccount")
    if action == GET_CREDITS:
        return ShowBalance(account=account)
    if account is None:
        raise MissingField("is required", pointer="/useraccount")
    given = params.get("credits", "").strip()
    if not given:
        raise MissingField("is required", pointer="/credits")
    if not _AMOUNT.fullmatch(given) or (action == SET_CREDITS and int(given) < UNLIMITED):
        raise InvalidField("must be a whole number", pointer="/credits")
    amount = int(given)
    if action == SET_CREDITS:
        return ChangeBalance(account=account, amount=None if amount == UNLIMITED else amount)
    return ChangeBalance(account=account, amount=amount, add=True)


def _receive(params: Mapping[str, str]) -> ListMessages:
    folder = _folder(params.get("folder"), "folder")
    said = params.get("afterdownload", "untouch").strip().lower()
    if said not in _AFTERWARDS or (_AFTERWARDS[said] and folder is not Folder.INBOX):
        raise InvalidField("is not known, or not for this folder", pointer="/afterdownload")
    limit = _limit(params.get("limit"))
    return ListMessages(folder=folder, limit=limit, unmarked=True, then=_AFTERWARDS[said])


def _list(params: Mapping[str, str]) -> ListMessages:
    return ListMessages(folder=_folder(params.get("listname"), "listName"), limit=_limit(params.get("limit")))


def _library(action: str, params: Mapping[str, str], call: Call) -> Ask:
    body = read_json(call.body) if call.body else {}
    folder = _folder(body.get("folder", params.get("folder")), "folder")
    if action == RECEIVE_LIBRARY:
        limit = _limit(body.get("limit", params.get("limit")))
        return ListMessages(folder=folder, limit=limit, unmarked=True)
    ids = body.get("message_ids")
    if not isinstance(ids, list):
        raise Malformed("there are no message_ids", pointer="/message_ids")
    if len(ids) > MOST:
        raise TooManyMessages(f"more than {MOST} messages in one request", pointer="/message_ids")
    # Some of the libraries pass ids that are no text; whatever cannot be one is a message that there is not.
    named = [str(one) for one in ids if isinstance(one, str | int)]
    known = tuple(dict.fromkeys(name for name in named if _is_name(name)))
    return HandleMessages(ids=known, handling=HANDLINGS[action], folder=folder)


def _folder(named: Any, parameter: str) -> Folder:
    if named is None:
        return Folder.INBOX
    word = "".join(char for char in named.lower() if char not in " _-") if isinstance(named, str) else ""
    if word not in _FOLDERS:
        raise InvalidField("there is no such folder", pointer=f"/{parameter}")
    return _FOLDERS[word]


def _limit(given: Any) -> int:
    text = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if given is None:
        return MOST
    if not (text.isascii() and text.isdigit() and int(text[:9])):
        raise InvalidField("must be a number above 0", pointer="/limit")
    return min(int(text[:9]), MOST)


def _id(params: Mapping[str, str]) -> str:
    name = params.get("msgid", params.get("messageid", "")).strip()
    if not name:
        raise MissingField("is required", pointer="/msgID")
    if not _is_name(name):
        raise InvalidField("cannot be the id of a message", pointer="/msgID")
    return name


def _is_name(name: str) -> bool:
    return 0 < len(name) <= KEY_LIMIT and is_clean(name)


_READERS: Mapping[str, Callable[[Mapping[str, str]], Ask]] = {
    RECEIVE: _receive,
    LIST: _list,
    SHOW: lambda params: ShowMessage(id=_id(params)),
}
