"""What both clients must do on a real socket, whatever the other side does."""

import asyncio
import gzip

import pytest

from broker.domain.wire import Request, Response
from broker.errors import OutcomeUnknown, Rejected, Unavailable
from broker.net.client import ANSWER_LIMIT, Client
from broker.net.lean import LeanClient
from broker.net.names import Names
from tests.integration.net.certificates import Certified
from tests.integration.net.raw_server import Line, Script, ok, serving


def post(url: str, body: bytes = b"{}", **headers: str) -> Request:
    return Request(method="POST", url=f"{url}/messages", headers=headers, body=body)


def get(url: str, path: str = "/thing") -> Request:
    return Request(method="GET", url=url + path)


def always(*pieces: bytes) -> Script:
    """Answer every request with the same pieces, and keep the connection."""

    async def script(line: Line) -> None:
        while True:
            await line.hear()
            await line.say(*pieces)

    return script


def once(*pieces: bytes) -> Script:
    """Answer one request and hang up."""

    async def script(line: Line) -> None:
        await line.hear()
        await line.say(*pieces)

    return script


async def fetched(client: Client, script: Script, request: str = "POST", times: int = 1) -> Response:
    async with serving(script) as server:
        for _ in range(times):
            answer = await client.send(
                Request(method=request, url=f"{server.url}/x", body=b"{}" if request == "POST" else b""),
                timeout_s=10,
            )
    return answer


class TestAnswers:
    async def test_status_headers_and_body_arrive(self, client: Client) -> None:
        answer = await fetched(client, always(ok(b'{"id":1}', "X-Thing: Some", status="202 Accepted")))
        assert (answer.status, answer.headers["x-thing"], answer.body) == (202, "Some", b'{"id":1}')

    async def test_an_answer_in_single_bytes_is_put_together(self, client: Client) -> None:
        answer = await fetched(client, always(*(bytes([byte]) for byte in ok(b"together", "X-Thing: Some"))))
        assert (answer.headers["x-thing"], answer.body) == ("Some", b"together")

    async def test_chunks_are_joined(self, client: Client) -> None:
        pieces = (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"5\r\nhello\r\n",
            b"6;note=1\r\n world\r\n0\r\n",
            b"X-Trailer: 1\r\n\r\n",
        )
        assert (await fetched(client, always(*pieces), times=2)).body == b"hello world"

    async def test_a_body_may_end_with_the_connection(self, client: Client) -> None:
        answer = await fetched(client, once(b"HTTP/1.1 200 OK\r\n\r\n", b"until ", b"the end"))
        assert answer.body == b"until the end"

    async def test_an_old_server_is_understood(self, client: Client) -> None:
        answer = await fetched(client, once(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"), times=2)
        assert answer.body == b"ok"

    async def test_interim_answers_are_skipped(self, client: Client) -> None:
        interim = b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        answer = await fetched(client, always(*interim, ok(b"final")), times=2)
        assert (answer.status, answer.body, "link" in answer.headers) == (200, b"final", False)

    async def test_interim_and_final_answer_may_share_a_packet(self, client: Client) -> None:
        answer = await fetched(client, always(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"final")), times=2)
        assert (answer.status, answer.body) == (200, b"final")

    async def test_repeated_headers_are_joined(self, client: Client) -> None:
        answer = await fetched(client, always(ok(b"", "X-Many: one", "x-many: two")))
        assert answer.headers["x-many"] == "one, two"

    @pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
    async def test_some_answers_have_no_body(self, client: Client, status: str) -> None:
        async with serving(always(f"HTTP/1.1 {status}\r\nX-Kept: 1\r\n\r\n".encode())) as server:
            for _ in range(2):
                answer = await client.send(get(server.url), timeout_s=10)
                assert (answer.status, answer.body) == (int(status[:3]), b"")
        assert server.connections == 1

    async def test_an_answer_to_head_has_no_body_whatever_its_length_says(self, client: Client) -> None:
        script = always(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        answer = await fetched(client, script, request="HEAD", times=2)
        assert (answer.headers["content-length"], answer.body) == ("1000", b"")

    async def test_a_redirect_is_an_answer(self, client: Client) -> None:
        async with serving(always(ok(b"", "Location: /elsewhere", status="302 Found"))) as server:
            answer = await client.send(get(server.url), timeout_s=10)
        assert (answer.status, answer.headers["location"], len(server.heard)) == (302, "/elsewhere", 1)

    @pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503])
    async def test_an_error_status_is_an_answer(self, client: Client, status: int) -> None:
        answer = await fetched(client, always(ok(b"why", "Retry-After: 7", status=f"{status} No")))
        assert (answer.status, answer.headers["retry-after"], answer.body) == (status, "7", b"why")

    async def test_a_packed_body_stays_packed(self, client: Client) -> None:
        packed = gzip.compress(b"a" * 1000)
        assert (await fetched(client, always(ok(packed, "Content-Encoding: gzip")))).body == packed

    async def test_the_largest_answer_arrives(self, client: Client) -> None:
        assert len((await fetched(client, always(ok(b"x" * ANSWER_LIMIT)))).body) == ANSWER_LIMIT


