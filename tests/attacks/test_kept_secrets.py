"""Whoever may change where a secret is sent, and does not know it, is not sent it."""

from typing import Any

import pytest
from tests.studio import Studio, done, refused

OIDC = {
    "issuer": "https://id.castle.example", "client_id": "castle", "client_secret": "shh-very-quiet",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "given", "moved", "secret"),
    [
        ("identity-providers/oidc", OIDC, {"issuer": "https://evil.example"}, "client_secret"),
        ("identity-providers/oidc", OIDC, {"client_id": "mine-too"}, "client_secret"),
        ("identity-providers/discord", {
            "client_id": "castle", "client_secret": "shh-very-quiet",
        }, {"client_id": "mine-too"}, "client_secret"),
    ],
    ids=["another issuer", "another client", "a preset"],
)  # fmt: skip
async def test_a_secret_is_not_kept_for_another_place(
    castle: Studio, path: str, given: dict[str, Any], moved: dict[str, Any], secret: str
) -> None:
    url = f"/v1/{path}"
    before = done(await castle.http.put(url, json={"settings": given, "enabled": True}))
    secrets = set(before["secretsSet"])
    plain = {name: value for name, value in given.items() if name not in secrets}
    answer = await castle.http.put(url, json={"settings": {**plain, **moved}, "enabled": True})
    assert refused(answer) == (422, "invalid_settings")
    assert answer.json()["field"] == f"settings.{secret}"
    assert next(iter(moved)) in answer.json()["detail"]
    assert done(await castle.http.get(url)) == before
    # What stays where it is keeps its secrets, and so does who sends them again.
    done(await castle.http.put(url, json={"settings": plain, "enabled": False}))
    again = {"settings": {**given, **moved}, "enabled": True}
    assert set(done(await castle.http.put(url, json=again))["secretsSet"]) == secrets
