"""The public numbers of what arrives."""

from collections.abc import Callable

from sqlalchemy import text

from broker.domain.event import Inbound
from broker.runtime import Runtime
from broker.services.receive import receive
from tests.factories import NOW, NOW_MS

MANY = 6000
OWNED = "+12025550150"


def test_arrivals_of_one_millisecond_have_each_their_own_number(open_runtime: Callable[..., Runtime]) -> None:
    runtime = open_runtime()
    came = [
        (
            "carrier",
            Inbound(
                provider_ref=f"ref-{n}", originator="+12065550199", recipient=OWNED, at=NOW, key=f"key-{n}"
            ),
            None,
        )
        for n in range(MANY)
    ]
    runtime.database.write(
        lambda sql: receive(sql, came, {OWNED: "acme"}, now_ms=NOW_MS, settings=runtime.settings)
    )
    found = runtime.database.read(
        lambda sql: sql.execute(text("SELECT number FROM messages")).scalars().all()
    )
    assert len(set(found)) == len(found) == MANY
    assert all(0 < number < 1 << 63 for number in found)
