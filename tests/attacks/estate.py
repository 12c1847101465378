"""One of everything for a tenant, and the calls about it."""

from datetime import timedelta
from typing import Any

import httpx
import msgspec
from tests.attacks.call import Call
from tests.attacks.table import Objects, Route, calls
from tests.payments.cashier import TERMS, Cashier
from tests.payments.keeper import Keeper
from tests.payments.scripted import DECLINED
from tests.payments.shop import SECRET
from tests.studio import Studio, done

from guildbank.identity import create_key, mint_player_token
from guildbank.identity.usecases.lives.export import make_exports
from guildbank.kernel import Refusal
from guildbank.notify import Mail, queue_mail, seal_mail
from guildbank.payments.usecases.payouts.terms import set_payout_terms
from guildbank.payments.usecases.receive_webhook import receive_webhook
from guildbank.plugin_api import PAYOUTS, DisputeStand, DisputeStatus, EventKind, ProviderEvent
from guildbank.tenancy.usecases.change import change_tenant

MAILED = "shh-quiet-reset"


class Vault(Keeper, Cashier):
    """Keeps methods, and pays money out."""

    def __init__(self) -> None:
        super().__init__("scripted")
        capabilities = self._manifest.capabilities | {PAYOUTS}
        self._manifest = msgspec.structs.replace(self._manifest, capabilities=capabilities)


SCRIPT = Vault()
"""The payment provider of the deployment under attack."""

LED = {"routes": [{"id": "all", "to": [{"provider": "scripted"}]}]}


async def settle(studio: Studio) -> Objects:
    """Give a tenant one of everything."""
    player, other = await studio.player("hero"), await studio.player("friend")
    granted = await studio.grant(player, 1000)
    hold = await studio.hold(player, 10)
    settings = {"settings": {"secret": "shh-quiet"}, "enabled": True}
    done(await studio.http.put("/v1/providers/scripted", json=settings))
    bot = {"settings": {"bot_token": "5768337691:shh-quiet-AAH5YkoiEuPk8FZ"}}
    done(await studio.http.put("/v1/identity-providers/telegram", json=bot))
    hook = {"url": "https://game.invalid/hooks", "enabled": False}
    done(await studio.http.put("/v1/hooks/before_login", json=hook))
    pack = {
        "name": "Chest",
        "currency": "GEM",
        "coins": 500,
        "prices": [{"price": {"amount": "4.99", "currency": "EUR"}}],
    }
    sold = done(await studio.post("/v1/packs", pack))
    buy = {"packId": sold["id"], "playerId": player, "currency": "EUR", "provider": "scripted"}
    bought = done(await studio.post("/v1/payments", buy))
    SCRIPT.on_create = DECLINED
    unpaid = done(await studio.post("/v1/payments", buy))
    SCRIPT.on_create = None
    disputed, dispute = await _dispute(studio, done(await studio.post("/v1/payments", buy)))
    part = {"amount": {"amount": "1.00", "currency": "EUR"}}
    refund = done(await studio.post(f"/v1/payments/{bought['id']}/refunds", part))
    # Two revisions: what is published can be rolled back.
    for _ in range(2):
        done(await studio.post("/v1/pipelines/packs/revisions", {"stages": LED}))
    done(await studio.post("/v1/pipelines/packs/publish", {"revision": 2}))
    made = await create_key(studio.city.services.identity, studio.ref, "spare", ["players:read"])
    assert not isinstance(made, Refusal)
    why = {"reason": "court order"}
    method = await _method(studio, buy)
    # What was exchanged about payments is kept beside the calls.
    await studio.city.services.payments.drain()
    return Objects(
        slug=studio.ref.slug,
        token=studio.token,
        player=player,
        other=other,
        currency="GEM",
        hold=hold["holdId"],
        transaction=granted["transactionId"],
        pack=sold["id"],
        payment=bought["id"],
        unpaid=unpaid["id"],
        refund=refund["id"],
        request=await _ask_back(studio, player, bought["id"]),
        disputed=disputed,
        dispute=dispute,
        key=made.key.id,
        mail=await _mail(studio),
        legal_hold=done(await studio.post(f"/v1/players/{player}/legal-holds", why))["id"],
        export=await _export(studio, player),
        method=method,
        **await _payout(studio, player),
    )


