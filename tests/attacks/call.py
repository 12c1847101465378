"""A way to call a route, and the rightful calls of operators about each other and pipelines."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Call:
    """A way to call a route: `body` None sends none."""

    body: Any = None
    query: Mapping[str, str] | None = None


def of_approvals() -> dict[str, Call]:
    return {
        "GET /v1/approval-policy": Call(),
        "PUT /v1/approval-policy": Call({"rules": []}),
        "GET /v1/approvals": Call(),
        "GET /v1/approvals/{approval_id}": Call(),
        "POST /v1/approvals/{approval_id}/approve": Call({}),
        "POST /v1/approvals/{approval_id}/reject": Call({"reason": "review"}),
        "POST /v1/approvals/{approval_id}/cancel": Call(),
        "POST /v1/approvals/{approval_id}/key": Call(),
    }


def of_staff() -> dict[str, Call]:
    invite = {"address": "new@staff.example", "roles": ["analyst"]}
    return {
        "POST /v1/players/{player_id}/clear-factors": Call({"reason": "lost phone"}),
        "GET /v1/operators": Call(),
        "GET /v1/operators/{operator_id}": Call(),
        "POST /v1/operators/{operator_id}/suspend": Call(),
        "POST /v1/operators/{operator_id}/reinstate": Call(),
        "POST /v1/operators/{operator_id}/clear-factors": Call(),
        "DELETE /v1/operators/{operator_id}": Call(),
        "PUT /v1/operators/{operator_id}/roles": Call({"roles": ["analyst"]}),
        "POST /v1/operator-invitations": Call(invite),
        "GET /v1/operator-invitations": Call(),
        "DELETE /v1/operator-invitations/{invitation_id}": Call(),
        "GET /v1/roles": Call(),
        "GET /v1/staff-sign-in": Call(),
        "PUT /v1/staff-sign-in": Call(
            {"issuer": "https://login.moonlit.example", "clientId": "guildbank", "groups": []}
        ),
        "POST /v1/roles": Call({"name": "night-watch", "permissions": ["players:read"]}),
        "PUT /v1/roles/{name}": Call({"permissions": ["players:read"]}),
        "DELETE /v1/roles/{name}": Call(),
    }


def of_people() -> dict[str, Call]:
    return {**of_approvals(), **of_staff()}


def of_pipelines() -> dict[str, Call]:
    secrets = {
        "slot": "before", "plugin": "asking", "settings": {"url": "https://game.example/ask"},
        "secrets": {"token": "shh-quiet-token"},
    }  # fmt: skip
    tried = {name: one for name, one in secrets.items() if name != "secrets"}
    led = [{"id": "all", "to": [{"provider": "scripted"}]}]
    steps: dict[str, Any] = {"stages": {"routes": led}}
    return {
        "GET /v1/pipelines": Call(),
        "GET /v1/pipelines/{purpose}": Call(),
        "GET /v1/pipelines/{purpose}/workers": Call(),
        "PUT /v1/pipelines/{purpose}/secrets/{step}": Call(secrets),
        "POST /v1/pipelines/{purpose}/revisions": Call(steps),
        "GET /v1/pipelines/{purpose}/revisions": Call(),
        "GET /v1/pipelines/{purpose}/revisions/{number}": Call(),
        "POST /v1/pipelines/{purpose}/check": Call(steps),
        "POST /v1/pipelines/{purpose}/steps/{step}/test": Call(tried),
        "POST /v1/pipelines/{purpose}/steps/{step}/health": Call(tried),
        "POST /v1/pipelines/{purpose}/steps/{step}/options": Call({**tried, "field": "url"}),
        "POST /v1/pipelines/{purpose}/steps/{step}/check-field": Call({**tried, "field": "url"}),
        "POST /v1/pipelines/{purpose}/dry-run": Call(steps),
        "POST /v1/pipelines/{purpose}/publish": Call({"revision": 1}),
        "POST /v1/pipelines/{purpose}/roll-back": Call({}),
    }


def of_reports() -> dict[str, Call]:
    day = {"since": "2026-10-01T00:00:00Z", "until": "2026-10-02T00:00:00Z"}
    return {
        "GET /v1/proof": Call(),
        "GET /v1/proof/status": Call(),
        "GET /v1/proof/payments": Call(query={"money": "EUR"}),
        "GET /v1/payments/{payment_id}/exchanges": Call(),
        "GET /v1/exchanges": Call(query={"about": "pyo_01h455vb4pex5vsknk084sn02q"}),
        "POST /v1/reconciliations": Call({"provider": "scripted", **day}),
        "GET /v1/reconciliations": Call(),
        "GET /v1/reconciliations/{run_id}": Call(),
        "GET /v1/reconciliations/{run_id}/lines": Call(),
    }


def of_money_back(player: str, payment: str) -> dict[str, Call]:
    said = {"evidence": {"product_description": "500 gems"}}
    no = {"decision": "reject", "reason": "review", "answer": "It was spent."}
    late = {"reject": {"afterDays": 60, "answer": "That was long ago."}}
    return {
        "GET /v1/refund-requests": Call(query={"playerId": player}),
        "GET /v1/refund-requests/{request_id}": Call(),
        "POST /v1/refund-requests/{request_id}/decision": Call(no),
        "GET /v1/disputes": Call(query={"paymentId": payment}),
        "GET /v1/disputes/{dispute_id}": Call(),
        "POST /v1/disputes/{dispute_id}/evidence": Call(said),
        "GET /v1/refund-policy": Call(),
        "PUT /v1/refund-policy": Call(late),
        "GET /v1/spent-coins": Call(),
        "PUT /v1/spent-coins/{code}": Call({"policy": "debt"}),
    }


def of_saved_methods() -> dict[str, Call]:
    return {
        "GET /v1/players/{player_id}/payment-methods": Call(),
        "DELETE /v1/players/{player_id}/payment-methods/{method_id}": Call(),
        "GET /v1/players/{player_id}/subscriptions": Call(),
    }


def of_payouts(player: str, destination: str) -> dict[str, Call]:
    out = {"currency": "GEM", "coins": 10, "destinationId": destination}
    terms = {
        "open": True, "leastCoins": 1, "mostCoins": 10, "disputeWindowDays": 0,
        "rate": {"amount": {"amount": "1.00", "currency": "EUR"}, "perCoins": 1},
    }  # fmt: skip
    account = {"provider": "scripted", "details": {"account": "4711081500"}}
    return {
        "GET /v1/payout-terms": Call(),
        "PUT /v1/payout-terms/{code}": Call(terms),
        "GET /v1/players/{player_id}/payout-destinations": Call(),
        "POST /v1/players/{player_id}/payout-destinations": Call(account),
        "DELETE /v1/players/{player_id}/payout-destinations/{destination_id}": Call(),
        "POST /v1/players/{player_id}/payouts": Call(out),
        "GET /v1/payouts": Call(query={"playerId": player}),
        "GET /v1/payouts/{payout_id}": Call(),
        "GET /v1/payouts/{payout_id}/timeline": Call(),
        "GET /v1/payouts/{payout_id}/destination": Call(),
        "POST /v1/payouts/{payout_id}/cancel": Call(),
        "POST /v1/payouts/{payout_id}/approval": Call({"reason": "review"}),
        "POST /v1/payouts/{payout_id}/rejection": Call({"reason": "review"}),
        "POST /v1/payouts/{payout_id}/confirmation": Call({"data": {"transaction": "x"}}),
    }


def of_books() -> dict[str, Call]:
    return {
        "GET /v1/journal/checkpoints": Call(),
        "GET /v1/events": Call(),
        "GET /v1/players/{player_id}/balances": Call(),
        "GET /v1/players/{player_id}/statement": Call(),
        "GET /v1/transactions/{transaction_id}": Call(),
        "GET /v1/transactions/{transaction_id}/checks": Call(),
        "GET /v1/mailbox": Call(),
        "GET /v1/mailbox/{mail_id}": Call(),
        "GET /v1/audit": Call(),
        "GET /v1/audit/file": Call(),
    }


OWN_SETTINGS = frozenset(
    {
        "GET /v1/staff-sign-in",
        "PUT /v1/staff-sign-in",
        "PUT /v1/approval-policy",
        "PUT /v1/refund-policy",
        "PUT /v1/spent-coins/{code}",
        "PUT /v1/payout-terms/{code}",
    }
)
"""Each tenant's own, whoever's ids are known."""
OF_ALL_REPORTS = frozenset(name for name in of_reports() if "{run_id}" not in name)
