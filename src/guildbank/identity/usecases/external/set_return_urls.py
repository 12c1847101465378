"""Register where people may be sent back to after a sign-in elsewhere."""

from collections.abc import Sequence
from typing import ClassVar

from guildbank.identity.rules import check_return_url
from guildbank.identity.store import providers as store
from guildbank.identity.store.providers import RETURN_URLS, WHOLE
from guildbank.identity.usecases.external import ExternalSignIn
from guildbank.infra.tenant import TenantRef
from guildbank.journal import Act, Draft, Need, Stage, facts
from guildbank.kernel import Refusal

RETURN_URLS_SET = "identity.return_urls_set"
_SAME = Refusal(code="no_change", detail="The return URLs are these already.")


class SetReturnUrls(Act):
    """Registers these return URLs and no others."""

    verb: ClassVar[str] = "identity.set_return_urls"
    __slots__ = ("urls",)

    def __init__(self, principal: str, urls: Sequence[str]) -> None:
        super().__init__(principal)
        self.urls = tuple(sorted(set(urls)))

    def needs(self, stage: Stage) -> list[Need]:
        """Name what is registered."""
        return [(RETURN_URLS, WHOLE)]

    def decide(self, stage: Stage) -> Draft | Refusal:
        """Save them; `no_change`."""
        known = stage.get(RETURN_URLS, WHOLE)
        if known is not None and set(known) == set(self.urls):
            return _SAME
        stage.put(RETURN_URLS, WHOLE, self.urls)
        return Draft(RETURN_URLS_SET, facts({"urls": list(self.urls)}), before=known)


async def set_return_urls(
    external: ExternalSignIn, tenant: TenantRef, urls: Sequence[str], principal: str
) -> Sequence[str] | Refusal:
    """Register exactly these; every worker goes by them within a second.

    Refusals: `invalid_value`, `tenant_suspended`. Raises Unavailable.
    """
    for index, url in enumerate(urls):
        wrong = check_return_url(url, f"urls.{index}")
        if wrong is not None:
            return wrong
    act = SetReturnUrls(principal, urls)
    outcome = await external.identity.journal.submit(tenant.schema, act)
    if isinstance(outcome, Refusal) and outcome.code != _SAME.code:
        return outcome
    external.forget(tenant)
    return act.urls


async def list_return_urls(external: ExternalSignIn, tenant: TenantRef) -> Sequence[str]:
    """Return the return URLs in their order."""
    async with external.identity.db.begin(tenant.schema, read_only=True) as tx:
        return await store.return_urls(tx.driver)
