"""Signed media links."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.links import resolve, sign
from broker.errors import NotFound

FOLDERS = (Path("/data/MMSAttachments"), Path("/data/uploads"))
KEY = "a secret"
NOW = 1_000_000


def signed(path: str = "/data/uploads/acme/x", *, key: str = KEY, expires_at: int = NOW + 60) -> str:
    return sign(path, folders=FOLDERS, content_type="image/png", secret_key=key, expires_at=expires_at)


def test_a_link_leads_to_the_file_it_was_made_for() -> None:
    found = resolve(signed(), folders=FOLDERS, secret_key=KEY, now=NOW)
    assert (found.path, found.content_type) == (Path("/data/uploads/acme/x"), "image/png")


def test_a_link_tells_nothing_of_the_folders_above() -> None:
    other = (Path("/elsewhere/a"), Path("/elsewhere/b"))
    assert resolve(signed(), folders=other, secret_key=KEY, now=NOW).path == Path("/elsewhere/b/acme/x")


def test_a_link_ends_at_its_time() -> None:
    with pytest.raises(NotFound):
        resolve(signed(expires_at=NOW), folders=FOLDERS, secret_key=KEY, now=NOW)


def test_a_link_of_another_deployment_is_not_ours() -> None:
    with pytest.raises(NotFound):
        resolve(signed(key="another"), folders=FOLDERS, secret_key=KEY, now=NOW)


@pytest.mark.parametrize("path", ["/etc/passwd", "/data/uploads2/x", "relative", "/data/x"])
def test_a_file_outside_the_folders_gets_no_link(path: str) -> None:
    with pytest.raises(ValueError, match="none of the folders"):
        signed(path)


def test_a_path_that_climbs_leads_nowhere() -> None:
    with pytest.raises(NotFound):
        resolve(signed("/data/uploads/../../etc/passwd"), folders=FOLDERS, secret_key=KEY, now=NOW)


@given(st.text())
def test_any_other_text_leads_nowhere(token: str) -> None:
    with pytest.raises(NotFound):
        resolve(token, folders=FOLDERS, secret_key=KEY, now=NOW)


@given(st.integers(0, 200), st.sampled_from("AZaz09-_"))
def test_a_changed_link_leads_nowhere(place: int, char: str) -> None:
    good = signed()
    place %= len(good) - 1  # the last character may hold bits that decode to nothing
    changed = good[:place] + char + good[place + 1 :]
    if changed != good:
        with pytest.raises(NotFound):
            resolve(changed, folders=FOLDERS, secret_key=KEY, now=NOW)