async def _dispute(studio: Studio, payment: dict[str, Any]) -> tuple[str, str]:
    """Let a buyer dispute a payment; return its id and the dispute's."""
    services = studio.city.services
    due = services.clock.now() + timedelta(days=7)
    case = f"dp_{studio.ref.slug}"
    SCRIPT.cases[case] = DisputeStand(
        reference=case, status=DisputeStatus.NEEDS_RESPONSE, answer_by=due
    )
    event = ProviderEvent(
        external_id=f"evt_{case}", kind=EventKind.DISPUTE_OPENED, amount_minor=499, currency="EUR",
        payment_reference=payment["attempts"][0]["reference"], dispute_reference=case,
    )  # fmt: skip
    answer = await receive_webhook(
        services.payments, studio.ref.slug, "scripted", {"x-sign": SECRET},
        msgspec.json.encode(event),
    )  # fmt: skip
    assert answer is True
    await services.payments.drain()
    (found,) = done(await studio.http.get(f"/v1/payments/{payment['id']}"))["disputes"]
    return payment["id"], found["id"]


async def _method(studio: Studio, buy: dict[str, Any]) -> str:
    """Let the player save what a payment is paid by."""
    done(await studio.post("/v1/payments", {**buy, "saveMethod": True}))
    await studio.city.services.payments.drain()
    path = f"/v1/players/{buy['playerId']}/payment-methods"
    (saved,) = done(await studio.http.get(path))["items"]
    return str(saved["id"])


async def _payout(studio: Studio, player: str) -> dict[str, str]:
    """Let the player wait for money; return the ids of where it goes, and of the payout."""
    services, slug = studio.city.services, studio.ref.slug
    await change_tenant(
        services.tenancy, slug, lambda one: msgspec.structs.replace(one, payout_cooloff_hours=0)
    )
    terms = msgspec.structs.replace(TERMS, window_days=0, review_above_minor=0, most_coins=10)
    await set_payout_terms(services.payments, studio.ref, "op_1", terms)
    path, account = f"/v1/players/{player}", {"account": "4711081500"}
    body = {"provider": "scripted", "details": account}
    place = done(await studio.post(f"{path}/payout-destinations", body))["id"]
    wanted = {"currency": "GEM", "coins": 10, "destinationId": place}
    made = done(await studio.post(f"{path}/payouts", wanted))
    await services.payments.drain()
    return {"destination": place, "payout": made["id"]}


async def _ask_back(studio: Studio, player: str, payment: str) -> str:
    """Let the player ask for what is left of a payment."""
    minted = await mint_player_token(studio.city.services.identity, studio.ref, player)
    assert not isinstance(minted, Refusal)
    path, headers = f"/v1/payments/{payment}/refund-requests", {"idempotency-key": "back"}
    async with studio.city.client(minted.token) as own:
        asked = await own.post(path, json={"reason": "changed_mind"}, headers=headers)
    return str(done(asked)["id"])


async def _export(studio: Studio, player: str) -> str:
    """Have a file made of what is known of the player, and publish what may be agreed to."""
    terms = {"kind": "terms", "version": "1", "title": "Terms", "url": "https://game.example/terms"}
    done(await studio.post("/v1/documents", terms))
    asked = await studio.post(f"/v1/players/{player}/exports")
    assert asked.status_code == 202, asked.text
    await make_exports(studio.city.services.identity)
    return str(asked.json()["id"])


async def _mail(studio: Studio) -> str:
    """Have a player ask for a new password."""
    services = studio.city.services
    link = {"link": f"/reset?token={MAILED}"}
    mail = Mail(template="identity.reset_password", to="hero@player.test", values=link)
    sealed = await seal_mail(services.notify, studio.ref, mail, services.clock.now())
    assert not isinstance(sealed, Refusal)
    async with services.db.begin(studio.ref.schema) as tx:
        return await queue_mail(tx, sealed)


async def send(client: httpx.AsyncClient, route: Route, objects: Objects) -> httpx.Response:
    """Make the route's rightful call about these objects."""
    call = calls(objects).get(route.name, Call())
    more: dict[str, Any] = {"params": call.query} if call.query else {}
    if call.body is not None:
        more["json"] = call.body
    headers = {"idempotency-key": f"attack {route.name}".replace(" ", "-")}
    return await client.request(route.method, route.at(objects), headers=headers, **more)
