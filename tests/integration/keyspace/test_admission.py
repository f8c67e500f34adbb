"""Admission: what one atomic call takes, and what it refuses."""

import asyncio
from typing import Any

import pytest
import redis

from broker.domain.message import Priority
from broker.domain.value import replace
from broker.errors import KeyReused, OutOfCredit, QuotaExceeded
from broker.keyspace.admission import Admission, AdmissionResult, Cold
from broker.keyspace.content import decode
from broker.settings import Settings
from tests.integration.keyspace.conftest import ACCOUNT, message, request


@pytest.fixture
def client(settings: Settings) -> Any:
    with redis.Redis.from_url(settings.redis_url, decode_responses=True) as one:
        yield one


def result(answer: AdmissionResult | Cold) -> AdmissionResult:
    assert isinstance(answer, AdmissionResult)
    return answer


async def test_an_admitted_message_is_stored_listed_and_rung_for(admission: Admission, client: Any) -> None:
    one = message()
    answer = result(await admission.admit(request(one)))
    assert answer.ids == (one.id,)
    assert decode(client.get(f"msg:{one.id}")) == one
    assert client.zrange("fresh:submit", 0, -1) == [one.id]
    assert client.llen("submit") == 1
    assert client.zscore("admitted", one.id) > client.time()[0] * 1000


async def test_an_urgent_message_goes_to_its_own_queue(admission: Admission, client: Any) -> None:
    one = message(priority=Priority.HIGH)
    await admission.admit(request(one))
    assert client.zrange("fresh:submit.high", 0, -1) == [one.id]
    assert client.zrange("admitted:high", 0, -1) == [one.id]
    assert (client.llen("submit.high"), client.llen("submit"), client.zcard("fresh:submit")) == (1, 0, 0)


async def test_of_a_group_only_the_leader_waits(admission: Admission, client: Any) -> None:
    first, second = message(batch="b", group=True), message(batch="b", group=True)
    members = (first.id, second.id)
    first, second = replace(first, members=members), replace(second, members=members)
    answer = result(await admission.admit(request(first, second)))
    assert (answer.ids, answer.batch) == (members, "b")
    assert client.zrange("fresh:submit", 0, -1) == client.zrange("admitted", 0, -1) == [first.id]
    assert client.exists(f"msg:{first.id}", f"msg:{second.id}") == 2


async def test_no_more_rings_wait_than_there_are_workers_to_hear_them(
    admission: Admission, client: Any, settings: Settings
) -> None:
    for _ in range(settings.worker_threads + 3):
        await admission.admit(request())
    assert client.llen("submit") == settings.worker_threads
    assert client.zcard("fresh:submit") == settings.worker_threads + 3


async def test_the_same_key_and_body_gives_the_same_ids(admission: Admission, client: Any) -> None:
    first = result(await admission.admit(request(key="k", digest="d1")))
    again = result(await admission.admit(request(key="k", digest="d1")))
    assert (again.ids, again.replayed, first.replayed) == (first.ids, True, False)
    assert client.zcard("fresh:submit") == 1
    assert len(client.keys("msg:*")) == 1


async def test_a_replayed_batch_keeps_its_batch_id(admission: Admission) -> None:
    first = result(
        await admission.admit(request(message(batch="b1"), message(batch="b1"), key="k", digest="d"))
    )
    again = result(
        await admission.admit(request(message(batch="b2"), message(batch="b2"), key="k", digest="d"))
    )
    assert (again.ids, again.batch) == (first.ids, "b1")


async def test_the_same_key_with_another_body_is_refused(admission: Admission, client: Any) -> None:
    await admission.admit(request(key="k", digest="d1"))
    with pytest.raises(KeyReused):
        await admission.admit(request(key="k", digest="d2"))
    assert client.zcard("fresh:submit") == 1


async def test_keys_of_two_accounts_have_nothing_to_do_with_each_other(admission: Admission) -> None:
    first = result(await admission.admit(request(key="k", digest="d1")))
    other = request(account=replace(ACCOUNT, name="globex"), key="k", digest="d2")
    assert result(await admission.admit(other)).ids != first.ids


async def test_an_idempotency_key_expires_after_48_hours(admission: Admission, client: Any) -> None:
    await admission.admit(request(key="k", digest="d"))
    (name,) = client.keys("idem:*")
    assert 48 * 3600 - 60 < client.ttl(name) <= 48 * 3600


async def test_twenty_parallel_copies_of_one_key_give_one_id(admission: Admission, client: Any) -> None:
    answers = await asyncio.gather(*(admission.admit(request(key="k", digest="d")) for _ in range(20)))
    assert len({result(answer).ids for answer in answers}) == 1
    assert sum(not result(answer).replayed for answer in answers) == 1
    assert client.zcard("fresh:submit") == 1


async def test_requests_that_wait_share_one_call(admission: Admission, client: Any) -> None:
    await admission.admit(request())
    before = client.info("commandstats")["cmdstat_evalsha"]["calls"]
    await asyncio.gather(*(admission.admit(request()) for _ in range(200)))
    assert client.info("commandstats")["cmdstat_evalsha"]["calls"] - before == 1
    assert client.zcard("fresh:submit") == 201


