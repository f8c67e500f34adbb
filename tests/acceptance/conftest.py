"""Stacks of real processes."""

from collections.abc import Iterator

import pytest

from tests.acceptance.stack import SHORT, Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack whose repairs are quick, shared by the tests of a module; `SETTINGS` in the module adds to it."""
    settings = {**SHORT, **getattr(request.module, "SETTINGS", {})}
    one = Stack(tmp_path_factory.mktemp("stack") / "up", env=settings)
    one.start()
    try:
        yield one
    finally:
        one.end()
