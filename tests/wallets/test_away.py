"""A journal that cannot answer is a reason to ask again, never a failure of the server."""

import httpx
import pytest
from tests.journal.gates import holding_the_lock
from tests.studio import Studio, done, refused

from guildbank.journal import writer


def asked_to_come_back(answer: httpx.Response) -> str:
    """Return what the caller is told to do."""
    assert refused(answer) == (503, "too_busy")
    assert int(answer.headers["retry-after"]) >= 1
    return str(answer.json()["detail"])


async def test_a_call_that_waited_too_long_is_told_that_it_may_be_sent_again(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.3)
    async with holding_the_lock(studio.city.services.db, studio.ref.schema):
        late = await studio.move("grant", player, 5, key="late")
    assert asked_to_come_back(late).startswith("The database did not answer in time.")
    monkeypatch.undo()
    done(await studio.move("grant", player, 5, key="late"))
    assert await studio.buckets(player) == {"free": 5}


async def test_a_call_that_finds_the_queue_full_is_told_so(
    studio: Studio, player: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = studio.city.services.journal._batchers[studio.ref.schema]
    monkeypatch.setattr(queue, "_max_queue", 0)
    full = await studio.move("grant", player, 5)
    assert asked_to_come_back(full) == "Too many operations are waiting. Try again shortly."
