"""Arrivals as they are kept until somebody owns their number."""

import orjson

from broker.domain.event import Inbound
from broker.services.receive import load
from tests.factories import NOW


def test_an_arrival_that_a_newer_version_kept_is_read() -> None:
    one = Inbound(provider_ref="r", originator="+1", recipient="+2", at=NOW, key="k", media=("http://a/b",))
    kept = {
        "provider_ref": "r", "originator": "+1", "recipient": "+2", "at": NOW, "key": "k", "media": ["http://a/b"],
        "webhook": "digest", "trace": "t", "mood": "fine",
    }  # fmt: skip
    assert load(orjson.dumps(kept).decode()) == (one, "digest")
