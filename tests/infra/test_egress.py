"""Addresses that a tenant supplies lead to no place inside, by whatever way they are written."""

import asyncio
import gzip
import ipaddress
import re
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import anyio
import httpx
import pytest
from tests.servers.impostor import Impostor, page, trust

from guildbank.infra.egress import (
    MAX_ANSWER_BYTES,
    MAX_REQUEST_BYTES,
    Egress,
    EgressFailed,
    EgressRefused,
    Reach,
    Resolvers,
    kept,
    reach_of,
)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that would leave the machine fails before it connects."""
    connect = anyio.connect_tcp

    async def guarded(remote_host: str, *rest: object, **options: object) -> object:
        assert ipaddress.ip_address(remote_host).is_loopback, remote_host
        return await connect(remote_host, *rest, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(anyio, "connect_tcp", guarded)


class Names:
    """A name server that answers as told and counts."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://localhost/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://0/",
        "https://[::1]/",
        "https://[::]/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::127.0.0.1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[2001:0:1:2:3:4:80ff:fffe]/",
        "https://[fe80::1]/",
        "https://[fec0::1]/",
        "https://[fd00:ec2::254]/",
        "https://[ff02::1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.1.2.3/",
        "https://172.31.0.1/",
        "https://192.168.1.1/",
        "https://100.64.0.1/",
        "https://224.0.0.1/",
        "https://255.255.255.255/",
        "https://192.0.2.1/",
    ],
)
async def test_no_spelling_of_an_inner_address_is_called(url: str):
    with pytest.raises((EgressRefused, EgressFailed)) as caught:
        await Egress().send("GET", url)
    # Some spellings are no address to the URL's own rules, some none to the resolver.
    assert re.search("may not be called|has no address|cannot be read", str(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "https:///path",
        "https://user:secret@example.com/",
        "https://exämple.com/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/" + "a" * 9000,
        "",
    ],
)
async def test_what_is_no_https_address_is_refused_unasked(url: str):
    names = Names(["127.0.0.1"])
    with pytest.raises((EgressRefused, EgressFailed)) as caught:
        await Egress(resolve=names).send("GET", url)
    assert "secret" not in str(caught.value)


async def test_a_name_that_leads_inside_is_refused():
    async with Impostor("game.example") as server:
        with pytest.raises(EgressRefused, match="may not be called"):
            await server.egress(private=False).send("GET", "https://game.example/")
        assert server.asked == []


async def test_one_inner_address_among_public_ones_condemns_the_name():
    names = Names(["93.184.216.34", "127.0.0.1"])
    with pytest.raises(EgressRefused, match="may not be called"):
        await Egress(resolve=names).send("GET", "https://two-faced.example/")


async def test_a_name_is_resolved_once_and_that_address_is_called():
    """A name server that answers differently the second time (DNS rebinding) gets no second."""
    async with Impostor() as server:
        server.answer(200, {})
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        with pytest.raises(EgressFailed, match="could not be connected"):
            await Egress(private=True, resolve=names).send(
                "GET", f"http://rebinding.example:{server.port}/"
            )
        assert names.asked == 1
        assert server.asked == []


async def test_a_deployment_may_allow_inner_addresses_but_never_metadata_servers():
    egress = Egress(private=True)
    async with Impostor() as server:
        server.answer(200, {"ok": True})
        assert (await egress.send("GET", server.url)).status == 200
    for url in ("http://169.254.169.254/", "https://[fd00:ec2::254]/", "https://0.0.0.0/"):
        with pytest.raises(EgressRefused, match="may not be called"):
            await egress.send("GET", url)


async def test_a_deployment_may_allow_one_place_inside_and_no_other():
    async with Impostor() as server, Impostor() as other:
        server.answer(200, {"ok": True})
        egress = Egress(allowed=(f"127.0.0.1:{server.port}",))
        assert (await egress.send("GET", server.url)).status == 200
        for url in (other.url, f"http://localhost:{server.port}/", "http://169.254.169.254/"):
            with pytest.raises(EgressRefused, match="may not be called"):
                await egress.send("GET", url)
        assert other.asked == []


async def test_without_tls_nothing_public_is_called_in_any_deployment():
    names = Names(["93.184.216.34"])
    with pytest.raises(EgressRefused, match="by https"):
        await Egress(private=True, resolve=names).send("GET", "http://public.example/")


async def test_a_redirect_is_an_answer_and_is_not_followed():
    async with Impostor() as server:
        server.answer_bytes(page(302, b"", "location: http://169.254.169.254/latest/"))
        answer = await Egress(private=True).send("GET", server.url)
        assert answer.status == 302
        assert len(server.asked) == 1


async def test_only_the_listed_hosts_are_called():
    async with Impostor("good.example") as server:
        server.answer(200, {})
        egress, good = server.egress(), frozenset({"good.example"})
        await egress.send("GET", "https://GOOD.example/", hosts=good)
        for url in (
            "https://evil.example/",
            "https://good.example./",
            "https://good.example@evil/",
        ):
            with pytest.raises(EgressRefused):
                await egress.send("GET", url, hosts=good)
        assert len(server.asked) == 1


async def test_the_certificate_must_be_for_the_name_that_was_asked():
    async with Impostor("other.example") as server:
        server.hosts = ("good.example",)
        with pytest.raises(EgressFailed, match="could not be connected"):
            await server.egress().send("GET", "https://good.example/")
        assert server.asked == []


