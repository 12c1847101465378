"""The door of plugin_host: the plugins of this process, their settings checked, ready to be called.

Refusals: invalid_settings; of identity providers those in SIGN_IN_CODES, of captchas those in
CAPTCHA_CODES, which a room declares.
"""

from guildbank.plugin_host.apart import (
    Found,
    Installed,
    Walls,
    Withheld,
    find_installed,
    folder_of,
    join_installed,
    own_problems,
    prepare,
    remove_installed,
)
from guildbank.plugin_host.captcha import CODES as CAPTCHA_CODES
from guildbank.plugin_host.captcha import UNAVAILABLE as CAPTCHA_UNAVAILABLE
from guildbank.plugin_host.captcha import Captchas, CaptchaTerms
from guildbank.plugin_host.discovery import Plugins, Report
from guildbank.plugin_host.fields import (
    Offered,
    check_field,
    health_of,
    offer_options,
    unknown_field,
)
from guildbank.plugin_host.outbound import Outbound, refused_place
from guildbank.plugin_host.overheard import Heard, Overheard
from guildbank.plugin_host.patience import Patience
from guildbank.plugin_host.renewing import (
    Stored,
    read_stored,
    renew_names,
    renew_secrets,
    renew_settings,
    settings_before,
    steps_since,
    unread_settings,
)
from guildbank.plugin_host.settings import (
    Merged,
    check_settings,
    merge_settings,
    refused_by_mode,
    settings_of_secrets,
)
from guildbank.plugin_host.shipped import strangers
from guildbank.plugin_host.sign_in import CODES as SIGN_IN_CODES
from guildbank.plugin_host.sign_in import UNAVAILABLE as PROVIDER_UNAVAILABLE
from guildbank.plugin_host.sign_in import UNKNOWN_PROVIDER, IdentityProviders, Terms
from guildbank.plugin_host.trying import Tried, try_connection
from guildbank.plugin_host.words import (
    for_the_log,
    whole_words_of,
    without_secrets,
    words_of,
)

__all__ = [
    "CAPTCHA_CODES",
    "CAPTCHA_UNAVAILABLE",
    "PROVIDER_UNAVAILABLE",
    "SIGN_IN_CODES",
    "UNKNOWN_PROVIDER",
    "CaptchaTerms",
    "Captchas",
    "Found",
    "Heard",
    "IdentityProviders",
    "Installed",
    "Merged",
    "Offered",
    "Outbound",
    "Overheard",
    "Patience",
    "Plugins",
    "Report",
    "Stored",
    "Terms",
    "Tried",
    "Walls",
    "Withheld",
    "check_field",
    "check_settings",
    "find_installed",
    "folder_of",
    "for_the_log",
    "health_of",
    "join_installed",
    "merge_settings",
    "offer_options",
    "own_problems",
    "prepare",
    "read_stored",
    "refused_by_mode",
    "refused_place",
    "remove_installed",
    "renew_names",
    "renew_secrets",
    "renew_settings",
    "settings_before",
    "settings_of_secrets",
    "steps_since",
    "strangers",
    "try_connection",
    "unknown_field",
    "unread_settings",
    "whole_words_of",
    "without_secrets",
    "words_of",
]
