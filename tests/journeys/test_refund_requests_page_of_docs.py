"""The commands of the page on refund requests do what the page says."""

import asyncio
import re
import subprocess
from pathlib import Path

import pytest
from tests.servers.guildbank import GuildbankServer

from guildbank.app.wiring import open_services
from guildbank.infra.config import Settings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "refund-requests.md").read_text()
COMMANDS = re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory):
    with GuildbankServer(tmp_path_factory.mktemp("asked") / "data") as server:
        yield server


async def age_requests(server: GuildbankServer) -> None:
    """Let every request be four days old, and open again."""
    services = open_services(Settings(data=server.folder))
    try:
        demo = await services.directory.by_slug("demo")
        assert demo is not None
        async with services.db.begin(demo.schema) as tx:
            await tx.driver.execute(
                "UPDATE payments_refund_request "
                "SET created_at = now() - INTERVAL '4 days', state = 'open'"
            )
    finally:
        await services.close()


def test_the_commands_run_in_order_and_doctor_forgets_nobody(
    server: GuildbankServer, tmp_path: Path
) -> None:
    assert len(COMMANDS) >= 4
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
    assert done.returncode == 0, done.stdout
    said = done.stdout
    assert '"state":"credited"' in said
    assert said.count('"text":"I meant to buy the small one."') == 3
    assert '"paymentId":' in said
    assert '"version":0' in said
    assert said.rstrip().endswith("}")
    assert '"state":"withdrawn"' in said
    assert "refund requests" not in server.run("doctor").stdout
    asyncio.run(age_requests(server))
    told = " ".join(server.run("doctor").stdout.split())
    assert "1 of demo have waited for more than 72 hours" in told
