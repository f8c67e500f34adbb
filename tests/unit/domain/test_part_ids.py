"""Media ids of stored parts."""

import pytest

from broker.domain.ids import new_id, part_id, read_part_id


def test_a_part_is_named_by_its_message_and_its_index() -> None:
    message_id = new_id()
    assert read_part_id(part_id(message_id, 12)) == (message_id, 12)


@pytest.mark.parametrize("rest", ["", ".", ".x", ".-1", ".1.2", ".\uff11", ".1\n", ".9999999999"])
def test_anything_else_names_no_part(rest: str) -> None:
    assert read_part_id(f"{new_id()}{rest}") is None


def test_a_part_of_nothing_names_no_part() -> None:
    assert read_part_id("../../etc/passwd.1") is None
