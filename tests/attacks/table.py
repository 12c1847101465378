"""The route table of the whole app, and for each route a call that a rightful caller could make."""

from collections.abc import Iterator
from dataclasses import dataclass

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from tests.attacks.call import (
    OF_ALL_REPORTS,
    Call,
    of_books,
    of_money_back,
    of_payouts,
    of_people,
    of_pipelines,
    of_reports,
    of_saved_methods,
)
from tests.studio import GEM, leg

from guildbank.infra.http.caller import OperatorOnly, PlayerOnly, Scope
from guildbank.infra.http.shortcuts import guards_of

OF_THE_DEPLOYMENT = "deployment"


@dataclass(frozen=True)
class Objects:
    """One of everything that a tenant has, by id, with its key."""

    slug: str
    token: str
    player: str
    other: str
    currency: str
    hold: str
    transaction: str
    pack: str
    payment: str
    unpaid: str
    refund: str
    request: str
    disputed: str
    dispute: str
    key: str
    mail: str
    legal_hold: str
    export: str
    method: str
    destination: str
    payout: str
    operator: str = "op_01kag3pyqmf9aag12vtrsy70ps"
    invitation: str = "inv_01kag3pyqmf9aag12vtrsy70ps"
    approval: str = "apr_01kag3pyqmf9aag12vtrsy70ps"
    role: str = "night-shift"
    provider: str = "scripted"


@dataclass(frozen=True)
class Route:
    """A route as the app declares it; `players` says that its guard lets players in.

    `own` is for players alone, and `session` for those who signed in themselves; `people` is for
    operators and no machine, `own_staff` about themselves; `fresh` wants a proof of late, and
    `machines` is for keys and no person.
    """

    method: str
    path: str
    scope: str | None
    players: bool
    own: bool = False
    session: bool = False
    people: bool = False
    own_staff: bool = False
    fresh: bool = False
    machines: bool = False

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def at(self, objects: Objects) -> str:
        """Return the path with this tenant's ids in it."""
        open_ = self.path.endswith(("/cancel", "/attempts"))
        return self.path.format(
            player_id=objects.player,
            hold_id=objects.legal_hold if "legal-holds" in self.path else objects.hold,
            transaction_id=objects.transaction,
            pack_id=objects.pack,
            payment_id=objects.unpaid if open_ else objects.payment,
            refund_id=objects.refund,
            request_id=objects.request,
            dispute_id=objects.dispute,
            key_id=objects.key,
            mail_id=objects.mail,
            operator_id=objects.operator,
            approval_id=objects.approval,
            invitation_id=objects.invitation,
            name=objects.role,
            code=objects.currency,
            provider_id=objects.provider,
            identity_provider_id="telegram",
            identity_id="idn_01kag3pyqmf9aag12vtrsy70ps",
            point="before_login",
            session_id="ses_01kag3pyqmf9aag12vtrsy70ps",
            passkey_id="passkey_01kag3pyqmf9aag12vtrsy70ps",
            export_id=objects.export,
            method_id=objects.method,
            destination_id=objects.destination,
            payout_id=objects.payout,
            run_id="rec_01kag3pyqmf9aag12vtrsy70ps",
            slug=objects.slug,
            tenant_slug=objects.slug,
            plane_id="deployment",
            purpose="packs",
            number=1,
            step="ask",
        )


def routes(app: Litestar) -> list[Route]:
    """Return every route of the app."""
    return sorted(_routes(app), key=lambda route: route.name)


def _routes(app: Litestar) -> Iterator[Route]:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            if not isinstance(handler, HTTPRouteHandler):
                continue
            resolved = guards_of(handler)
            guards = [one for one in resolved if isinstance(one, Scope)]
            for method in handler.http_methods - {"OPTIONS"}:
                yield Route(
                    method,
                    _plain(route.path),
                    guards[0].name if guards else None,
                    bool(guards) and guards[0].players,
                    any(isinstance(one, PlayerOnly) for one in resolved),
                    any(isinstance(one, PlayerOnly) and one.session for one in resolved),
                    any(one.people for one in guards),
                    any(isinstance(one, OperatorOnly) for one in resolved),
                    any(one.fresh for one in resolved if isinstance(one, Scope | OperatorOnly)),
                    any(one.machines for one in guards),
                )


def _plain(path: str) -> str:
    """Return `/v1/players/{player_id}` for `/v1/players/{player_id:str}`."""
    return path.replace(":str}", "}").replace(":int}", "}")


def calls(o: Objects) -> dict[str, Call]:
    """Return, by route, a call that names the tenant's own objects wherever it can."""
    return {
        **_of_identity(o),
        **_of_lives(),
        **of_people(),
        **_of_wallets(o),
        **_of_payments(o),
        **of_money_back(o.player, o.disputed),
        **of_saved_methods(),
        **of_payouts(o.player, o.destination),
        **of_pipelines(),
        **of_reports(),
        **of_books(),
    }


