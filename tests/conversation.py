"""Lead a provider's conversation by hand."""

from typing import TypeVar

from broker.domain.wire import Conversation, Request, Response

T = TypeVar("T")


def talk(conversation: Conversation[T], *answers: Response | Exception) -> tuple[T, list[Request]]:
    """Return what a conversation learnt and what it asked.

    An exception in place of an answer is what the network raised.
    """
    requests: list[Request] = []
    waiting = iter(answers)
    try:
        request = next(conversation)
        while True:
            requests.append(request)
            answer = next(waiting, None)
            assert answer is not None, f"nobody answers {request.method} {request.url}"
            if isinstance(answer, Response):
                request = conversation.send(answer)
                continue
            request = conversation.throw(answer)
    except StopIteration as end:
        return end.value, requests
