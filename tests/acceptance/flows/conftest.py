"""One stack for all tests of the flows in a process."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.flows.world import World, open_world

_numbers = itertools.count(10_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test the time that a whole stack needs to start on a busy machine: any may be the first."""
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.timeout(360))


@pytest.fixture(scope="package")
def whole_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Start the stack with the first test that needs it."""
    with open_world(tmp_path_factory.mktemp("flows")) as world:
        yield world


@pytest.fixture
def world(whole_world: World) -> Iterator[World]:
    """Return the stack with all dials at no fault."""
    carriers = (whole_world.main, whole_world.plain, whole_world.token)
    for carrier in carriers:
        carrier.dial()
    yield whole_world
    for carrier in carriers:
        carrier.dial()


@pytest.fixture
def number() -> Callable[[], str]:
    """Make phone numbers that no other test uses."""
    return lambda: f"+120266{next(_numbers)}"
