"""A key of the wrong mode never reaches Stripe, and a secret never reaches a log."""

from collections.abc import Mapping

import msgspec
import pytest

from guildbank.plugin_api import Context, WebhookRejected
from guildbank_stripe.plugin import StripeProvider
from guildbank_stripe.settings import BadSettings, read_settings

GOOD = {"secret_key": "sk_test_123", "webhook_secret": "whsec_123"}


@pytest.mark.parametrize(
    ("mode", "settings"),
    [
        pytest.param("live", GOOD, id="test key in a live tenant"),
        pytest.param("test", {**GOOD, "secret_key": "sk_live_1"}, id="live key in a test tenant"),
        pytest.param("test", {**GOOD, "secret_key": "rk_live_1"}, id="restricted live key there"),
        pytest.param("test", {**GOOD, "secret_key": "pk_test_1"}, id="publishable key"),
        pytest.param("other", GOOD, id="a mode that is neither"),
        pytest.param(
            "live",
            {**GOOD, "secret_key": "sk_live_1", "api_base": "http://127.0.0.1:1"},
            id="another server in a live tenant",
        ),
        pytest.param("test", {**GOOD, "bare_requests": True}, id="bare requests to Stripe itself"),
        pytest.param("test", {"secret_key": "sk_test_1"}, id="no webhook secret"),
    ],
)
async def test_wrong_settings_are_refused_before_any_call(
    mode: str, settings: Mapping[str, object], context: Context
) -> None:
    wrong = msgspec.structs.replace(context, mode=mode, settings=settings)
    provider = StripeProvider()
    with pytest.raises(BadSettings) as refused:
        await provider.fetch_payment(wrong, "att_1", None)
    assert not any(str(value) in str(refused.value) for value in settings.values())
    assert isinstance(await provider.read_webhook(wrong, {}, b""), WebhookRejected)


def test_settings_do_not_print_their_secrets(context: Context) -> None:
    shown = repr(read_settings(msgspec.structs.replace(context, settings=GOOD)))
    assert "123" not in shown
