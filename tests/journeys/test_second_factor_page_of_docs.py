"""The commands of the page on second factors do what the page says, and what follows them too."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pyotp
from tests.servers.guildbank import GuildbankServer

PAGE = Path(__file__).resolve().parents[2] / "docs" / "second-factor.md"


def test_the_commands_begin_an_app_that_the_next_sign_in_asks_for(
    server: GuildbankServer, tmp_path: Path
) -> None:
    commands = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert len(commands) == 2
    ran = subprocess.run(
        ["sh", "-eu", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env={**server.environment, "GUILDBANK_URL": server.url, "no_proxy": "*"},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert '"totp":false' in ran.stdout
    enrolment = json.loads((tmp_path / "enrolment.json").read_text())
    token = json.loads((tmp_path / "tokens.json").read_text())["token"]
    app = pyotp.parse_uri(enrolment["uri"])
    assert isinstance(app, pyotp.TOTP)
    assert app.secret == enrolment["secret"]

    with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as web:

        def post(path: str, body: Any, status: int = 200, **headers: str) -> dict[str, Any]:
            answer = web.post(path, json=body, headers=headers)
            assert answer.status_code == status, answer.text
            return dict(answer.json())

        confirm = {"enrolment": enrolment["enrolment"], "code": app.now()}
        made = post("/v1/second-factor/totp/confirm", confirm, 200, authorization=f"Bearer {token}")
        assert len(made["recoveryCodes"]) == 10
        handle = {"username": "cautious", "password": "three lamps sing"}
        asked = post("/login", handle, 401)
        assert asked["methods"] == ["totp", "recovery_code"]
        proof = {"challenge": asked["challenge"], "method": "totp", "code": confirm["code"]}
        assert post("/v1/sign-in/second-factor", proof, 403)["code"] == "second_factor_failed"
        proof = {**proof, "method": "recovery_code", "code": made["recoveryCodes"][0]}
        tokens = post("/v1/sign-in/second-factor", proof)
        assert tokens["token"]
        assert tokens["deviceToken"]