class TestRequests:
    async def test_the_request_is_written_as_asked(self, client: Client) -> None:
        async with serving(always(ok())) as server:
            request = Request(
                method="POST",
                url=f"{server.url}/a%20b/messages?q=%2F&x=1#part",
                headers={"Content-Type": "application/json", "Authorization": "Basic abc"},
                body=b'{"a":1}',
            )
            await client.send(request, timeout_s=10)
        (heard,) = server.heard
        assert heard.line == "POST /a%20b/messages?q=%2F&x=1 HTTP/1.1"
        assert heard.body == b'{"a":1}'
        assert heard.headers["host"] == server.url.removeprefix("http://")
        assert heard.headers["user-agent"].startswith("ringpost/")
        del heard.headers["host"], heard.headers["user-agent"]
        assert heard.headers == {
            "content-type": "application/json",
            "authorization": "Basic abc",
            "accept-encoding": "identity",
            "content-length": "7",
        }

    async def test_a_request_may_bring_its_own_agent(self, client: Client) -> None:
        async with serving(always(ok())) as server:
            await client.send(
                Request(method="GET", url=server.url, headers={"User-agent": "me"}), timeout_s=10
            )
        assert server.heard[0].headers["user-agent"] == "me"

    async def test_an_empty_post_says_so(self, client: Client) -> None:
        async with serving(always(ok())) as server:
            await client.send(post(server.url, b""), timeout_s=10)
        assert server.heard[0].headers["content-length"] == "0"

    async def test_a_large_body_is_written_whole(self, client: Client) -> None:
        body = bytes(range(256)) * (4 * 4096)
        async with serving(always(ok())) as server:
            await client.send(Request(method="PUT", url=server.url, body=body), timeout_s=20)
        assert server.heard[0].body == body

    async def test_cookies_are_not_kept(self, client: Client) -> None:
        async with serving(always(ok(b"", "Set-Cookie: a=b; Path=/"))) as server:
            for _ in range(2):
                await client.send(get(server.url), timeout_s=10)
        assert "cookie" not in server.heard[1].headers

    @pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", "a\0b", "\u2028"])
    async def test_a_header_cannot_write_another(self, client: Client, value: str) -> None:
        async with serving(always(ok())) as server:
            with pytest.raises(Rejected):
                await client.send(Request(method="GET", url=server.url, headers={"X-A": value}), timeout_s=10)
        assert server.heard == []

    @pytest.mark.parametrize(
        "name", ["", "X A", "X:A", "X\r\nA", "Host", "content-length", "Transfer-Encoding", "é"]
    )
    async def test_a_header_name_must_be_harmless(self, client: Client, name: str) -> None:
        async with serving(always(ok())) as server:
            with pytest.raises(Rejected):
                await client.send(Request(method="GET", url=server.url, headers={name: "1"}), timeout_s=10)
        assert server.heard == []

    @pytest.mark.parametrize(
        "url", ["", "ftp://127.0.0.1/", "http://", "http://127.1/", "http://a b/", "http://u@h/", "/x"]
    )
    async def test_a_url_must_be_one(self, client: Client, url: str) -> None:
        with pytest.raises(Rejected):
            await client.send(Request(method="GET", url=url), timeout_s=10)


