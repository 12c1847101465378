"""A provider's rehearsal on both sides of the wall: what it does stays inside and is asked for."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from guildbank.plugin_api.conformance.contracts import Rehearsal, Webhook
from guildbank.plugin_api.provider import Context, Outcome, Payer, PaymentRequest

ACTS: Mapping[str, tuple[bool, tuple[Any, ...], tuple[Any, ...]]] = {
    # Whether it takes a context, the types of its other arguments, and those of its results.
    "confirms": (True, (PaymentRequest,), (dict,)),
    "reverse": (True, (Outcome,), (type(None),)),
    "redirected": (False, (Mapping[str, Any], str), (dict,)),
    "subscribes": (True, (PaymentRequest,), (dict,)),
    "renews": (True, (Outcome,), (type(None),)),
    "disputed": (True, (Outcome,), (str,)),
    "sign": (True, (bytes,), (dict,)),
    "webhook": (True, (), (Webhook,)),
    "complete_action": (True, (Outcome,), (type(None),)),
    "refuse_action": (True, (Outcome,), (type(None),)),
}
"""What a rehearsal can do, by its name there."""
PREFIX = "rehearse_"
"""Stands before it in the name of its verb."""


class Rehearsed(msgspec.Struct, frozen=True, kw_only=True):
    """What a rehearsal says, and the names of what it can do."""

    said: dict[str, Any]
    acts: list[str]
    payer: Payer | None


def tell(rehearsal: Rehearsal) -> Rehearsed:
    """Return a rehearsal as it is sent."""
    values = {name: getattr(rehearsal, name) for name in rehearsal.__struct_fields__}
    acts = [name for name in ACTS if values.pop(name) is not None]
    payer = values.pop("payer")
    return Rehearsed(said=values, acts=acts, payer=payer)


def hear(told: Rehearsed, act: Callable[[str], Any]) -> Rehearsal:
    """Return the rehearsal that was sent; `act` makes what asks for one of its acts.

    Raises TypeError and msgspec.ValidationError for what is none.
    """
    acts = {name: act(name) for name in told.acts if name in ACTS}
    plain = {name: value for name, value in told.said.items() if name not in ACTS}
    return Rehearsal(**_checked(plain), **acts, payer=told.payer)


def _checked(plain: Mapping[str, Any]) -> dict[str, Any]:
    kinds = {one.name: one.type for one in msgspec.structs.fields(Rehearsal)}
    return {name: msgspec.convert(value, kinds[name]) for name, value in plain.items()}


def done_by(plugin: Any, verb: str) -> Any:
    """Return what a verb names: the plugin's own, or an act of its rehearsal."""
    if verb.startswith(PREFIX):
        return getattr(plugin.rehearsal(), verb.removeprefix(PREFIX))
    return getattr(plugin, verb)


def takes_context(name: str) -> type[Context] | None:
    """Return the context of an act, None where it takes none."""
    return Context if ACTS[name][0] else None
