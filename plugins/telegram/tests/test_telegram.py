"""Data of Telegram is believed when it is signed, fresh, whole and about a person."""

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.servers.telegram_judges import believed_by_others, is_installed

from guildbank.infra.egress import Egress
from guildbank.kernel import Refusal
from guildbank.plugin_api import ExternalIdentity, SignInContext, Verified
from guildbank.plugin_host import Outbound, check_settings
from guildbank_telegram.manifest import MANIFEST
from guildbank_telegram.plugin import PLUGIN

TOKEN = "5768337691:AAH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
BOT = TOKEN.partition(":")[0]
OTHER_TOKEN = "5768337692:BBH5YkoiEuPk8-FZa32hStHTqXiLPtAEhx8"
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
USER = {"id": 279058397, "first_name": "Ann", "last_name": "Lee", "language_code": "en"}
KEY = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
PUBLIC = KEY.public_key().public_bytes_raw().hex()

# Made by Telegram, printed in the documentation of @tma.js/init-data-node: one with its bot's
# token beside it, the other with a signature of Telegram's production key for bot 7342037359.
BY_TOKEN = (
    "query_id=AAHdF6IQAAAAAN0XohDhrOrc&user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladisl"
    "av%22%2C%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%2"
    "2%3A%22ru%22%2C%22is_premium%22%3Atrue%7D&auth_date=1662771648&hash=c501b71e775f74ce10e377dea8"
    "5a7ea24ecd640b223ea86dfe453e0eaed2e2b2"
)
BY_TELEGRAM = (
    "user=%7B%22id%22%3A279058397%2C%22first_name%22%3A%22Vladislav%20%2B%20-%20%3F%20%5C%2F%22%2C"
    "%22last_name%22%3A%22Kibenko%22%2C%22username%22%3A%22vdkfrost%22%2C%22language_code%22%3A%22r"
    "u%22%2C%22is_premium%22%3Atrue%2C%22allows_write_to_pm%22%3Atrue%2C%22photo_url%22%3A%22https"
    "%3A%5C%2F%5C%2Ft.me%5C%2Fi%5C%2Fuserpic%5C%2F320%5C%2F4FPEE4tmP3ATHa57u6MqTDih13LTOiMoKoLDRG4"
    "PnSA.svg%22%7D&chat_instance=8134722200314281151&chat_type=private&auth_date=1733509682&signat"
    "ure=TYJxVcisqbWjtodPepiJ6ghziUL94-KNpG8Pau-X7oNNLNBM72APCpi_RKiUlBvcqo5L-LAxIc3dnTzcZX_PDg&has"
    "h=a433d8f9847bd6addcc563bff7cc82c89e97ea0d90c11fe5729cae6796a36d73"
)


def context(now: datetime = NOW, **settings: Any) -> SignInContext:
    settings = settings or {"bot_token": TOKEN}
    assert check_settings(MANIFEST, settings) is None
    return SignInContext(
        tenant="demo",
        mode="test",
        settings=settings,
        now=now,
        redirect_uri="https://game.example/back",
        http=Outbound(Egress(), MANIFEST, settings),
    )


def lines(fields: Mapping[str, str]) -> bytes:
    return "\n".join(sorted(f"{name}={value}" for name, value in fields.items())).encode()


