"""A page on a provider that the lab plays, done as it stands by a studio in development."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from tests.servers.guildbank import GuildbankServer
from tests.servers.lab import LabServer

DOCS = Path(__file__).resolve().parents[2] / "docs"
_WITHIN_SECONDS = 90


class Done(NamedTuple):
    """What the commands of a page printed, and the server that they were sent to."""

    printed: Sequence[str]
    http: httpx.Client

    def comes(self, payment: str, what: str) -> list[dict[str, Any]]:
        """Wait until a payment has any `what`, by a job that looks every minute; return them."""
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + _WITHIN_SECONDS
        while not found and time.monotonic() < deadline:
            time.sleep(1)
            found = self.http.get(f"/v1/payments/{payment}").json()[what] or []
        return found

    def ask(self, path: str) -> dict[str, Any]:
        """Return what a path shows."""
        return dict(self.http.get(path).json())


@contextmanager
def page_done(
    name: str,
    folder: Path,
    blocks: int = 4,
    prepare: Callable[[GuildbankServer], None] | None = None,
) -> Iterator[Done]:
    """Run the blocks of a page of docs in order; what one prints is a line.

    The folder's name is short, since a socket's is. `prepare` does what the page leaves to people.
    """
    commands = re.findall(r"^```sh\n(.*?)^```", (DOCS / name).read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == blocks
    with LabServer() as lab:
        places = {"GUILDBANK_EGRESS_PLACES": f"127.0.0.1:{lab.port}"}
        with GuildbankServer(folder / "data", variables=places) as server:
            demo = server.credentials.demo
            assert demo is not None
            if prepare is not None:
                prepare(server)
            with server.client(demo.secret_key) as http:
                known = {
                    "GUILDBANK_URL": server.url, "SECRET_KEY": demo.secret_key,
                    "PLAYER": http.post("/v1/players", json={"externalId": "eve"}).json()["id"],
                    "PACK": _pack(http), "LAB_URL": lab.url, "no_proxy": "*",
                }  # fmt: skip
                done = subprocess.run(
                    ["sh", "-eu", "-c", "\necho\n".join(commands)], cwd=folder,
                    env={**server.environment, **known}, stdout=subprocess.PIPE, text=True,
                    timeout=90, check=False,
                )  # fmt: skip
                assert done.returncode == 0, done.stdout
                yield Done(done.stdout.splitlines(), http)


def _pack(http: httpx.Client) -> str:
    """Return a pack that is sold for euros."""
    for pack in http.get("/v1/packs").json()["items"]:
        if any(price["price"]["currency"] == "EUR" for price in pack["prices"]):
            return str(pack["id"])
    raise AssertionError("nothing is sold for euros")