async def test_a_certificate_of_an_unknown_authority_is_not_believed():
    async with Impostor("good.example") as server:
        egress = server.egress()
        egress._trust = None
        with pytest.raises(EgressFailed, match="could not be connected"):
            await egress.send("GET", "https://good.example/")


async def test_the_server_sees_the_name_and_what_was_sent():
    async with Impostor("good.example") as server:
        server.answer(200, {})
        await server.egress().send(
            "POST", "https://good.example/a?b=c", headers={"Host": "evil", "X-One": "1"}, body=b"hi"
        )
        (asked,) = server.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/a?b=c", b"hi")
        assert asked.headers["host"] == f"good.example:{server.port}"
        assert asked.headers["x-one"] == "1"


@pytest.mark.parametrize("length", ["content-length", "chunked"])
async def test_a_huge_answer_is_cut_off(length: str):
    body = b"x" * (MAX_ANSWER_BYTES + 1)
    raw = page(200, body)
    if length == "chunked":
        chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        raw = b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\n" + chunk
    async with Impostor() as server:
        server.answer_bytes(raw)
        with pytest.raises(EgressFailed, match="more than"):
            await Egress(private=True).send("GET", server.url)


async def test_a_packed_answer_is_not_unpacked():
    bomb = gzip.compress(b"\x00" * 50_000_000)
    async with Impostor() as server:
        server.answer_bytes(page(200, bomb, "content-encoding: gzip"))
        with pytest.raises(EgressFailed, match="encoding"):
            await Egress(private=True).send("GET", server.url)


async def test_a_huge_request_is_not_sent():
    async with Impostor() as server:
        with pytest.raises(EgressRefused, match="more than"):
            await Egress(private=True).send("POST", server.url, body=b"x" * (MAX_REQUEST_BYTES + 1))
        assert server.asked == []


async def test_silence_ends():
    async with Impostor() as server:
        server.answer_bytes(b"")
        began = time.monotonic()
        with pytest.raises(EgressFailed, match="in time"):
            await Egress(private=True).send("GET", server.url, total_seconds=0.3)
        assert time.monotonic() - began < 5


async def test_an_answer_that_drips_ends_as_well():
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\n")
        try:
            while True:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.05)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(EgressFailed, match="in time"):
            await Egress(private=True).send("GET", url, total_seconds=0.4)


async def test_no_cookie_of_one_answer_comes_with_the_next_request():
    async with Impostor() as server:
        for _ in range(2):
            server.answer_bytes(page(200, b"{}", "set-cookie: session=1"))
        egress = Egress(private=True)
        await egress.send("GET", server.url)
        await egress.send("GET", server.url)
        assert "cookie" not in server.asked[1].headers


def test_ordinary_addresses_are_public():
    for text in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"):
        assert reach_of(ipaddress.ip_address(text)) is Reach.PUBLIC


def test_the_authority_of_the_tests_is_not_the_systems():
    assert trust().get_ca_certs() != httpx.create_ssl_context().get_ca_certs()


async def test_an_owner_whose_names_are_slow_to_be_found_holds_up_nobody_else():
    """Threads that wait for a name server cannot be stopped: they count until they are back."""
    let_go = threading.Event()

    def ask(host: str, _port: int) -> list[str]:
        if host == "slow.example":
            let_go.wait(20)
        return ["127.0.0.1"]

    resolvers = Resolvers(ask)
    slow = [asyncio.create_task(resolvers("slow.example", 443, "mallory")) for _ in range(100)]
    try:
        await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            assert await resolvers("game.example", 443, "honest") == ["127.0.0.1"]
        for one in slow[:50]:
            one.cancel()
        await asyncio.sleep(0.05)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await resolvers("game.example", 443, "mallory")
    finally:
        let_go.set()
    assert await asyncio.gather(*slow[50:]) == [["127.0.0.1"]] * 50


@asynccontextmanager
async def patient_server() -> AsyncIterator[tuple[str, list[str]]]:
    """Answer any number of requests a connection, each with a cookie, and note what came."""
    heard: list[str] = []
    writers: list[asyncio.StreamWriter] = []
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        serving.add(asyncio.current_task())
        number = len(writers)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                heard.append(f"{number}: {head.decode().lower()}")
                writer.write(b"HTTP/1.1 200 X\r\ncontent-length: 0\r\nset-cookie: who=ann\r\n\r\n")

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", heard
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.gather(*(one for one in serving if one is not None))
        await server.wait_closed()


async def test_a_connection_stays_open_for_its_owner_alone_and_keeps_no_cookie():
    egress = Egress(private=True)
    async with patient_server() as (url, heard):
        for owner in ("ten_a", "ten_a", "ten_b"):
            await egress.send("GET", url, owner=owner, keep=True)
        await egress.send("GET", url, owner="ten_a")
        assert [one.partition(":")[0] for one in heard] == ["1", "1", "2", "3"]
        assert not any("cookie:" in one for one in heard)
        await egress.close()
        await egress.send("GET", url, owner="ten_a", keep=True)
        assert heard[-1].startswith("4")
        await egress.close()


async def test_few_connections_are_kept_and_none_is_taken_from_who_uses_it(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(kept, "KEPT", 2)
    egress = Egress(private=True)
    async with patient_server() as (url, heard):
        await asyncio.gather(
            *(egress.send("GET", url, owner=f"ten_{at}", keep=True) for at in range(6))
        )
        for owner in ("ten_7", "ten_8", "ten_7"):
            await egress.send("GET", url, owner=owner, keep=True)
        assert len(heard) == 9
        assert heard[-1].startswith(heard[-3].partition(":")[0])
        assert len(egress._kept._lent) == 2
        await egress.close()
