"""Hold a provider's conversation with its carrier: credentials, quick repeats, one renewal of a refused token."""

import asyncio
from functools import partial
from typing import TypeVar

from broker.domain.wire import Conversation, Request, Response
from broker.errors import NotAuthorised, ProviderError, Unavailable
from broker.net.retry import quickly
from broker.providers.base import Provider, Token
from broker.runtime import Runtime
from broker.services.departure import Departure
from broker.services.recording import Notes, entries, write_soon

T = TypeVar("T")

_UNAUTHORISED = 401


async def hold(
    runtime: Runtime,
    provider: Provider,
    conversation: Conversation[T],
    *,
    notes: Notes,
    departure: Departure | None = None,
) -> T:
    """Send what the conversation asks for, tell it the answers, and return what it learnt; `notes` keep what was said.

    `departure` is waited for before the create call. Raises what the provider makes of an answer, or of the lack of
    one.
    """
    step = partial(next, conversation)
    while True:
        try:
            request = step()
        except StopIteration as done:
            result: T = done.value
            return result
        try:
            answer = await _ask(runtime, provider, request, notes, departure)
        except ProviderError as error:
            step = partial(conversation.throw, error)
        else:
            step = partial(conversation.send, answer)


async def token_for(runtime: Runtime, provider: Provider, notes: Notes | None = None) -> str | None:
    """Return the connection's access token, fetched by one worker at a time; None where it needs none.

    Everybody in this process waits for the same fetch and shares its failure: asking one after the other would take
    longer than their leases.
    """
    if not provider.needs_token():
        return None
    name = provider.connection.name
    token = await runtime.tokens.get(name)
    if token is not None:
        return token
    if notes is not None:
        notes.detour = True
    renewal = runtime.renewals.get(name)
    if renewal is None:
        renewal = runtime.renewals[name] = asyncio.create_task(_renew(runtime, provider))
        renewal.add_done_callback(lambda _: runtime.renewals.pop(name))
    return await asyncio.shield(renewal)


async def _renew(runtime: Runtime, provider: Provider) -> str:
    name = provider.connection.name
    while True:
        token = await runtime.tokens.get(name)
        if token is not None:
            return token
        if await runtime.tokens.lock(name):
            try:
                return await runtime.tokens.get(name) or await _fetch_token(runtime, provider)
            finally:
                await runtime.tokens.unlock(name)


async def _fetch_token(runtime: Runtime, provider: Provider) -> str:
    notes = Notes()
    try:
        token = await _ask_for_token(runtime, provider, notes)
    finally:
        write_soon(runtime, entries(notes, provider.connection.name))
    await runtime.tokens.put(provider.connection.name, token.value, expires_in_s=token.expires_in_s)
    return token.value


async def _ask_for_token(runtime: Runtime, provider: Provider, notes: Notes) -> Token:
    try:
        return await hold(runtime, provider, provider.token(secret=0), notes=notes)
    except NotAuthorised as refused:
        # The first of two live secrets was withdrawn: the second, where there is one, is there for this.
        try:
            return await hold(runtime, provider, provider.token(secret=1), notes=notes)
        except NotAuthorised:
            raise refused from None


async def _ask(
    runtime: Runtime, provider: Provider, request: Request, notes: Notes, departure: Departure | None
) -> Response:
    token = await token_for(runtime, provider, notes) if request.credentials else None
    answer = await _send(runtime, provider, request, token, notes, departure)
    if answer.status == _UNAUTHORISED and token is not None:
        await runtime.tokens.forget(provider.connection.name, token)
        token = await token_for(runtime, provider, notes)
        answer = await _send(runtime, provider, request, token, notes, departure)
    return answer


async def _send(
    runtime: Runtime,
    provider: Provider,
    request: Request,
    token: str | None,
    notes: Notes,
    departure: Departure | None,
) -> Response:
    if request.credentials:
        request = provider.authorise(request, token)
    send = partial(_send_once, runtime, request, notes, departure if provider.is_create(request) else None)
    try:
        return await send()
    except Unavailable:
        # It never reached them, so even a create call may be tried again at once.
        return await quickly(send)


async def _send_once(
    runtime: Runtime, request: Request, notes: Notes, departure: Departure | None
) -> Response:
    if departure is not None:
        await departure()
    # An answer is waited for within what is left of the lease after the last moment to start.
    timeout_s = min(runtime.settings.submit_timeout_s, runtime.settings.lease_s / 3)
    notes.note(request)
    try:
        answer = await runtime.carrier.send(request, timeout_s=timeout_s)
    except ProviderError as error:
        notes.note(error)
        raise
    notes.note(answer)
    return answer
