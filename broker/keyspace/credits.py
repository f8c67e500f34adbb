"""Credit counters, seen from a worker: what was given back reaches them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from broker.keyspace import keys
from broker.keyspace.client import Sync


class Credits:
    """Tells counters of changes that the record holds. For threads."""

    def __init__(self, client: Sync) -> None:
        self._client = client
        self._adjust = client.register_script((Path(__file__).parent / "lua" / "adjust.lua").read_text())

    def keep_up(self, recorded: Mapping[str, tuple[int, int]]) -> None:
        """Bring counters up to the version and the sum of changes that the record has, by account."""
        if not recorded:
            return
        with self._client.pipeline(transaction=False) as pipe:
            for account in recorded:
                pipe.hget(keys.credit(account), "version")
            versions: list[Any] = pipe.execute()
        for (account, (version, adjusted)), known in zip(recorded.items(), versions, strict=True):
            if known is not None and int(known) < version:
                self._adjust(keys=[keys.credit(account)], args=[version, adjusted])
