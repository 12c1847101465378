"""What each slot's verbs take and return, so that a call can be sent to another process."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

import msgspec

from guildbank.kernel import Refusal
from guildbank.plugin_api.captcha import CaptchaContext, CaptchaResponse
from guildbank.plugin_api.charges import Charged
from guildbank.plugin_api.confirmation import Confirmation, NotConfirmed
from guildbank.plugin_api.conformance.charges.contracts import ChargeRehearsal
from guildbank.plugin_api.conformance.gates.contracts import GateRehearsal
from guildbank.plugin_api.conformance.scorers.contracts import ScorerRehearsal
from guildbank.plugin_api.disputes import DisputeStand, EvidenceRefused, EvidenceRequest
from guildbank.plugin_api.history import History
from guildbank.plugin_api.http import Http
from guildbank.plugin_api.identity_provider import (
    Begun,
    ExternalIdentity,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Verified,
)
from guildbank.plugin_api.lifecycle import Health, Option, SettingProblem
from guildbank.plugin_api.manifest import Slot
from guildbank.plugin_api.merchant import Merchant
from guildbank.plugin_api.moves import Judged, MoveView
from guildbank.plugin_api.notification import Delivery, Notification
from guildbank.plugin_api.payouts import Destination, DestinationRefused, PayoutRequest
from guildbank.plugin_api.provider import (
    Context,
    Outcome,
    PaymentRequest,
    ProviderEvent,
    RefundRequest,
    WebhookRejected,
)
from guildbank.plugin_api.report import ReportPage
from guildbank.plugin_api.runner.rehearsed import ACTS, PREFIX, Rehearsed, takes_context
from guildbank.plugin_api.saved import CustomerRequest, SavedMethod
from guildbank.plugin_api.scoring import Scored
from guildbank.plugin_api.settlement import SettlementPage
from guildbank.plugin_api.stages import (
    Annotated,
    CallbackEvent,
    Delivered,
    PurchaseView,
    Veto,
)
from guildbank.plugin_api.subscriptions import SubscriptionStand
from guildbank.plugin_api.usage import Usage

AnyContext: TypeAlias = Context | SignInContext | CaptchaContext
_NONE = type(None)


class Verb(NamedTuple):
    """A verb's context (None: it takes none), the types of its arguments and of its results.

    `items` is what a list holds, where it returns one.
    """

    context: type[AnyContext] | None
    arguments: tuple[Any, ...]
    results: tuple[Any, ...]
    items: Any = SettingProblem

    def kind_of(self, result: object) -> str | None:
        """Return the name under which a result is sent, None for what is none of the verb's."""
        if isinstance(result, list | tuple) and list in self.results:
            return "list"
        return next((one.__name__ for one in self.results if type(result) is one), None)

    def unpack(self, kind: str, value: msgspec.Raw) -> Any:
        """Return a result; raises LookupError and msgspec.ValidationError for what is none."""
        found = {one.__name__: one for one in self.results}[kind]
        typed = list[self.items] if found is list else found  # type: ignore[name-defined]
        return msgspec.msgpack.decode(value, type=typed)


_TRIES: Mapping[str, Verb] = {
    "test_connection": Verb(Context, (), (str,)),
    "options": Verb(Context, (str,), (list,), Option),
    "health": Verb(Context, (), (Health,)),
}


def _gate(purchase_verb: str) -> dict[str, Verb]:
    return {
        purchase_verb: Verb(Context, (PurchaseView,), (Annotated, Veto)),
        "rehearsal": Verb(None, (), (GateRehearsal,)),
        **_TRIES,
    }


