"""Try whether a provider answers by the settings that are stored for it."""

from guildbank.infra.tenant import TenantRef
from guildbank.kernel import Refusal
from guildbank.payments.contracts.refusals import TENANT_SUSPENDED
from guildbank.payments.usecases import Payments
from guildbank.payments.usecases.accounts import line_to
from guildbank.plugin_host import Tried, try_connection


async def try_provider(payments: Payments, tenant: TenantRef, provider: str) -> Tried | Refusal:
    """Return which account answered, or why none did; the account may be switched off.

    Refusals: `tenant_suspended`, and those of `line_to`.
    """
    if tenant.state != "active":
        return TENANT_SUSPENDED
    line = await line_to(payments, tenant, provider)
    if isinstance(line, Refusal):
        return line
    return await try_connection(line.plugin, line.manifest, line.context)
