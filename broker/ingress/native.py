"""The native API beside its sends: look-ups and uploads."""

import asyncio
from concurrent.futures import Executor
from functools import partial
from zoneinfo import ZoneInfo

from aiohttp import web

from broker.dialects.native.billing import billed, parse_billing_query
from broker.dialects.native.dialect import credentials_of
from broker.dialects.native.lookup import found, listed, parse_list_query, uploaded
from broker.domain.account import Account
from broker.domain.draft import MediaRef
from broker.domain.ids import is_id
from broker.domain.wire import Call
from broker.errors import ContentTooLarge, MissingField, NotFound, NotPermitted
from broker.ingress.answers import to_web
from broker.ingress.calls import MULTIPART, check, head, read
from broker.ingress.router import PIECES
from broker.services.authenticate import Authenticator
from broker.services.lookup import Lookup
from broker.services.uploads import Uploads
from broker.settings import Settings

FORM_OVERHEAD = 64 * 1024
"""What a form may add to the file in it, in bytes."""


class Native:
    """Shows messages to their account, and keeps media for later sends."""

    def __init__(
        self,
        settings: Settings,
        *,
        authenticator: Authenticator,
        lookup: Lookup,
        uploads: Uploads,
        executor: Executor,
        patience_s: float,
    ) -> None:
        self._limit = settings.media_part_limit
        self._authenticator = authenticator
        self._lookup = lookup
        self._uploads = uploads
        self._executor = executor
        self._patience_s = patience_s

    async def show(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/messages/{id}`."""
        account = await self._account(head(request))
        message_id = request[PIECES]["id"]
        if not is_id(message_id):
            raise NotFound("there is no such message")
        return to_web(found(await self._lookup.one(message_id, account)))

    async def list(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/messages`."""
        call = head(request)
        account = await self._account(call)
        messages, last_id = await self._lookup.page(parse_list_query(call), account)
        return to_web(listed(messages, last_id))

    async def bills(self, request: web.BaseRequest) -> web.Response:
        """Answer `GET /v1/billing`."""
        call = head(request)
        account = await self._account(call)
        query = parse_billing_query(call, ZoneInfo(account.timezone))
        bills, last_id = await self._lookup.bills(query, account)
        return to_web(billed(call, bills, last_id))

    async def upload(self, request: web.BaseRequest) -> web.Response:
        """Answer `POST /v1/media`: the bare file with its type, or a form with one file."""
        account = await self._account(head(request))
        if not account.mms:
            raise NotPermitted("this account may not send multimedia messages")
        check(request, self._limit + FORM_OVERHEAD)
        call = await read(request, limit=self._limit + FORM_OVERHEAD, patience_s=self._patience_s)
        ref = _media(call, is_form=request.content_type == MULTIPART)
        if len(ref.data or b"") > self._limit:
            raise ContentTooLarge(f"must have at most {self._limit} bytes")
        store = partial(self._uploads.store, ref, ref.data or b"", account.name)
        stored = await asyncio.get_running_loop().run_in_executor(self._executor, store)
        answer = uploaded(stored.id, content_type=stored.content_type, size=stored.size, sha256=stored.sha256)
        return to_web(answer)

    async def _account(self, call: Call) -> Account:
        return await self._authenticator.authenticate(credentials_of(call.headers), call.peer)


def _media(call: Call, *, is_form: bool) -> MediaRef:
    if not is_form:
        kind = call.headers.get("content-type", "")
        return MediaRef(data=call.body, content_type=kind, name=call.headers.get("x-filename", ""))
    if len(call.files) != 1:
        raise MissingField("the form must hold exactly one file", pointer="/media")
    (file,) = call.files
    return MediaRef(data=file.data, content_type=file.content_type, name=file.filename, pointer="/media")