_REFERENCE: Any = str | None
_TEXTS = Mapping[str, str]
_OF_SLOT: Mapping[Slot, Mapping[str, Verb]] = {
    Slot.ENTRY: _gate("admit"),
    Slot.CHARGE: {
        "charge": Verb(Context, (PurchaseView,), (Charged, Veto)),
        "rehearsal": Verb(None, (), (ChargeRehearsal,)),
        **_TRIES,
    },
    Slot.MIDDLEWARE: {
        **_gate("before_provider"),
        "before_moves": Verb(Context, (tuple[MoveView, ...],), (Judged,)),
        "check_move_settings": Verb(None, (Mapping[str, Any],), (list,)),
    },
    Slot.SCORER: {
        "score": Verb(Context, (PurchaseView,), (Scored,)),
        "rehearsal": Verb(None, (), (ScorerRehearsal,)),
        **_TRIES,
    },
    Slot.CALLBACK: {"deliver": Verb(Context, (CallbackEvent,), (Delivered, _NONE)), **_TRIES},
    Slot.PROVIDER: {
        "create_payment": Verb(Context, (PaymentRequest,), (Outcome,)),
        "fetch_payment": Verb(Context, (str, _REFERENCE), (Outcome,)),
        "capture_payment": Verb(Context, (str, _REFERENCE), (Outcome,)),
        "cancel_payment": Verb(Context, (str, _REFERENCE), (Outcome,)),
        "refund": Verb(Context, (RefundRequest,), (Outcome,)),
        "fetch_refund": Verb(Context, (RefundRequest, _REFERENCE), (Outcome,)),
        "read_webhook": Verb(Context, (_TEXTS, bytes), (ProviderEvent, WebhookRejected)),
        "report": Verb(Context, (datetime, _REFERENCE), (ReportPage,)),
        "settlements": Verb(Context, (datetime, datetime, _REFERENCE), (SettlementPage,)),
        "confirm": Verb(Context, (Confirmation,), (Outcome, NotConfirmed)),
        "confirm_refund": Verb(Context, (RefundRequest, _TEXTS), (Outcome, NotConfirmed)),
        "confirm_payout": Verb(Context, (PayoutRequest, _TEXTS), (Outcome, NotConfirmed)),
        "merchant": Verb(Context, (), (Merchant,)),
        "tell_usage": Verb(Context, (Usage,), (bool,)),
        "finish_payment": Verb(Context, (str,), (_NONE,)),
        "fetch_subscription": Verb(Context, (str, datetime), (SubscriptionStand, _NONE)),
        "fetch_dispute": Verb(Context, (str,), (DisputeStand, _NONE)),
        "submit_evidence": Verb(Context, (EvidenceRequest,), (DisputeStand, EvidenceRefused)),
        "open_customer": Verb(Context, (CustomerRequest,), (str,)),
        "knows_customer": Verb(Context, (CustomerRequest,), (bool,)),
        "forget_customer": Verb(Context, (CustomerRequest,), (_NONE,)),
        "saved_method": Verb(Context, (str, str, str), (SavedMethod, _NONE)),
        "fetch_method": Verb(Context, (str, str), (SavedMethod, _NONE)),
        "remove_method": Verb(Context, (str, str), (_NONE,)),
        "check_destination": Verb(Context, (_TEXTS,), (Destination, DestinationRefused)),
        "pay_out": Verb(Context, (PayoutRequest,), (Outcome,)),
        "fetch_payout": Verb(Context, (PayoutRequest, _REFERENCE), (Outcome,)),
        "rehearsal": Verb(None, (), (Rehearsed,)),
        **{
            f"{PREFIX}{name}": Verb(takes_context(name), arguments, results)
            for name, (_, arguments, results) in ACTS.items()
        },
        **_TRIES,
    },
    Slot.NOTIFICATION: {
        "send": Verb(Context, (Notification,), (Delivery,)),
        **_TRIES,
    },
    Slot.IDENTITY: {
        "begin": Verb(SignInContext, (SignInRequest,), (Begun, Refusal)),
        "finish": Verb(SignInContext, (SignInAnswer, _TEXTS), (ExternalIdentity, Refusal)),
        "verify": Verb(SignInContext, (_TEXTS,), (Verified, Refusal)),
    },
    Slot.CAPTCHA: {"verify": Verb(CaptchaContext, (CaptchaResponse,), (Refusal, _NONE))},
}
_OF_ALL: Mapping[str, Verb] = {
    "start": Verb(Context, (), (_NONE,)),
    "check_settings": Verb(None, (Mapping[str, Any],), (list,)),
    "check_field": Verb(None, (str, Mapping[str, Any]), (list,)),
    "drain": Verb(None, (), (_NONE,)),
    "close": Verb(None, (), (_NONE,)),
}
_THINGS = frozenset({"http", "history"})
"""Fields of a context that are no values: the plugin gets others in their place."""


def verbs_of(slot: Slot) -> Mapping[str, Verb]:
    """Return the verbs that a plugin of the slot may have, by name."""
    return {**_OF_ALL, **_OF_SLOT[slot]}


def _values_of(context: type[AnyContext]) -> type[msgspec.Struct]:
    fields = [
        (one.name, one.type) for one in msgspec.structs.fields(context) if one.name not in _THINGS
    ]
    return msgspec.defstruct(f"{context.__name__}Values", [*fields, ("told", bool)], frozen=True)


_VALUES: Mapping[type[AnyContext], type[msgspec.Struct]] = {
    one: _values_of(one) for one in (Context, SignInContext, CaptchaContext)
}


def pack_context(context: AnyContext) -> msgspec.Raw:
    """Return the values of a context, and whether it has a history."""
    kind = _VALUES[type(context)]
    values = {
        one.name: getattr(context, one.name)
        for one in msgspec.structs.fields(kind)
        if one.name != "told"
    }
    told = getattr(context, "history", None) is not None
    return msgspec.Raw(msgspec.msgpack.encode(kind(**values, told=told)))


def unpack_context(
    kind: type[AnyContext], packed: msgspec.Raw, http: Http, history: History
) -> AnyContext:
    """Return a context with these in the place of the host's."""
    values = msgspec.structs.asdict(msgspec.msgpack.decode(packed, type=_VALUES[kind]))
    told = values.pop("told")
    if kind is Context:
        values["history"] = history if told else None
    return kind(**values, http=http)
