"""The plugin `telegram`: init data of Web Apps, and the login widget."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from guildbank.kernel import Refusal
from guildbank.plugin_api import Manifest, SignInContext, Verified
from guildbank.plugin_api.conformance import IdentityRehearsal
from guildbank_telegram.fields import Malformed, check_string, read_fields
from guildbank_telegram.manifest import MANIFEST, Settings, read_settings
from guildbank_telegram.people import identity_of, web_app_user, widget_user
from guildbank_telegram.rehearsal import REHEARSAL
from guildbank_telegram.signatures import (
    signed_by_telegram,
    signed_for_web_app,
    signed_for_widget,
)

SKEW = timedelta(seconds=60)
FORMS = ("init_data", "widget")

_DETAILS = {
    "bad_assertion": "The data has not the form of Telegram's",
    "forged_assertion": "The data is not signed for this bot, or was changed.",
    "expired_assertion": "The data is too old. Open the app again from Telegram.",
    "future_assertion": "The data is dated in the future; a clock may be wrong.",
}


class Telegram:
    """People of Telegram. The assertion has one field, the query string as Telegram gave it.

    `init_data` is `Telegram.WebApp.initData`; `widget` is what the login widget put behind the
    question mark, or its object written by URLSearchParams.
    """

    @property
    def manifest(self) -> Manifest:
        """Return the manifest."""
        return MANIFEST

    def rehearsal(self) -> IdentityRehearsal:
        """Return how to sign with the token of the settings."""
        return REHEARSAL

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        """Believe data that is signed, fresh and about a person.

        Refusals: `bad_assertion`, `forged_assertion`, `expired_assertion`, `future_assertion`.
        """
        settings = read_settings(context.settings)
        given = [form for form in FORMS if form in assertion]
        if len(given) != 1:
            return _refuse("bad_assertion", "init_data", ": give init_data or widget.")
        form = given[0]
        try:
            fields = read_fields(assertion[form])
        except Malformed as fault:
            return _refuse("bad_assertion", form, f": {fault}.")
        if not _is_signed(form, fields, settings):
            return _refuse("forged_assertion", form)
        return _judge(form, fields, settings, context.now)


def _is_signed(form: str, fields: Mapping[str, str], settings: Settings) -> bool:
    if form == "widget":
        return settings.bot_token is not None and signed_for_widget(fields, settings.bot_token)
    if settings.bot_token is not None:
        return signed_for_web_app(fields, settings.bot_token)
    return signed_by_telegram(fields, settings.bot_id, settings.public_key)


def _judge(
    form: str, fields: Mapping[str, str], settings: Settings, now: datetime
) -> Verified | Refusal:
    """Decide about data that is signed: when it was made, and about whom."""
    seconds = fields.get("auth_date", "")
    if not (seconds.isascii() and seconds.isdecimal() and len(seconds) <= 12):
        return _refuse("bad_assertion", form, ": auth_date is no time.")
    made = datetime.fromtimestamp(int(seconds), UTC)
    until = made + settings.max_age
    if made > now + SKEW:
        return _refuse("future_assertion", form)
    if now >= until:
        return _refuse("expired_assertion", form)
    user = web_app_user(fields) if form == "init_data" else widget_user(fields)
    known = None if user is None else identity_of(user, settings.environment)
    if known is None:
        return _refuse("bad_assertion", form, ": it names no person.")
    # Both signatures are left out, so that one text has one `once` whichever of them is checked.
    once = sha256(check_string(fields, "hash", "signature").encode()).hexdigest()
    return Verified(identity=known, once=once, until=until)


def _refuse(code: str, field: str, more: str = "") -> Refusal:
    return Refusal(code=code, detail=_DETAILS[code] + more, field=field)


PLUGIN = Telegram()
