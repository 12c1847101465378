"""The commands of the page on payouts do what the page says, at the sandbox provider itself."""

import asyncio
import json
import re
import subprocess
from pathlib import Path

import msgspec
import pytest
from tests.servers.guildbank import GuildbankServer

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings
from guildbank.journal import Receipt
from guildbank.payments.http.payout_terms import PayoutTermsBody, terms_from
from guildbank.payments.usecases.payouts.mind import mind_payouts
from guildbank.payments.usecases.payouts.terms import set_payout_terms
from guildbank.tenancy import TenantSettings
from guildbank.tenancy.usecases.change import change_tenant

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "payouts.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
TERMS = re.search(r"^PUT /v1/payout-terms/GEM\n\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with GuildbankServer(tmp_path_factory.mktemp("paid-out") / "data") as server:
        yield server


async def prepare(server: GuildbankServer) -> None:
    """Do what an operator does by the page, and let nothing cool off."""
    assert TERMS is not None
    body = msgspec.convert(json.loads(TERMS.group(1)), PayoutTermsBody)
    services = open_services(Settings(data=server.folder))
    try:
        demo = await services.directory.by_slug("demo")
        assert demo is not None
        await change_tenant(
            services.tenancy,
            "demo",
            lambda one: msgspec.structs.replace(one, payout_cooloff_hours=0),
        )
        terms = terms_from("GEM", body)
        done = await set_payout_terms(services.payments, demo, "op_page", terms)
        assert isinstance(done, Receipt), done
        # The server's processes follow a tenant's settings within a second.
        await asyncio.sleep(1.5)
    finally:
        await services.close()


def without_cooling(before: TenantSettings) -> TenantSettings:
    return msgspec.structs.replace(before, payout_cooloff_hours=0)


async def ask_later(server: GuildbankServer) -> list[str]:
    """Let half a minute be over for whatever is unknown; return how payouts stand, oldest first."""
    services = open_services(Settings(data=server.folder, egress_private=True))
    try:
        demo = await services.directory.by_slug("demo")
        assert demo is not None
        async with services.db.begin(demo.schema) as tx:
            await tx.driver.execute(
                "UPDATE payments_payout SET changed_at = changed_at - INTERVAL '1 minute' "
                "WHERE state = 'unknown'"
            )
        # The server's own worker may be faster, and has the look then.
        for _ in range(200):
            await mind_payouts(services.payments, demo)
            async with services.db.begin(demo.schema) as tx:
                rows = await tx.driver.fetch("SELECT state FROM payments_payout ORDER BY id")
            states = [row[0] for row in rows]
            if "unknown" not in states:
                break
            await asyncio.sleep(0.1)
        return states
    finally:
        await services.close()


def test_the_commands_run_in_order_and_the_books_hold(
    server: GuildbankServer, tmp_path: Path
) -> None:
    assert len(COMMANDS) >= 4
    asyncio.run(prepare(server))
    demo = server.credentials.demo
    assert demo is not None
    known = {"GUILDBANK_URL": server.url, "KEY": demo.secret_key, "no_proxy": "*"}
    done = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(COMMANDS)],
        cwd=tmp_path,
        env={**server.environment, **known},
        stdout=subprocess.PIPE,
        text=True,
        timeout=90,
        check=False,
    )
    said = done.stdout
    assert done.returncode == 0, said
    assert '"label":".... 0042"' in said
    assert "instant-0042" not in said
    for state in ("paid", "unknown", "failed", "waiting", "canceled"):
        assert f'"state":"{state}"' in said, state
    assert '"payoutCost":"8.00"' in said
    assert '"ok":true' in said
    assert asyncio.run(ask_later(server)) == ["paid", "paid", "failed", "canceled"]
