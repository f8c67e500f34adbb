"""A text message, from the request to its end."""

from collections.abc import Callable

from tests.acceptance.flows.carrier_words import report
from tests.acceptance.flows.world import World

Number = Callable[[], str]


def kinds(message: dict[str, object]) -> list[tuple[str, str | None]]:
    """Return the timeline as pairs of what happened and what it made of the message."""
    return [(event["type"], event["status"]) for event in message["events"]]  # type: ignore[attr-defined]


def test_a_text_reaches_delivered_and_its_record_tells_how(world: World, number: Number) -> None:
    to = number()
    message_id = world.acme.send(to, "Hello", reference="order-7", tags={"shop": "north"})
    message = world.acme.until(message_id, "delivered")
    assert kinds(message) == [
        ("admit", "accepted"),
        ("claim", "submitting"),
        ("receipt", "submitted"),
        ("deliver", "delivered"),
    ]
    assert [event["seq"] for event in message["events"]] == [1, 2, 3, 4]
    (attempt,) = message["attempts"]
    assert (attempt["number"], attempt["outcome"], attempt["http_status"]) == (1, "sent", 202)
    assert attempt["started_at"] <= attempt["ended_at"]
    (create,) = world.main.creates(to=to)
    assert create["tag"] == f"{message_id}.1"
    assert (create["from"], create["to"], create["text"]) == (world.acme.sender, [to], "Hello")
    assert message["provider_ref"] == create["id"]
    assert (message["direction"], message["connection"]) == ("out", "bandwidth-1")
    assert (message["from"], message["to"], message["text"]) == (world.acme.sender, to, "Hello")
    assert (message["reference"], message["tags"]) == ("order-7", [{"name": "shop", "value": "north"}])
    assert message["possible_duplicate"] is False


def test_basic_credentials_open_the_api_too(world: World, number: Number) -> None:
    answer = world.acme.post({"to": number(), "text": "Hi"}, **world.acme.basic)
    assert answer.status == 202
    world.acme.until(answer.json()["id"], "delivered")


def test_a_phone_that_is_off_makes_a_message_undelivered_with_the_code(world: World, number: Number) -> None:
    to = number()
    world.main.dial(recipient_failures={to: 4702})
    message = world.acme.until(world.acme.send(to, "Anybody there?"), "undelivered")
    assert "4702 destination-subscriber-unavailable" in message["events"][-1]["detail"]


def test_a_message_that_the_carrier_let_expire_is_expired(world: World, number: Number) -> None:
    to = number()
    world.main.dial(recipient_failures={to: 4360})
    message = world.acme.until(world.acme.send(to, "Too late"), "expired")
    assert "4360" in message["events"][-1]["detail"]


def test_a_missing_receipt_is_unconfirmed_and_a_late_one_still_delivers(world: World, number: Number) -> None:
    to = number()
    world.main.dial(recipient_failures={to: 9902})
    message_id = world.acme.send(to, "Did it arrive?")
    message = world.acme.until(message_id, "unconfirmed")
    assert "9902" in message["events"][-1]["detail"]
    assert world.main.tell([report(message)]).status == 200
    late = world.acme.until(message_id, "delivered")["events"][-1]
    assert (late["type"], late["detail"].startswith("late")) == ("deliver", True)


def test_a_late_failure_does_not_undo_delivery(world: World, number: Number) -> None:
    message_id = world.acme.send(number(), "Hello")
    message = world.acme.until(message_id, "delivered")
    failed = {**report(message, "message-failed"), "errorCode": 4702}
    assert world.main.tell([failed]).status == 200
    after = world.acme.when(message_id, lambda found: len(found["events"]) == 5)
    assert after["status"] == "delivered"
    assert kinds(after)[-1] == ("miss", None)


def test_events_that_come_before_the_answer_count(world: World, number: Number) -> None:
    world.main.dial(events_before_answer=True, latency_ms=50)
    message = world.acme.until(world.acme.send(number(), "Hello"), "delivered")
    done = world.acme.when(message["id"], lambda found: found["attempts"][0]["outcome"] == "sent")
    assert done["status"] == "delivered"
    assert ("deliver", "delivered") in kinds(done)
    assert done["provider_ref"]
    assert len(world.main.creates(tag=message["id"])) == 1


def test_events_that_come_twice_count_once(world: World, number: Number) -> None:
    world.main.dial(duplicate_events=1)
    message = world.acme.until(world.acme.send(number(), "Hello"), "delivered")
    world.main.tell([report(message)])
    marker = world.acme.send(number(), "A later message")
    world.acme.until(marker, "delivered")
    after = world.acme.look(message["id"])
    assert [event["type"] for event in after["events"]].count("deliver") == 1


def test_a_throttled_message_is_sent_once_after_its_retries(world: World, number: Number) -> None:
    to = number()
    world.main.dial(next_statuses=[429, 503, 429])
    message = world.acme.until(world.acme.send(to, "Patience"), "delivered")
    assert [(one["outcome"], one["http_status"]) for one in message["attempts"]] == [
        ("not_sent", 429),
        ("not_sent", 503),
        ("not_sent", 429),
        ("sent", 202),
    ]
    assert [entry["status"] for entry in world.main.creates(to=to)] == [429, 503, 429, 202]
    assert message["possible_duplicate"] is False


def test_a_refused_message_is_rejected_and_not_repeated(world: World, number: Number) -> None:
    to = number()
    world.main.dial(next_statuses=[400])
    message = world.acme.until(world.acme.send(to, "No"), "rejected")
    (attempt,) = message["attempts"]
    assert (attempt["outcome"], attempt["http_status"]) == ("refused", 400)
    assert len(world.main.creates(to=to)) == 1


def test_a_lost_answer_is_settled_by_the_report_and_not_sent_again(world: World, number: Number) -> None:
    to = number()
    world.main.dial(accept_then_drop=1, event_delay_ms=300)
    message = world.acme.until(world.acme.send(to, "Did you get that?"), "delivered")
    assert ("lose", "unknown") in kinds(message)
    assert [one["outcome"] for one in message["attempts"]] == ["unknown"]
    assert len(world.main.creates(to=to)) == 1
    assert message["possible_duplicate"] is False


def test_an_answer_without_an_id_is_matched_by_our_own(world: World, number: Number) -> None:
    to = number()
    world.main.dial(no_id=1)
    message = world.acme.until(world.acme.send(to, "Who am I?"), "delivered")
    assert message["attempts"][0]["outcome"] == "sent"
    assert len(world.main.creates(to=to)) == 1


def test_high_priority_is_high_at_the_carrier_and_normal_is_not(world: World, number: Number) -> None:
    high, normal = number(), number()
    for to, priority in ((high, "high"), (normal, "normal")):
        message = world.acme.until(world.acme.send(to, "Hi", priority=priority), "delivered")
        assert message["priority"] == priority
    assert [entry["priority"] for entry in world.main.creates(to=high)] == ["high"]
    assert [entry["priority"] for entry in world.main.creates(to=normal)] == ["default"]


def test_a_long_text_in_many_scripts_arrives_as_it_was_written(world: World, number: Number) -> None:
    to, text = number(), "Grüße, 日本語, עברית, 🌅🏖️\n" * 40
    world.acme.until(world.acme.send(to, text), "delivered")
    assert [entry["text"] for entry in world.main.creates(to=to)] == [text]
