"""An account's days and months."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.period import day, month

ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "Europe/Berlin", "Pacific/Kiritimati", "America/St_Johns"]
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_a_day_begins_where_the_account_is() -> None:
    found = day(datetime(2026, 11, 21, 16, tzinfo=UTC), "Asia/Tokyo")
    assert found.name == "2026-11-22"
    assert found.start == datetime(2026, 11, 21, 15, tzinfo=UTC)
    assert found.end == datetime(2026, 11, 22, 15, tzinfo=UTC)


def test_the_day_of_the_clock_change_is_longer() -> None:
    found = day(datetime(2026, 11, 1, 12, tzinfo=UTC), "America/New_York")
    assert found.end - found.start == timedelta(hours=25)


def test_december_ends_in_the_next_year() -> None:
    found = month(datetime(2026, 12, 31, 23, tzinfo=UTC), "UTC")
    assert (found.name, found.end) == ("2026-12", datetime(2027, 1, 1, tzinfo=UTC))


def test_the_last_day_of_a_year_ends_with_it() -> None:
    assert day(datetime(2026, 12, 31, 23, tzinfo=UTC), "UTC").end == datetime(2027, 1, 1, tzinfo=UTC)


@given(moments, st.sampled_from(ZONES))
def test_every_moment_lies_in_its_day_and_month(now: datetime, zone: str) -> None:
    for period in (day(now, zone), month(now, zone)):
        assert period.start <= now < period.end


@given(moments, st.sampled_from(ZONES))
def test_the_next_day_begins_where_this_one_ends(now: datetime, zone: str) -> None:
    today = day(now, zone)
    tomorrow = day(today.end, zone)
    assert tomorrow.start == today.end
    assert tomorrow.name > today.name
