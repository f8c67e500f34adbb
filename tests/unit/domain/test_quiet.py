"""Quiet hours end at the right moment, in every zone that a number may be in, whatever clocks do."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.quiet import QuietHours, awake_at, leaves_at, read
from broker.domain.zones import zones_of

NIGHT = read("21:00-08:00")
NEW_YORK = ZoneInfo("America/New_York")
STEADY = [
    ZoneInfo(name) for name in ("Asia/Tokyo", "America/Phoenix", "Asia/Kolkata", "Pacific/Honolulu", "UTC")
]
"""Zones whose clocks never change."""


def test_a_range_is_read_as_it_is_written() -> None:
    assert QuietHours(start=time(21), end=time(8)) == NIGHT
    assert str(read("12:30-13:15")) == "12:30-13:15"


@pytest.mark.parametrize(
    "wrong", ["", "21-8", "21:00", "24:00-08:00", "21:60-08:00", "21:00 08:00", "08:00-08:00", " 21:00-08:00"]
)
def test_what_is_no_range_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"form|begins"):
        read(wrong)


@pytest.mark.parametrize(
    ("at", "quiet"), [("20:59", False), ("21:00", True), ("23:59", True), ("00:00", True), ("08:00", False)]
)
def test_hours_over_midnight_begin_in_the_evening_and_end_in_the_morning(at: str, quiet: bool) -> None:
    assert NIGHT.covers(time.fromisoformat(at)) is quiet


def test_a_message_in_the_recipients_evening_leaves_in_the_recipients_morning() -> None:
    evening = datetime(2026, 1, 10, 22, tzinfo=NEW_YORK)
    assert leaves_at(NIGHT, ["+12125550101"], evening) == datetime(2026, 1, 11, 8, tzinfo=NEW_YORK)


def test_a_message_by_day_leaves_at_once() -> None:
    noon = datetime(2026, 1, 10, 12, tzinfo=NEW_YORK)
    assert leaves_at(NIGHT, ["+12125550101"], noon) is noon


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 7), 10), ((2026, 10, 31), 12), ((2026, 6, 1), 11)])
def test_a_night_in_which_clocks_change_is_shorter_or_longer(day: tuple[int, int, int], hours: int) -> None:
    evening = datetime(*day, 21, tzinfo=NEW_YORK).astimezone(UTC)
    assert awake_at(NIGHT, [NEW_YORK], evening) == evening + timedelta(hours=hours)


def test_an_end_that_the_clock_leaves_out_is_the_first_moment_after_it() -> None:
    hours = read("21:00-02:30")
    assert awake_at(hours, [NEW_YORK], datetime(2026, 3, 8, 6, tzinfo=UTC)) == datetime(
        2026, 3, 8, 7, 30, tzinfo=UTC
    )


def test_an_end_that_the_clock_has_twice_is_the_second() -> None:
    hours = read("21:00-01:30")
    assert awake_at(hours, [NEW_YORK], datetime(2026, 11, 1, 5, tzinfo=UTC)) == datetime(
        2026, 11, 1, 6, 30, tzinfo=UTC
    )


def test_a_number_that_may_be_in_several_zones_is_disturbed_in_none() -> None:
    toll_free = "+18005550101"
    assert len(zones_of(toll_free)) > 5
    evening = datetime(2026, 1, 10, 20, tzinfo=NEW_YORK)  # it is later in St. John's
    found = leaves_at(NIGHT, [toll_free], evening)
    assert found is not None
    assert not any(NIGHT.covers(found.astimezone(zone).time()) for zone in zones_of(toll_free))
    assert found.astimezone(ZoneInfo("Pacific/Guam")).time() == time(8), "the last of them to wake"


def test_a_number_of_which_no_zone_is_known_is_in_the_accounts() -> None:
    anywhere = "+80012345678"
    assert zones_of(anywhere) == ()
    hours = read("21:00-08:00", "Asia/Tokyo")
    night = datetime(2026, 1, 10, 22, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert leaves_at(hours, [anywhere], night) == datetime(2026, 1, 11, 8, tzinfo=ZoneInfo("Asia/Tokyo"))


def test_recipients_who_are_never_awake_together_are_never_reached_together() -> None:
    hours = read("18:00-12:00")
    assert leaves_at(hours, ["+81312345678", "+12125550101"], datetime(2026, 1, 10, tzinfo=UTC)) is None


minutes = st.integers(0, 24 * 60 - 1).map(lambda n: time(n // 60, n % 60))


@given(
    start=minutes,
    end=minutes,
    zones=st.lists(st.sampled_from(STEADY), min_size=1, max_size=3, unique_by=str),
    at=st.integers(0, 7 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)),
)
def test_it_is_the_first_minute_that_is_quiet_nowhere(
    start: time, end: time, zones: list[ZoneInfo], at: datetime
) -> None:
    if start == end:
        return
    hours = QuietHours(start=start, end=end)

    def is_quiet(moment: datetime) -> bool:
        return any(hours.covers(moment.astimezone(zone).time()) for zone in zones)

    day = (at + timedelta(minutes=n) for n in range(24 * 60 + 1))
    assert awake_at(hours, zones, at) == next((moment for moment in day if not is_quiet(moment)), None)


@given(
    start=minutes,
    end=minutes,
    name=st.sampled_from(["America/New_York", "Europe/London", "Australia/Lord_Howe", "America/St_Johns"]),
    at=st.integers(0, 366 * 24 * 60).map(lambda n: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=n)),
)
def test_it_is_never_in_the_quiet_hours_nor_before_its_time(
    start: time, end: time, name: str, at: datetime
) -> None:
    if start == end:
        return
    hours, zone = QuietHours(start=start, end=end), ZoneInfo(name)
    found = awake_at(hours, [zone], at)
    assert found is not None
    assert at <= found < at + timedelta(hours=26)
    assert not hours.covers(found.astimezone(zone).time())
