"""Further verbs by which one person could do lasting harm wait where the policy names them."""

from tests.approvals.office import Office, decide, waits
from tests.studio import done, refused


async def test_where_money_goes_is_changed_by_two_and_its_secret_shown_to_nobody(
    office: Office,
) -> None:
    await office.policy({"verb": "payments.configure_provider"})
    body = {
        "settings": {
            "base_url": "https://pay.example",
            "api_key": "sandbox-0123456789abcdef",
            "webhook_secret": "whsec-0123456789abcdef",
        },
    }
    answer = await office.olga.http.put("/v1/providers/sandbox", json=body)
    asked = waits(answer)
    assert asked["command"] == {
        "providerId": "sandbox",
        "enabled": True,
        "settings": {"base_url": "https://pay.example"},
        "newSecrets": ["api_key", "webhook_secret"],
    }
    assert "0123456789abcdef" not in answer.text
    again = waits(await office.olga.http.put("/v1/providers/sandbox", json=body))
    assert again["id"] == asked["id"]
    assert refused(await office.olga.http.get("/v1/providers/sandbox"))[1] == "unknown_provider"
    agreed = await decide(office.pavel, asked)
    assert done(agreed)["state"] == "executed"
    assert "0123456789abcdef" not in agreed.text
    kept = done(await office.olga.http.get("/v1/providers/sandbox"))
    assert sorted(kept["secretsSet"]) == ["api_key", "webhook_secret"]
    # The same settings again change nothing, and so need nobody.
    done(await office.pavel.http.put("/v1/providers/sandbox", json=body))


async def test_a_legal_hold_is_lifted_by_two(office: Office) -> None:
    path = f"/v1/players/{office.player}/legal-holds"
    hold = done(await office.olga.http.post(path, json={"reason": "court"}))
    await office.policy({"verb": "players.lift_legal_hold"})
    unknown = f"{path}/lgh_01kag3pyqmf9aag12vtrsy70ps"
    assert refused(await office.olga.http.delete(unknown)) == (404, "not_found")
    asked = waits(await office.olga.http.delete(f"{path}/{hold['id']}"))
    assert done(await office.olga.http.get(path))["items"][0]["liftedAt"] is None
    done(await decide(office.pavel, asked))
    assert done(await office.olga.http.get(path))["items"][0]["liftedBy"] == office.olga.id
