"""Several recipients: one conversation, or one message each."""

from collections.abc import Callable

from tests.acceptance.flows import pictures
from tests.acceptance.flows.world import TOLL_FREE, World

Number = Callable[[], str]


def test_a_group_is_one_submission_and_each_recipient_has_an_end(world: World, number: Number) -> None:
    first, second, off = to = [number(), number(), number()]
    world.main.dial(recipient_failures={off: 4702})
    answer = world.acme.post({"to": to, "text": "Dinner at eight", "group": True})
    assert answer.status == 202
    batch, said = answer.json()["batch"], answer.json()["messages"]
    assert [one["to"] for one in said] == to
    ids = {one["to"]: one["id"] for one in said}
    ends = {one: world.acme.until(ids[one], "delivered", "undelivered") for one in to}
    assert [ends[one]["status"] for one in to] == ["delivered", "delivered", "undelivered"]
    assert "4702" in ends[off]["events"][-1]["detail"]
    (create,) = world.main.creates(to=first)
    assert (create["to"], create["tag"]) == (to, f"{batch}.1")
    assert world.main.creates(tag=ids[second]) == []
    for one in ends.values():
        assert (one["batch"], one["provider_ref"]) == (batch, create["id"])
        assert [attempt["outcome"] for attempt in one["attempts"]] == ["sent"]


def test_a_group_with_a_picture_is_prepared_and_uploaded_once(world: World, number: Number) -> None:
    to = [number(), number()]
    url = world.media.put("group.jpg", "image/jpeg", pictures.jpeg(11))
    ids = world.acme.send_all(to, "Us", group=True, media=[{"url": url}])
    for message_id in ids.values():
        message = world.acme.until(message_id, "delivered")
        assert [part["state"] for part in message["parts"]] == ["stored"]
    assert len(world.media.asked(url)) == 1
    assert len(world.main.creates(to=to[0])) == 1


def test_a_group_that_is_throttled_goes_again_as_a_whole(world: World, number: Number) -> None:
    to = [number(), number()]
    world.main.dial(next_statuses=[429])
    ids = world.acme.send_all(to, "Once more", group=True)
    for message_id in ids.values():
        message = world.acme.until(message_id, "delivered")
        assert [attempt["http_status"] for attempt in message["attempts"]] == [429, 202]
    assert [entry["to"] for entry in world.main.creates(to=to[0])] == [to, to]


def test_a_list_without_group_is_one_submission_for_each(world: World, number: Number) -> None:
    to = [number(), number(), number()]
    ids = world.acme.send_all(to, "Dear customer")
    for one in to:
        message = world.acme.until(ids[one], "delivered")
        (create,) = world.main.creates(to=one)
        assert (create["to"], create["tag"]) == ([one], f"{ids[one]}.1")
        assert message["to"] == one


def test_a_list_of_one_is_answered_as_a_list(world: World, number: Number) -> None:
    to = number()
    ids = world.acme.send_all([to], "Hi")
    assert world.acme.until(ids[to], "delivered")["batch"]


def test_one_bad_recipient_refuses_the_whole_list(world: World, number: Number) -> None:
    good = number()
    answer = world.acme.post({"to": [good, "12"], "text": "Hi"})
    assert answer.status == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == ["/to/1"]
    assert world.acme.list(to=good)["data"] == []


def test_toll_free_senders_have_no_group_messages(world: World, number: Number) -> None:
    to = [number(), number()]
    ids = world.acme.send_all(to, "No", group=True, **{"from": TOLL_FREE})
    for message_id in ids.values():
        assert world.acme.until(message_id, "rejected")["provider_ref"] is None
    assert world.main.creates(to=to[0]) == []