def _of_identity(o: Objects) -> dict[str, Call]:
    return {
        "POST /v1/keys": Call({"name": "x", "scopes": ["players:read"], "tenant": o.slug}),
        "GET /v1/keys": Call(query={"tenant": o.slug}),
        "DELETE /v1/keys/{key_id}": Call(),
        "POST /v1/keys/{key_id}/rotate": Call({}),
        "PUT /v1/hooks/{point}": Call({"url": "https://game.example/hooks", "enabled": False}),
        "GET /v1/hooks": Call(),
        "POST /v1/hooks/{point}/test": Call(),
        "GET /v1/protection": Call(),
        "PUT /v1/protection": Call({"disposableAddresses": "allow"}),
        "POST /v1/players": Call({"externalId": "new"}),
        "GET /v1/players": Call(),
        "GET /v1/players/{player_id}": Call(),
        "POST /v1/players/{player_id}/tokens": Call(),
        "POST /v1/tenants": Call({"slug": "conquest", "name": "x"}),
        "GET /v1/tenants": Call(),
        "GET /v1/tenants/{slug}": Call(),
        "GET /v1/tenants/{slug}/hosts": Call(),
        "PUT /v1/tenants/{slug}/hosts": Call({"hosts": ["play.castle.example"]}),
        "PATCH /v1/tenants/{slug}": Call({"name": "x"}),
        "POST /v1/tenants/{slug}/suspend": Call(),
        "POST /v1/tenants/{slug}/resume": Call(),
        "POST /v1/tenants/{slug}/delete": Call({"confirm": o.slug}),
        "PUT /v1/identity-providers/{identity_provider_id}": Call({"settings": {"bot_id": "7"}}),
        "GET /v1/identity-providers/{identity_provider_id}": Call(),
        "GET /v1/identity-providers": Call(),
        "PUT /v1/return-urls": Call({"urls": ["https://keep.example/in"]}),
        "GET /v1/return-urls": Call(),
    }


def _of_lives() -> dict[str, Call]:
    terms = {"kind": "terms", "version": "1"}
    published = {**terms, "title": "Terms", "url": "https://game.example/terms"}
    return {
        "PATCH /v1/players/{player_id}": Call({"locale": "en"}),
        "GET /v1/players/{player_id}/profile": Call(),
        "POST /v1/players/{player_id}/suspend": Call({"reason": "review"}),
        "POST /v1/players/{player_id}/reinstate": Call(),
        "POST /v1/players/{player_id}/close": Call(),
        "GET /v1/players/{player_id}/standing": Call(),
        "POST /v1/documents": Call(published),
        "GET /v1/documents": Call(),
        "GET /v1/players/{player_id}/consents": Call(),
        "POST /v1/players/{player_id}/consents": Call(terms),
        "POST /v1/players/{player_id}/exports": Call(),
        "GET /v1/players/{player_id}/exports/{export_id}": Call(),
        "GET /v1/players/{player_id}/exports/{export_id}/file": Call(),
        "POST /v1/players/{player_id}/erase": Call({"waitDays": 3}),
        "DELETE /v1/players/{player_id}/erase": Call(),
        "GET /v1/erasures": Call(),
        "POST /v1/players/{player_id}/legal-holds": Call({"reason": "review"}),
        "GET /v1/players/{player_id}/legal-holds": Call(),
        "DELETE /v1/players/{player_id}/legal-holds/{hold_id}": Call(),
    }


def _of_wallets(o: Objects) -> dict[str, Call]:
    move = {"playerId": o.player, "currency": o.currency, "amount": 1}
    freeze = {"currency": o.currency, "reason": "review"}
    grant = {"verb": "grant", "key": "batched", **move}
    return {
        "POST /v1/grants": Call(move),
        "POST /v1/spends": Call(move),
        "POST /v1/holds": Call(move),
        "GET /v1/holds/{hold_id}": Call(),
        "POST /v1/holds/{hold_id}/capture": Call({}),
        "POST /v1/holds/{hold_id}/release": Call(),
        "POST /v1/reversals": Call({"transactionId": o.transaction, "amount": 1}),
        "POST /v1/postings": Call({"legs": [leg("issue", (o.player, "free"), 1)]}),
        "POST /v1/players/{player_id}/freeze": Call(freeze),
        "POST /v1/players/{player_id}/unfreeze": Call(freeze),
        "PUT /v1/players/{player_id}/limits": Call({"currency": GEM, "perDay": 5}),
        "POST /v1/currencies": Call({"code": "RUBY", "name": "Ruby"}),
        "GET /v1/currencies": Call(),
        "GET /v1/currencies/{code}": Call(),
        "PATCH /v1/currencies/{code}": Call({"name": "Gems"}),
        "POST /v1/operations:batch": Call({"mode": "each", "operations": [grant]}),
    }