class TestKeeping:
    async def test_a_connection_is_used_again(self, client: Client) -> None:
        async with serving(always(ok(b"again"))) as server:
            for _ in range(5):
                await client.send(post(server.url), timeout_s=10)
        assert server.connections == 1

    async def test_a_connection_is_kept_per_host_and_port(self, client: Client) -> None:
        async with serving(always(ok(b"one"))) as one, serving(always(ok(b"two"))) as two:
            answers = [(await client.send(post(url), timeout_s=10)).body for url in (one.url, two.url) * 3]
        assert answers == [b"one", b"two"] * 3
        assert (one.connections, two.connections) == (1, 1)

    async def test_a_server_that_wants_to_close_is_left(self, client: Client) -> None:
        async with serving(once(ok(b"bye", "Connection: close"))) as server:
            for _ in range(3):
                assert (await client.send(post(server.url), timeout_s=10)).body == b"bye"
        assert server.connections == 3

    async def test_a_connection_closed_while_idle_is_replaced(self, client: Client) -> None:
        hung_up = asyncio.Event()

        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok(b"once"))
            line.writer.close()
            await line.writer.wait_closed()
            hung_up.set()

        async with serving(script) as server:
            for number in range(1, 4):
                assert (await client.send(post(server.url), timeout_s=10)).body == b"once"
                await hung_up.wait()
                hung_up.clear()
                await asyncio.sleep(0.02)  # the close is under way in the kernel
                assert server.connections == number
        assert len(server.heard) == 3

    async def test_a_second_answer_in_the_same_packet_is_not_the_next_answer(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok(b"first") + ok(b"forged") if line.number == 1 else ok(b"second"))
            await line.until_gone()

        async with serving(script) as server:
            assert (await client.send(post(server.url), timeout_s=10)).body == b"first"
            assert (await client.send(post(server.url), timeout_s=10)).body == b"second"

    async def test_many_requests_at_once_get_their_own_answers(self, client: Client) -> None:
        async def script(line: Line) -> None:
            while True:
                heard = await line.hear()
                await line.say(ok(heard.body))

        async with serving(script) as server:

            async def ask(number: int) -> bytes:
                return (await client.send(post(server.url, b"%d" % number), timeout_s=30)).body

            for _ in range(2):
                answers = await asyncio.gather(*(ask(number) for number in range(200)))
                assert answers == [b"%d" % number for number in range(200)]
        assert server.connections <= 200

    async def test_cancelled_requests_do_not_poison_the_others(self, client: Client) -> None:
        async def script(line: Line) -> None:
            while True:
                heard = await line.hear()
                await asyncio.sleep(0.01)
                await line.say(ok(heard.body))

        async with serving(script) as server:

            async def ask(number: int) -> bytes:
                return (await client.send(post(server.url, b"%d" % number), timeout_s=30)).body

            for round_ in range(5):
                tasks = [asyncio.create_task(ask(number)) for number in range(30)]
                await asyncio.sleep(0.005 * round_)
                for task in tasks[::2]:
                    task.cancel()
                answers = await asyncio.gather(*tasks, return_exceptions=True)
                for number, answer in enumerate(answers):
                    assert answer == b"%d" % number or (
                        number % 2 == 0 and isinstance(answer, asyncio.CancelledError)
                    )
            assert await ask(7) == b"7"

    async def test_a_client_can_be_closed_after_requests_were_cancelled_at_any_moment(
        self, client: Client
    ) -> None:
        async with serving(always(ok())) as server:
            for turns in range(25):
                passing = type(client)()
                tasks = [asyncio.create_task(passing.send(post(server.url), timeout_s=30)) for _ in range(4)]
                for _ in range(turns):
                    await asyncio.sleep(0)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await asyncio.wait_for(passing.close(), timeout=20)


