"""How names are asked for."""

import asyncio

import pytest

from broker.net.names import Names


class Directory:
    """Answers from `answers`, one list per time it is asked; an empty list is an unknown name."""

    def __init__(self, *answers: list[str] | OSError) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def ask(self, host: str) -> list[str]:
        self.asked.append(host)
        answer = self.answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer


async def test_many_who_ask_at_once_share_one_question() -> None:
    directory = Directory(["192.0.2.1", "192.0.2.2"])
    names = Names(directory.ask)
    answers = await asyncio.gather(*(names.addresses("carrier.example") for _ in range(50)))
    assert answers == [["192.0.2.1", "192.0.2.2"]] * 50
    assert directory.asked == ["carrier.example"]


@pytest.mark.parametrize("address", ["192.0.2.1", "::1"])
async def test_an_address_is_not_asked_for(address: str) -> None:
    directory = Directory()
    assert await Names(directory.ask).addresses(address) == [address]


@pytest.mark.parametrize("answer", [OSError("nobody"), []])
async def test_a_failure_is_not_remembered(answer: list[str] | OSError) -> None:
    directory = Directory(answer, ["192.0.2.1"])
    names = Names(directory.ask)
    with pytest.raises(OSError, match=r"."):
        await names.addresses("carrier.example")
    assert await names.addresses("carrier.example") == ["192.0.2.1"]


async def test_one_who_gives_up_does_not_spoil_it_for_the_others() -> None:
    may_answer = asyncio.Event()

    async def ask(host: str) -> list[str]:
        await may_answer.wait()
        return ["192.0.2.1"]

    names = Names(ask)
    first, second = (asyncio.create_task(names.addresses("carrier.example")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    may_answer.set()
    assert await second == ["192.0.2.1"]
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_closing_ends_open_questions() -> None:
    never = asyncio.Event()

    async def ask(host: str) -> list[str]:
        await never.wait()
        return []

    names = Names(ask)
    asking = asyncio.create_task(names.addresses("carrier.example"))
    await asyncio.sleep(0)
    await names.close()
    with pytest.raises(asyncio.CancelledError):
        await asking