def _of_payments(o: Objects) -> dict[str, Call]:
    pack = {
        "name": "Chest",
        "currency": o.currency,
        "coins": 10,
        "prices": [{"price": {"amount": "4.99", "currency": "EUR"}}],
    }
    buy = {"packId": o.pack, "playerId": o.player, "currency": "EUR", "provider": o.provider}
    provider = {"settings": {"secret": "shh-quiet"}, "enabled": True}
    return {
        "POST /v1/payments": Call(buy),
        "POST /v1/payments/quote": Call(buy),
        "GET /v1/payments": Call(query={"playerId": o.player}),
        "GET /v1/payments/{payment_id}": Call(),
        "GET /v1/payments/{payment_id}/timeline": Call(),
        "POST /v1/payments/{payment_id}/cancel": Call(),
        "POST /v1/payments/{payment_id}/attempts": Call({}),
        "POST /v1/payments/{payment_id}/refunds": Call({}),
        "GET /v1/payments/{payment_id}/refunds": Call(),
        "GET /v1/refunds/{refund_id}": Call(),
        "POST /v1/payments/{payment_id}/confirmation": Call({"data": {"code": "x"}}),
        "GET /v1/payments/{payment_id}/confirmation": Call(),
        "POST /v1/refunds/{refund_id}/confirmation": Call({"data": {"code": "x"}}),
        "PUT /v1/providers/{provider_id}": Call(provider),
        "POST /v1/providers/{provider_id}/test": Call(),
        "POST /v1/providers/{provider_id}/health": Call(),
        "POST /v1/providers/{provider_id}/options": Call({"field": "secret"}),
        "POST /v1/providers/{provider_id}/check-field": Call({"field": "secret"}),
        "GET /v1/providers/{provider_id}": Call(),
        "GET /v1/providers": Call(),
        "GET /v1/plugins": Call(),
        "GET /v1/callbacks": Call(),
        "POST /v1/callbacks/{purpose}/{step}/enable": Call(),
        "POST /v1/callbacks/{purpose}/{step}/skip": Call(),
        "POST /v1/payments/{payment_id}/callbacks/{step}/replay": Call(),
        "POST /v1/packs": Call(pack),
        "PUT /v1/packs/{pack_id}": Call(pack),
        "GET /v1/packs": Call(),
        "GET /v1/packs/{pack_id}": Call(),
    }


NAMES_NOTHING = frozenset(
    {
        "PUT /v1/hooks/{point}",
        "GET /v1/hooks",
        "GET /v1/protection",
        "PUT /v1/protection",
        "POST /v1/hooks/{point}/test",
        "POST /v1/players",
        "GET /v1/players",
        "GET /v1/journal/checkpoints",
        "GET /v1/mailbox",
        "GET /v1/events",
        "GET /v1/audit",
        "GET /v1/audit/file",
        "PUT /v1/providers/{provider_id}",
        "POST /v1/providers/{provider_id}/test",
        "POST /v1/providers/{provider_id}/health",
        "POST /v1/providers/{provider_id}/options",
        "POST /v1/providers/{provider_id}/check-field",
        "GET /v1/providers/{provider_id}",
        "GET /v1/providers",
        "GET /v1/plugins",
        "GET /v1/callbacks",
        "PUT /v1/identity-providers/{identity_provider_id}",
        "GET /v1/identity-providers/{identity_provider_id}",
        "GET /v1/identity-providers",
        "PUT /v1/return-urls",
        "GET /v1/return-urls",
        "POST /v1/packs",
        "GET /v1/packs",
        "POST /v1/currencies",
        "GET /v1/currencies",
        "POST /v1/documents",
        "GET /v1/documents",
        "GET /v1/erasures",
        "GET /v1/approval-policy",
        "GET /v1/refund-policy",
        "GET /v1/spent-coins",
        "GET /v1/payout-terms",
        "GET /v1/approvals",
    }
).union(of_pipelines(), OF_ALL_REPORTS)
"""Routes of a tenant that name no object which another tenant could own: they show one's own.

A provider, a currency and a pipeline are named by words that each tenant uses for itself.
"""

EMPTY_FOR_OTHERS = frozenset(
    {"GET /v1/payments", "GET /v1/refund-requests", "GET /v1/disputes", "GET /v1/payouts"}
)
"""Routes that filter by an id: another tenant's finds nothing."""

OUTCOME_FOR_EACH = frozenset({"POST /v1/operations:batch"})
"""Routes that answer 200 with an outcome for each operation."""