def web_app(token: str = TOKEN, **changes: Any) -> str:
    """Return init data as Telegram makes it for a bot; a field that is None is left out."""
    given = {
        "query_id": "AAHd",
        "user": json.dumps(USER),
        "auth_date": str(int(NOW.timestamp())),
        **changes,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    text = f"{token.partition(':')[0]}:WebAppData\n".encode() + lines(fields)
    fields["signature"] = b64(KEY.sign(text))
    key = hmac.digest(b"WebAppData", token.encode(), "sha256")
    fields["hash"] = hmac.new(key, lines(fields), "sha256").hexdigest()
    return urlencode(fields, quote_via=quote)


def widget(token: str = TOKEN, **changes: Any) -> str:
    """Return what the login widget hands over."""
    given = {
        "id": "279058397",
        "first_name": "Ann",
        "username": "ann",
        "photo_url": "https://t.me/i/userpic/320/a.jpg",
        "auth_date": str(int(NOW.timestamp())),
        **changes,
    }
    fields = {name: value for name, value in given.items() if value is not None}
    key = sha256(token.encode()).digest()
    fields["hash"] = hmac.new(key, lines(fields), "sha256").hexdigest()
    return urlencode(fields)


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


async def verified(given: SignInContext, **assertion: str) -> Verified:
    result = await PLUGIN.verify(given, assertion)
    assert isinstance(result, Verified), result
    return result


async def refused(given: SignInContext, **assertion: str) -> str:
    result = await PLUGIN.verify(given, assertion)
    assert isinstance(result, Refusal), result
    return result.code


async def test_init_data_says_who_opened_the_app():
    known = await verified(context(), init_data=web_app())
    assert known.identity == ExternalIdentity(
        issuer="https://telegram.org", subject="279058397", name="Ann Lee", locale="en"
    )
    assert known.until == NOW + timedelta(hours=1)


async def test_the_login_widget_says_who_signed_in():
    known = await verified(context(), widget=widget())
    assert (known.identity.issuer, known.identity.subject) == ("https://telegram.org", "279058397")
    assert known.identity.picture == "https://t.me/i/userpic/320/a.jpg"


async def test_without_a_token_telegrams_own_signature_is_believed():
    given = context(bot_id=BOT, public_key=PUBLIC)
    assert (await verified(given, init_data=web_app())).identity.subject == "279058397"


async def test_data_that_telegram_really_made_is_believed():
    by_token = context(datetime.fromtimestamp(1662771700, UTC), bot_token=TOKEN)
    assert (await verified(by_token, init_data=BY_TOKEN)).identity.name == "Vladislav Kibenko"
    by_key = context(datetime.fromtimestamp(1733509700, UTC), bot_id="7342037359")
    known = await verified(by_key, init_data=BY_TELEGRAM)
    assert known.identity.name == "Vladislav + - ? / Kibenko"


async def test_telegrams_signature_for_another_bot_or_environment_is_refused():
    at = datetime.fromtimestamp(1733509700, UTC)
    for given in (
        context(at, bot_id=BOT),
        context(at, bot_id="7342037359", environment="test"),
        context(at, bot_id="7342037359", public_key=PUBLIC),
    ):
        assert await refused(given, init_data=BY_TELEGRAM) == "forged_assertion"


async def test_with_a_token_telegrams_signature_alone_is_not_enough():
    """A bot's token decides where it is known; hash and signature must not be a choice."""
    data = web_app()
    without_hash = "&".join(part for part in data.split("&") if not part.startswith("hash="))
    given = context(bot_token=TOKEN, public_key=PUBLIC)
    assert await refused(given, init_data=without_hash) == "forged_assertion"


async def test_data_of_another_bot_is_refused():
    assert await refused(context(), init_data=web_app(OTHER_TOKEN)) == "forged_assertion"
    assert await refused(context(), widget=widget(OTHER_TOKEN)) == "forged_assertion"


async def test_one_form_is_not_taken_for_the_other():
    assert await refused(context(), widget=web_app()) == "forged_assertion"
    assert await refused(context(), init_data=widget()) == "forged_assertion"


async def test_the_widget_needs_a_token():
    given = context(bot_id=BOT, public_key=PUBLIC)
    assert await refused(given, widget=widget()) == "forged_assertion"


@pytest.mark.parametrize("old", ["Ann", "279058397", "AAHd"])
async def test_a_changed_field_is_noticed(old: str):
    changed = web_app().replace(old, old[:-1] + "x" if old == "Ann" else old[:-1] + "8")
    assert await refused(context(), init_data=changed) == "forged_assertion"


@pytest.mark.parametrize("hash_", ["", "0" * 64, "g" * 64, "é", "0" * 63])
async def test_any_text_may_stand_where_the_hash_belongs(hash_: str):
    forged = web_app().rpartition("hash=")[0] + "hash=" + quote(hash_)
    assert await refused(context(), init_data=forged) == "forged_assertion"


async def test_the_hash_has_one_spelling():
    head, _, hash_ = web_app().rpartition("hash=")
    assert await refused(context(), init_data=f"{head}hash={hash_.upper()}") == "forged_assertion"


@pytest.mark.parametrize(
    "signature", ["", "A" * 86, "!" * 86, "A" * 4000, "A" * 87, "é" * 86, "A" * 86 + "=="]
)
async def test_any_text_may_stand_where_the_signature_belongs(signature: str):
    given = context(bot_id=BOT, public_key=PUBLIC)
    fields = dict(part.split("=", 1) for part in web_app().split("&"))
    fields["signature"] = quote(signature)
    data = "&".join(f"{name}={value}" for name, value in fields.items())
    assert await refused(given, init_data=data) == "forged_assertion"


@pytest.mark.parametrize("form", ["init_data", "widget"])
async def test_old_data_is_refused(form: str):
    data = web_app() if form == "init_data" else widget()
    almost = context(NOW + timedelta(minutes=59, seconds=59))
    assert await verified(almost, **{form: data})
    assert await refused(context(NOW + timedelta(hours=1)), **{form: data}) == "expired_assertion"
    strict = context(NOW + timedelta(seconds=61), bot_token=TOKEN, max_age_seconds=60)
    assert await refused(strict, **{form: data}) == "expired_assertion"


@pytest.mark.parametrize("form", ["init_data", "widget"])
async def test_data_from_the_future_is_refused(form: str):
    data = web_app() if form == "init_data" else widget()
    assert await verified(context(NOW - timedelta(seconds=60)), **{form: data})
    early = context(NOW - timedelta(seconds=61))
    assert await refused(early, **{form: data}) == "future_assertion"


@pytest.mark.parametrize("date", [None, "", "x", "-1", "1.5", "1e9", "٣", "9" * 400, " 1", "0x1"])
async def test_a_signed_date_that_is_none_is_refused(date: str | None):
    data = web_app(auth_date=date)
    assert await refused(context(), init_data=data) == "bad_assertion"


async def test_a_field_that_stands_twice_is_refused():
    """Readers differ in which of the two they take, so one signs and another is believed."""
    mallory = quote(json.dumps({**USER, "id": 1}))
    for data in (
        f"user={mallory}&{web_app()}",
        f"{web_app()}&user={mallory}",
        f"{web_app()}&auth_date=1",
        f"{web_app()}&hash={'0' * 64}",
        f"{web_app()}&us%65r={mallory}",
    ):
        assert await refused(context(), init_data=data) == "bad_assertion"
    assert await refused(context(), widget=f"{widget()}&id=1") == "bad_assertion"


async def test_a_line_break_does_not_make_two_fields_of_one():
    """`a=1\\nid=2` as one field and as two is the same text to sign."""
    data = widget(first_name="Ann\nid=1")
    assert await refused(context(), widget=data) == "bad_assertion"
    data = widget(**{"first_name": "Ann", "x\nid": "1"})
    assert await refused(context(), widget=data) == "bad_assertion"


@pytest.mark.parametrize(
    "data",
    ["", "&", "=", "hash", "a=b&c", "user=%ff", "x" * 9000, "a=" + "b" * 9000, "%00=1",
     "&".join(f"f{n}=1" for n in range(40)), "\ud800=1"],
)  # fmt: skip
@pytest.mark.parametrize("form", ["init_data", "widget"])
async def test_what_is_no_query_string_or_too_much_is_refused_and_never_raised(form, data):
    assert await refused(context(), **{form: data}) in {"bad_assertion", "forged_assertion"}


async def test_oversized_data_is_refused_though_it_is_signed():
    data = web_app(start_param="x" * 8_000)
    assert await refused(context(), init_data=data) == "bad_assertion"


@pytest.mark.parametrize(
    "user",
    [None, "", "null", "[]", "{}", '{"id":"7"}', '{"id":0}', '{"id":-1}', '{"id":1.5}',
     '{"id":99999999999999999999}', '{"id":7,"is_bot":true}', '{"id":true}', "[" * 3000],
)  # fmt: skip
async def test_signed_data_about_nobody_is_refused(user: str | None):
    assert await refused(context(), init_data=web_app(user=user)) == "bad_assertion"


@pytest.mark.parametrize("number", [None, "", "0", "-1", "x", "٣", "9" * 17, " 7", "7.0"])
async def test_a_signed_widget_about_nobody_is_refused(number: str | None):
    assert await refused(context(), widget=widget(id=number)) == "bad_assertion"


async def test_a_replay_is_known_by_once_whatever_vouches_for_it():
    data = web_app()
    first = await verified(context(), init_data=data)
    shuffled = "&".join(reversed(data.split("&")))
    encoded = data.replace("AAHd", "%41%41Hd")
    keyed = context(bot_id=BOT, public_key=PUBLIC)
    padded = data.replace("&hash=", "%3D%3D&hash=")
    for given, again in (
        (context(), data),
        (context(), shuffled),
        (context(), encoded),
        (keyed, data),
        (keyed, padded),
        (keyed, data.rpartition("&hash=")[0]),
    ):
        assert (await verified(given, init_data=again)).once == first.once
    another = await verified(context(), init_data=web_app(query_id="BBBB"))
    assert another.once != first.once


async def test_accounts_of_the_test_environment_are_other_people():
    real = await verified(context(bot_token=TOKEN), init_data=web_app())
    test = await verified(context(bot_token=TOKEN, environment="test"), init_data=web_app())
    assert real.identity.subject == test.identity.subject
    assert real.identity.issuer != test.identity.issuer


@pytest.mark.parametrize("assertion", [{}, {"init_data": "a=b", "widget": "a=b"}, {"code": "x"}])
async def test_one_form_must_be_given(assertion: dict[str, str]):
    assert await refused(context(), **assertion) == "bad_assertion"


@pytest.mark.parametrize(
    "settings",
    [{}, {"bot_token": "short"}, {"bot_id": "x"}, {"bot_id": "1", "public_key": "zz"},
     {"bot_id": "1", "environment": "moon"}, {"bot_id": "1", "max_age_seconds": 0}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any]):
    assert check_settings(MANIFEST, settings) is not None


def test_the_default_of_the_age_is_what_the_schema_says():
    properties = MANIFEST.settings_schema["properties"]
    assert properties["max_age_seconds"]["default"] == 3_600


@pytest.mark.skipif(
    not is_installed(), reason="needs Node 20 or later; then `make test` installs the packages"
)
def test_others_believe_what_these_tests_sign_and_not_what_they_forge():
    changed = web_app().replace("AAHd", "AAHe")
    cases = [
        {"form": "init_data", "data": web_app(), "token": TOKEN},
        {"form": "init_data", "data": BY_TOKEN, "token": TOKEN},
        {"form": "third_party", "data": BY_TELEGRAM, "bot": "7342037359"},
        {"form": "widget", "data": widget(), "token": TOKEN},
        {"form": "init_data", "data": changed, "token": TOKEN},
        {"form": "init_data", "data": web_app(), "token": OTHER_TOKEN},
        {"form": "third_party", "data": BY_TELEGRAM, "bot": BOT},
        {"form": "widget", "data": widget(), "token": OTHER_TOKEN},
    ]
    assert believed_by_others(cases) == [True] * 4 + [False] * 4
