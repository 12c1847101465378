"""What players agreed to is kept with its version and time, and never changed."""

import httpx
import pytest
from tests.lives.people import register, sign_in
from tests.studio import City, Studio, done, refused

from guildbank.identity.usecases.lives import consent

TERMS = {
    "kind": "terms", "version": "1", "title": "Terms of service",
    "url": "https://game.example/terms-1", "required": True,
}  # fmt: skip
NEWS = {**TERMS, "kind": "marketing", "title": "News by mail", "required": False}


async def test_a_required_document_is_missing_until_its_newest_version_is_agreed_to(
    city: City, studio: Studio, public: httpx.AsyncClient
) -> None:
    done(await studio.http.post("/v1/documents", json=TERMS))
    done(await studio.http.post("/v1/documents", json=NEWS))
    listed = done(await public.get("/v1/documents/current"))["items"]
    assert sorted(one["kind"] for one in listed) == ["marketing", "terms"]
    _, body = await register(public)
    token = done(await sign_in(public, body))["token"]
    async with city.client(token) as own:
        asked = done(await own.get("/v1/consents"))
        assert ([one["kind"] for one in asked["missing"]], asked["items"]) == (["terms"], [])
        agreed = done(await own.post("/v1/consents", json={"kind": "terms", "version": "1"}))
        assert agreed["missing"] == []
        newer = {**TERMS, "version": "2"}
        done(await studio.http.post("/v1/documents", json=newer))
        asked = done(await own.get("/v1/consents"))
        assert [one["version"] for one in asked["missing"]] == ["2"]
        old = await own.post("/v1/consents", json={"kind": "terms", "version": "1"})
        assert refused(old) == (409, "document_outdated")
        unknown = await own.post("/v1/consents", json={"kind": "terms", "version": "9"})
        assert refused(unknown) == (404, "unknown_document")
        done(await own.post("/v1/consents", json={"kind": "terms", "version": "2"}))
        back = {"kind": "terms", "version": "2", "given": False}
        assert [
            one["version"] for one in done(await own.post("/v1/consents", json=back))["missing"]
        ] == ["2"]
    kept = await studio.sql("SELECT version, given FROM identity_consent ORDER BY id")
    assert [tuple(row) for row in kept] == [("1", True), ("2", True), ("2", False)]


async def test_a_published_version_never_changes(studio: Studio) -> None:
    first = done(await studio.http.post("/v1/documents", json=TERMS))
    assert done(await studio.http.post("/v1/documents", json=TERMS)) == first
    other = {**TERMS, "title": "Other terms"}
    assert refused(await studio.http.post("/v1/documents", json=other)) == (409, "document_exists")
    plain = {**TERMS, "version": "3", "url": "http://game.example/terms"}
    answer = await studio.http.post("/v1/documents", json=plain)
    assert (answer.status_code, answer.json()["field"]) == (422, "url")


async def test_a_machine_keeps_what_was_said_in_the_game(studio: Studio, player: str) -> None:
    done(await studio.http.post("/v1/documents", json=TERMS))
    path = f"/v1/players/{player}/consents"
    said = done(await studio.http.post(path, json={"kind": "terms", "version": "1"}))
    assert done(await studio.http.get(path)) == said
    assert [(one["kind"], one["given"]) for one in said["items"]] == [("terms", True)]


async def test_what_is_said_again_is_kept_once_and_what_is_said_too_often_can_be_taken_back(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(await studio.http.post("/v1/documents", json=TERMS))
    path, said = f"/v1/players/{player}/consents", {"kind": "terms", "version": "1"}
    for _ in range(3):
        done(await studio.http.post(path, json=said))
    kept = "SELECT count(*) FROM identity_consent WHERE player_id = $1"
    assert (await studio.sql(kept, player))[0][0] == 1
    monkeypatch.setattr(consent, "MAX_CONSENTS", 3)
    back = {**said, "given": False}
    for one in (back, said, back):
        done(await studio.http.post(path, json=one))
    assert refused(await studio.http.post(path, json=said)) == (409, "too_many_consents")
    monkeypatch.setattr(consent, "MAX_CONSENTS", 5)
    done(await studio.http.post(path, json=said))
    monkeypatch.setattr(consent, "MAX_CONSENTS", 3)
    done(await studio.http.post(path, json=back))