async def test_a_refusal_does_not_stop_its_neighbours(admission: Admission, client: Any) -> None:
    await admission.admit(request(key="k", digest="d1"))
    good, bad, fine = await asyncio.gather(
        admission.admit(request()),
        admission.admit(request(key="k", digest="d2")),
        admission.admit(request()),
        return_exceptions=True,
    )
    assert isinstance(good, AdmissionResult)
    assert isinstance(bad, KeyReused)
    assert isinstance(fine, AdmissionResult)
    assert client.zcard("fresh:submit") == 3


async def test_a_counter_that_is_missing_is_not_taken_for_zero(admission: Admission, client: Any) -> None:
    limited = replace(ACCOUNT, daily_limit=5)
    assert await admission.admit(request(account=limited)) is Cold.COLD
    assert client.dbsize() == 1  # the call's marker


async def test_the_daily_limit_counts_requests_not_messages(admission: Admission, client: Any) -> None:
    limited = replace(ACCOUNT, daily_limit=2)
    client.set("quota:acme:2026-11-21", 0)
    await admission.admit(request(message(batch="b"), message(batch="b"), account=limited))
    await admission.admit(request(account=limited))
    with pytest.raises(QuotaExceeded) as caught:
        await admission.admit(request(account=limited))
    assert (caught.value.period, caught.value.retry_after_s) == ("day", 12 * 3600)
    assert client.zcard("fresh:submit") == 3


async def test_the_monthly_limit_is_counted_in_the_accounts_own_time_zone(
    admission: Admission, client: Any
) -> None:
    limited = replace(ACCOUNT, monthly_limit=1, timezone="Asia/Tokyo")
    client.set("quota:acme:2026-11", 1)
    with pytest.raises(QuotaExceeded) as caught:
        await admission.admit(request(account=limited))
    assert (caught.value.period, caught.value.retry_after_s) == ("month", 9 * 86400 + 3 * 3600)


async def test_a_replay_costs_nothing(admission: Admission, client: Any) -> None:
    limited = replace(ACCOUNT, daily_limit=1, credit=1)
    client.set("quota:acme:2026-11-21", 0)
    client.hset("balance:acme", "left", 1)
    first = result(await admission.admit(request(account=limited, key="k", digest="d")))
    again = result(await admission.admit(request(account=limited, key="k", digest="d")))
    assert again.ids == first.ids
    assert (client.get("quota:acme:2026-11-21"), client.hget("balance:acme", "left")) == ("1", "0")


async def test_a_batch_is_covered_by_the_credit_whole_or_not_at_all(
    admission: Admission, client: Any
) -> None:
    paying = replace(ACCOUNT, credit=3)
    client.hset("balance:acme", "left", 3)
    await admission.admit(request(message(batch="b"), message(batch="b"), account=paying))
    with pytest.raises(OutOfCredit):
        await admission.admit(request(message(batch="c"), message(batch="c"), account=paying))
    assert client.hget("balance:acme", "left") == "1"
    assert client.zcard("fresh:submit") == 2


async def test_a_refused_request_leaves_nothing_behind(admission: Admission, client: Any) -> None:
    client.set("quota:acme:2026-11-21", 7)
    limited = replace(ACCOUNT, daily_limit=7)
    with pytest.raises(QuotaExceeded):
        await admission.admit(request(account=limited, key="k", digest="d"))
    client.delete(*client.keys("admit:*"))
    assert client.keys() == ["quota:acme:2026-11-21"]


async def test_every_key_but_the_work_itself_and_its_books_expires(admission: Admission, client: Any) -> None:
    one = message()
    await admission.admit(request(one, key="k", digest="d"))
    lasting = {name for name in client.keys("*") if client.ttl(name) == -1}
    assert lasting == {f"msg:{one.id}", "fresh:submit", "rounds:submit", "admitted", "submit", "accepted"}


async def test_a_public_number_stands_for_the_messages_of_its_request(
    admission: Admission, client: Any
) -> None:
    first, second = message(batch="b", number=7), message(batch="b", number=7)
    answer = result(await admission.admit(request(first, second)))
    assert (answer.number, answer.ids) == (7, (first.id, second.id))
    assert client.get("number:7").split(" ") == [first.id, "b", first.id, second.id]
    assert 0 < client.ttl("number:7") <= 48 * 3600


async def test_a_number_that_is_taken_is_given_to_nobody_else(admission: Admission, client: Any) -> None:
    await admission.admit(request(message(number=7)))
    other = message(number=7)
    answer = result(await admission.admit(request(other)))
    assert answer.number not in (7, None)
    assert decode(client.get(f"msg:{other.id}")).number == answer.number
    assert client.get(f"number:{answer.number}").startswith(other.id)
    assert client.zcard("fresh:submit") == 2


async def test_the_same_request_twice_at_once_is_two_requests(admission: Admission, client: Any) -> None:
    answers = await asyncio.gather(*(admission.admit(request(message(number=7))) for _ in range(5)))
    assert len({result(answer).number for answer in answers}) == 5
    assert client.zcard("fresh:submit") == 5


async def test_a_number_is_not_kept_for_a_request_that_is_refused(admission: Admission, client: Any) -> None:
    poor = replace(ACCOUNT, credit=1)
    client.hset("balance:acme", "left", 1)
    with pytest.raises(OutOfCredit):
        await admission.admit(
            request(message(number=7, batch="b"), message(number=7, batch="b"), account=poor)
        )
    assert client.keys("number:*") == []
