"""The plugin `turnstile`: asks Cloudflare whether a response of its widget is good.

Source: developers.cloudflare.com/turnstile, "Validate the token" (siteverify).
"""

from collections.abc import Sequence

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api import CaptchaContext, CaptchaResponse, Manifest, NoAnswer
from guildbank_turnstile.manifest import MANIFEST

URL = "https://challenges.cloudflare.com/turnstile/v0/siteverify"
LONGEST = 2_048
"""No response of the widget is longer."""
_OF_THE_RESPONSE = frozenset(
    {"missing-input-response", "invalid-input-response", "timeout-or-duplicate"}
)
"""Errors that are the client's; all others are ours or Cloudflare's."""
NOT_SOLVED = Refusal(
    code="captcha_failed",
    detail="Turnstile does not take this response.",
    field="captchaResponse",
)


class Answer(msgspec.Struct, frozen=True, rename="kebab"):
    """What Cloudflare says of a response."""

    success: bool
    error_codes: Sequence[str] = ()
    hostname: str = ""


class Turnstile:
    """Responses of Turnstile's widget."""

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    async def verify(self, context: CaptchaContext, response: CaptchaResponse) -> Refusal | None:
        """Return None for a response that Cloudflare takes, else `captcha_failed`.

        Raises NoAnswer, also where Cloudflare does not know the secret key.
        """
        text = response.response
        if len(text) > LONGEST or not text.isascii() or not text.isprintable():
            return NOT_SOLVED
        asked = {
            "secret": context.settings["secret_key"],
            "response": text,
            "idempotency_key": response.key,
        }
        if response.address is not None:
            asked["remoteip"] = response.address
        answer = await context.http.send(
            "POST",
            URL,
            headers={"content-type": "application/json"},
            body=msgspec.json.encode(asked),
        )
        if answer.status not in (200, 400):
            raise NoAnswer(f"Turnstile answered {answer.status}")
        try:
            said = msgspec.json.decode(answer.body, type=Answer)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            raise NoAnswer("Turnstile's answer cannot be read") from None
        if not said.success:
            if said.error_codes and set(said.error_codes) <= _OF_THE_RESPONSE:
                return NOT_SOLVED
            raise NoAnswer(f"Turnstile refused our request: {', '.join(said.error_codes)[:200]}")
        hosts = context.settings.get("hostnames") or ()
        if answer.status != 200 or (hosts and said.hostname not in hosts):
            return NOT_SOLVED
        return None


PLUGIN = Turnstile()
