"""Checks of a provider that takes somebody's word: right data pay, always alike, and no other."""

from guildbank.plugin_api.confirmation import Confirmer, NotConfirmed
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.stage import CheckFunction, Stage, fault_in_money
from guildbank.plugin_api.provider import Outcome, OutcomeStatus

_NOT_ASKED = NotRun("the rehearsal confirms nothing")
_NONSENSE: tuple[dict[str, str], ...] = (
    {},
    {"x": "y"},
    {"code": "0"},
    {"amount": "-1", "currency": "EUR", "transaction": "x"},
    {"amount": "1e3", "currency": "EUR", "transaction": "x"},
    {"amount": "NaN", "currency": "XXX", "transaction": "\u200b"},
)


async def the_manifest_says_who_confirms(stage: Stage) -> Verdict:
    """Whose word counts is declared, or nobody's is asked for."""
    if stage.rehearsal.confirms is None:
        return _NOT_ASKED
    if stage.manifest.confirmed_by is None:
        return "confirmed_by of the manifest names nobody"
    return None


async def nonsense_confirms_nothing(stage: Stage) -> Verdict:
    """Empty, unknown and impossible data are refused with a code and a sentence, not raised."""
    if stage.rehearsal.confirms is None:
        return _NOT_ASKED
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.provider.create_payment(stage.context, request)
    for data in _NONSENSE:
        said = await stage.confirm(request, made.reference, data)
        if not isinstance(said, NotConfirmed) or not said.code or not said.detail.strip():
            return f"{data!r} was answered {said!r}"
    return None


async def the_same_data_confirm_the_same(stage: Stage) -> Verdict:
    """A confirmation given twice names the same transaction and the same money."""
    if stage.rehearsal.confirms is None:
        return _NOT_ASKED
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.provider.create_payment(stage.context, request)
    data = await stage.confirming(request)
    first = await stage.confirm(request, made.reference, data)
    second = await stage.confirm(request, made.reference, data)
    for said in (first, second):
        if isinstance(said, NotConfirmed):
            return f"refused right data: {said!r}"
        fault = fault_in_money(said, request.amount_minor, request.currency)
        if fault:
            return fault
    return None if first == second else f"said {first!r}, then {second!r}"


async def the_other_ones_word_takes_no_money(stage: Stage) -> Verdict:
    """What confirms as the word of one does not as that of the other."""
    if stage.rehearsal.confirms is None:
        return _NOT_ASKED
    other: Confirmer = "operator" if stage.rehearsal.confirms_as == "buyer" else "buyer"
    request = stage.payment(stage.rehearsal.pays)
    made = await stage.provider.create_payment(stage.context, request)
    data = await stage.confirming(request)
    said = await stage.confirm_as(other, request, made.reference, data)
    if isinstance(said, Outcome) and said.status is OutcomeStatus.PROCESSED:
        return f"the same data by the {other} were answered {said!r}"
    return None


CHECKS: tuple[CheckFunction, ...] = (
    the_manifest_says_who_confirms,
    nonsense_confirms_nothing,
    the_same_data_confirm_the_same,
)
OF_EITHER: tuple[CheckFunction, ...] = (the_other_ones_word_takes_no_money,)
