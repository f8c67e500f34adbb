"""When a draft may be sent."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from broker.domain.draft import Draft
from broker.domain.validity import Span, span
from broker.errors import ValidityOver

NOW = datetime(2026, 1, 17, 13, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")


def of(**fields: object) -> Span:
    draft = Draft(recipients=("+12025550101",), validity_s=7200, **fields)  # type: ignore[arg-type]
    return span(draft, zone=NEW_YORK, now=NOW)


def test_a_draft_goes_at_once_for_its_usual_time() -> None:
    assert of() == Span(send_at=None, valid_until=NOW + 2 * HOUR)


def test_the_usual_time_counts_from_when_it_may_go() -> None:
    assert of(send_at=NOW + HOUR) == Span(send_at=NOW + HOUR, valid_until=NOW + 3 * HOUR)


def test_a_start_that_has_passed_is_now() -> None:
    assert of(send_at=NOW - HOUR).send_at is None


def test_a_wall_clock_is_the_accounts() -> None:
    local = datetime(2026, 1, 17, 9, 0, tzinfo=UTC)
    assert of(valid_until=local, wall_clock=True).valid_until == NOW + HOUR


def test_a_wall_clock_knows_summer() -> None:
    local = datetime(2026, 7, 17, 9, 0, tzinfo=UTC)
    assert of(send_at=local, wall_clock=True).send_at == NOW.replace(month=7)


@pytest.mark.parametrize("until", [NOW, NOW - HOUR])
def test_what_is_over_is_refused(until: datetime) -> None:
    with pytest.raises(ValidityOver):
        of(valid_until=until)


def test_what_would_be_over_before_it_starts_is_refused() -> None:
    with pytest.raises(ValidityOver):
        of(send_at=NOW + 2 * HOUR, valid_until=NOW + HOUR)
