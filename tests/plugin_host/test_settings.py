"""Secrets that are left out stay, but only for where they were given for."""

from typing import Any

import pytest

from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest
from guildbank.plugin_host import merge_settings
from guildbank_sandbox.plugin import MANIFEST as SANDBOX
from guildbank_stripe.manifest import MANIFEST as STRIPE

KEYS = {"secret_key": "sk_test_51Abcdef", "webhook_secret": "whsec_abcdefgh"}
HERE = {"base_url": "http://127.0.0.1:8081"}
THEIRS = {"api_key": "quiet-secret-of-a-tenant", "webhook_secret": "shh-quiet-12"}


@pytest.mark.parametrize(
    ("manifest", "plain", "secrets", "moved", "secret"),
    [
        (SANDBOX, HERE, THEIRS, {"base_url": "http://evil.example"}, "api_key"),
        (STRIPE, {}, KEYS, {"api_base": "http://evil.example"}, "secret_key"),
        (STRIPE, {"api_base": "http://127.0.0.1:1"}, KEYS, {}, "secret_key"),
    ],
    ids=["a setting that holds a host", "a declared one", "the stand-in is taken away"],
)
def test_another_address_wants_the_secrets_again(
    manifest: Manifest, plain: dict[str, Any], secrets: dict[str, Any], moved: dict[str, Any],
    secret: str,
) -> None:  # fmt: skip
    refused = merge_settings(manifest, moved, plain, secrets)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.field) == ("invalid_settings", f"settings.{secret}")
    sent = merge_settings(manifest, {**moved, **secrets}, plain, secrets)
    assert not isinstance(sent, Refusal)
    assert (sent.plain, sent.secrets) == (moved, secrets)


def test_one_secret_does_not_cover_for_another() -> None:
    given = {"base_url": "http://evil.example", "webhook_secret": "mine-12345678"}
    refused = merge_settings(SANDBOX, given, HERE, THEIRS)
    assert isinstance(refused, Refusal)
    assert refused.field == "settings.api_key"


def test_the_secrets_stay_where_the_address_does() -> None:
    merged = merge_settings(SANDBOX, {**HERE, "timeout_seconds": 3}, HERE, THEIRS)
    assert not isinstance(merged, Refusal)
    assert (merged.secrets, merged.secrets_set) == (THEIRS, [])
    assert (merged.same, merged.same_secrets) == (False, True)
    again = merge_settings(SANDBOX, HERE, HERE, THEIRS)
    assert not isinstance(again, Refusal)
    assert again.same
