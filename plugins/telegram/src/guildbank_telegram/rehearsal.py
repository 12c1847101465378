"""Makes init data as Telegram would for the bot in the settings, for the conformance suite."""

import hmac
import json
from collections.abc import Mapping
from secrets import token_urlsafe
from urllib.parse import urlencode

from guildbank.plugin_api import SignInContext
from guildbank.plugin_api.conformance import IdentityRehearsal
from guildbank_telegram.fields import check_string
from guildbank_telegram.manifest import read_settings


async def assertion(context: SignInContext) -> Mapping[str, str]:
    """Return init data of a person who opens the app now; the settings need a token."""
    token = read_settings(context.settings).bot_token
    if token is None:
        raise LookupError("without a bot token nothing can be signed: give --setting bot_token")
    fields = {
        "query_id": token_urlsafe(16),
        "user": json.dumps({"id": 279058397, "first_name": "Rehearsal"}),
        "auth_date": str(int(context.now.timestamp())),
    }
    key = hmac.digest(b"WebAppData", token.encode(), "sha256")
    fields["hash"] = hmac.new(key, check_string(fields).encode(), "sha256").hexdigest()
    return {"init_data": urlencode(fields)}


REHEARSAL = IdentityRehearsal(assertion=assertion)
