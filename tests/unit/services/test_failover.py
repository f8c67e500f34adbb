"""What a second connection can carry of what was prepared for the first."""

from typing import Any

import pytest

from broker.domain.ids import new_id
from broker.domain.message import Message, Part, PartKind, PartState
from broker.domain.value import replace
from broker.providers.choice import provider_for
from broker.services.failover import broken_groups, carries
from tests.factories import make_connection, make_message

BANDWIDTH = provider_for(make_connection())
LINKING = provider_for(make_connection(config={**make_connection().config, "media_mode": "link"}))


def with_part(size: int, content_type: str = "image/jpeg", **changes: Any) -> Message:
    part = Part(index=1, content_type=content_type, state=PartState.STORED, size=size, **changes)
    return make_message(parts=(part,))


def group(members: int, **changes: Any) -> list[Message]:
    ids = tuple(new_id() for _ in range(members))
    return [make_message(id=one, members=ids, group=True, **changes) for one in ids]


def test_it_carries_a_text_up_to_its_length() -> None:
    assert carries(BANDWIDTH, make_message(text="x" * BANDWIDTH.limits.text))
    assert not carries(BANDWIDTH, make_message(text="x" * BANDWIDTH.limits.text, subject="s"))


def test_it_carries_pictures_of_any_size_that_it_is_handed_since_they_are_made_to_fit() -> None:
    assert carries(BANDWIDTH, with_part(15_000_000))
    assert not carries(LINKING, with_part(15_000_000)), "what is fetched from us is as it was prepared"
    assert carries(LINKING, with_part(BANDWIDTH.limits.total_bytes))


@pytest.mark.parametrize(
    "message",
    [with_part(2_000_000, "video/mp4"), with_part(100, "application/pdf")],
    ids=["too large", "a type for no phone"],
)
def test_it_does_not_carry_what_cannot_be_made_to_fit(message: Message) -> None:
    assert not carries(BANDWIDTH, message)


def test_a_layout_is_no_part_of_what_must_fit() -> None:
    message = with_part(100)
    layout = Part(index=2, content_type="application/smil", kind=PartKind.LAYOUT, size=10**9)
    assert carries(BANDWIDTH, replace(message, parts=(*message.parts, layout)))


def test_it_carries_groups_up_to_its_number_of_recipients() -> None:
    assert carries(BANDWIDTH, group(10)[0])
    assert not carries(BANDWIDTH, group(11)[0])


def test_a_group_that_waits_whole_is_not_broken_and_one_that_a_carrier_may_have_is() -> None:
    whole, known, repeated, partly = group(3), group(2), group(2), group(3)
    known[1] = replace(known[1], provider_ref="carrier-1")
    repeated[0] = replace(repeated[0], possible_duplicate=True)
    waiting = [*whole, *known, *repeated, *partly[1:], make_message()]
    assert broken_groups(waiting) == {one[0].members[0] for one in (known, repeated, partly)}