class TestNotSent:
    async def test_nobody_listens(self, client: Client, free_port: int) -> None:
        with pytest.raises(Unavailable):
            await client.send(post(f"http://127.0.0.1:{free_port}"), timeout_s=10)

    async def test_the_name_is_unknown(self, client: Client) -> None:
        with pytest.raises(Unavailable):
            await client.send(post("http://nobody.invalid"), timeout_s=20)

    async def test_the_certificate_is_not_trusted(self, client: Client, certified: Certified) -> None:
        stranger = type(client)()
        async with serving(always(ok()), tls=certified.server) as server:
            with pytest.raises(Unavailable):
                await stranger.send(post(server.url), timeout_s=10)
        await stranger.close()
        assert server.heard == []

    async def test_the_certificate_is_for_another_host(self, client: Client, certified: Certified) -> None:
        async with serving(always(ok()), tls=certified.other_name) as server:
            with pytest.raises(Unavailable):
                await client.send(post(server.url), timeout_s=10)
        assert server.heard == []

    async def test_the_server_speaks_no_tls(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.reader.read(1)
            await line.say(ok(b"plain"))
            await line.until_gone()

        async with serving(script) as server:
            with pytest.raises(Unavailable):
                await client.send(post(server.url.replace("http:", "https:")), timeout_s=10)

    async def test_the_server_hangs_up_in_the_handshake(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.reader.read(1)
            line.cut()

        async with serving(script) as server:
            with pytest.raises(Unavailable):
                await client.send(post(server.url.replace("http:", "https:")), timeout_s=10)

    async def test_the_handshake_takes_too_long(self, client: Client) -> None:
        async with serving(Line.until_gone) as server:
            with pytest.raises(Unavailable):
                await client.send(post(server.url.replace("http:", "https:")), timeout_s=0.5)

    async def test_the_client_is_closed(self, client: Client) -> None:
        async with serving(always(ok())) as server:
            await client.send(post(server.url), timeout_s=10)
            await client.close()
            with pytest.raises(Unavailable):
                await client.send(post(server.url), timeout_s=10)
        assert len(server.heard) == 1


class TestOutcomeUnknown:
    async def lost(self, client: Client, script: Script, *, timeout_s: float = 10) -> None:
        async with serving(script) as server:
            with pytest.raises(OutcomeUnknown):
                await client.send(post(server.url), timeout_s=timeout_s)
            assert len(server.heard) <= 1

    async def test_the_server_hangs_up_before_the_answer(self, client: Client) -> None:
        await self.lost(client, once())

    async def test_the_server_resets_before_the_answer(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            line.cut()

        await self.lost(client, script)

    async def test_the_server_hangs_up_before_it_read_the_request(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.reader.read(1)
            line.cut()

        await self.lost(client, script)

    async def test_a_kept_connection_dies_and_the_request_is_not_repeated(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok(b"first"))
            await line.hear()
            line.cut()

        async with serving(script) as server:
            await client.send(post(server.url), timeout_s=10)
            with pytest.raises(OutcomeUnknown):
                await client.send(post(server.url), timeout_s=10)
            assert (server.connections, len(server.heard)) == (1, 2)

    @pytest.mark.parametrize(
        "half",
        [
            b"HTTP/1.1 200",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
            b"HTTP/1.1 100 Continue\r\n\r\n",
        ],
    )
    async def test_half_an_answer_is_none(self, client: Client, half: bytes) -> None:
        await self.lost(client, once(half))

    @pytest.mark.parametrize(
        "noise",
        [
            b"220 mail.example.net ESMTP\r\n",
            b"\x16\x03\x01\x00\x05hello",
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        ],
    )
    async def test_garbage_is_no_answer(self, client: Client, noise: bytes) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.say(noise)
            await line.until_gone()

        await self.lost(client, script)

    async def test_no_answer_comes_in_time(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.until_gone()

        await self.lost(client, script, timeout_s=0.5)

    async def test_an_answer_drips(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not line.writer.is_closing():
                await line.say(b"x")
                await asyncio.sleep(0.01)

        await self.lost(client, script, timeout_s=0.5)

    async def test_headers_never_end(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.say(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not line.writer.is_closing():
                await line.say(b"x" * 65536)

        await self.lost(client, script)

    async def test_one_header_is_huge(self, client: Client) -> None:
        await self.lost(client, once(ok(b"", "X-Long: " + "x" * 200_000)))

    async def test_there_are_too_many_headers(self, client: Client) -> None:
        await self.lost(client, once(ok(b"", *(f"X-{number}: {'x' * 100}" for number in range(5000)))))

    async def test_the_body_is_too_large(self, client: Client) -> None:
        await self.lost(client, once(ok(b"x" * (ANSWER_LIMIT + 1))))

    async def test_the_body_never_ends(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            await line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not line.writer.is_closing():
                await line.say(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")

        await self.lost(client, script)

    async def test_the_client_is_closed_meanwhile(self, client: Client) -> None:
        asked = asyncio.Event()

        async def script(line: Line) -> None:
            await line.hear()
            asked.set()
            await line.until_gone()

        async with serving(script) as server:
            task = asyncio.create_task(client.send(post(server.url), timeout_s=10))
            await asked.wait()
            await client.close()
            with pytest.raises(OutcomeUnknown):
                await task

    async def test_the_next_request_is_not_harmed(self, client: Client) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            if line.number == 1:
                await line.until_gone()
            await line.say(ok(b"fine"))

        async with serving(script) as server:
            with pytest.raises(OutcomeUnknown):
                await client.send(post(server.url), timeout_s=0.5)
            assert (await client.send(post(server.url), timeout_s=10)).body == b"fine"


class TestTls:
    async def test_a_trusted_server_is_talked_to_on_a_kept_connection(
        self, client: Client, certified: Certified
    ) -> None:
        async with serving(always(ok(b"secret")), tls=certified.server) as server:
            for _ in range(3):
                assert (await client.send(post(server.url), timeout_s=10)).body == b"secret"
            await client.close()
        assert server.connections == 1

    async def test_a_lost_answer_is_unknown_here_too(self, client: Client, certified: Certified) -> None:
        async def script(line: Line) -> None:
            await line.hear()
            line.cut()

        async with serving(script, tls=certified.server) as server:
            with pytest.raises(OutcomeUnknown):
                await client.send(post(server.url), timeout_s=10)


class TestLeanOnly:
    async def test_a_shorter_deadline_after_a_longer_one_holds(self) -> None:
        client = LeanClient()

        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok())
            await line.hear()
            await line.until_gone()

        async with serving(script) as server:
            await client.send(post(server.url), timeout_s=100)
            with pytest.raises(OutcomeUnknown):
                await client.send(post(server.url), timeout_s=0.5)
        await client.close()

    async def test_what_nobody_asked_for_is_not_the_next_answer(self) -> None:
        # aiohttp does take it, but only from the same host and port, and create calls are not made through it.
        client = LeanClient()
        more = asyncio.Event()
        said = asyncio.Event()

        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok(b"first" if line.number == 1 else b"second"))
            if line.number == 1:
                await more.wait()
                await line.say(ok(b"forged"))
                said.set()
            await line.until_gone()

        async with serving(script) as server:
            assert (await client.send(post(server.url), timeout_s=10)).body == b"first"
            more.set()
            await said.wait()
            await asyncio.sleep(0.02)  # the forged answer is under way in the kernel
            assert (await client.send(post(server.url), timeout_s=10)).body == b"second"
        await client.close()

    async def test_the_next_address_is_tried_when_the_first_does_not_answer(self, free_port: int) -> None:
        async def ask(host: str) -> list[str]:
            return ["127.0.0.2", "127.0.0.1"]

        client = LeanClient(names=Names(ask))
        async with serving(always(ok(b"second"))) as server:
            url = server.url.replace("127.0.0.1", "carrier.example")
            assert (await client.send(post(url), timeout_s=10)).body == b"second"
            assert server.heard[0].headers["host"].startswith("carrier.example:")
        await client.close()

    async def test_no_address_answers(self, free_port: int) -> None:
        async def ask(host: str) -> list[str]:
            return ["127.0.0.2", "127.0.0.1"]

        client = LeanClient(names=Names(ask))
        with pytest.raises(Unavailable):
            await client.send(post(f"http://carrier.example:{free_port}"), timeout_s=10)
        await client.close()

    async def test_a_longer_deadline_after_a_shorter_one_holds(self) -> None:
        client = LeanClient()

        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok(b"quick"))
            await line.hear()
            await asyncio.sleep(0.8)
            await line.say(ok(b"slow"))
            await line.until_gone()

        async with serving(script) as server:
            await client.send(post(server.url), timeout_s=0.5)
            assert (await client.send(post(server.url), timeout_s=30)).body == b"slow"
        await client.close()

    async def test_a_connection_nobody_uses_is_closed(self) -> None:
        client = LeanClient(idle_s=0.05)
        hung_up = asyncio.Event()

        async def script(line: Line) -> None:
            await line.hear()
            await line.say(ok())
            await line.until_gone()
            hung_up.set()

        async with serving(script) as server:
            await client.send(post(server.url), timeout_s=0.5)
            await hung_up.wait()
            await client.send(post(server.url), timeout_s=10)
            assert server.connections == 2
        await client.close()

    async def test_a_connection_that_rested_is_used_again(self) -> None:
        client = LeanClient()
        async with serving(always(ok())) as server:
            for _ in range(2):
                await client.send(post(server.url), timeout_s=10)
                await asyncio.sleep(1.1)  # longer than a connection counts as fresh
        assert server.connections == 1
        await client.close()
