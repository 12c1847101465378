"""The suite passes a sound identity provider and names the fault of each unsound one."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta

import msgspec
import pytest
from tests.plugin_api.gatekeeper import CUT, ENDLESS, HUGE, said
from tests.plugin_api.newcomer import ANN, MANIFEST, SECRET, Newcomer, Town

from guildbank.kernel import Refusal
from guildbank.plugin_api import (
    Begun,
    ExternalIdentity,
    NoAnswer,
    SignInAnswer,
    SignInContext,
    SignInRequest,
    Slot,
    Verified,
)
from guildbank.plugin_api.conformance import (
    Check,
    IdentityRehearsal,
    run_identity_conformance,
)


def described(**change: object) -> type[Newcomer]:
    class Described(Newcomer):
        def __init__(self) -> None:
            self.manifest = msgspec.structs.replace(MANIFEST, **change)

    return Described


class LosesTheState(Newcomer):
    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        return await super().begin(context, SignInRequest(state=request.state.lower() + "x"))


class ShowsTheVerifier(Newcomer):
    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        begun = await super().begin(context, request)
        assert isinstance(begun, Begun)
        return msgspec.structs.replace(begun, url=f"{begun.url}&v={begun.keep['verifier']}")


class KeepsNoVerifier(Newcomer):
    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        begun = await super().begin(context, request)
        assert isinstance(begun, Begun)
        return msgspec.structs.replace(begun, keep={"state": request.state})


class HasPlainPkce(Newcomer):
    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        begun = await super().begin(context, request)
        assert isinstance(begun, Begun)
        return msgspec.structs.replace(begun, url=begun.url.replace("S256", "plain"))


class SharesANonce(Newcomer):
    async def begin(self, context: SignInContext, request: SignInRequest) -> Begun | Refusal:
        begun = await super().begin(context, request)
        assert isinstance(begun, Begun)
        return msgspec.structs.replace(begun, keep={**begun.keep, "nonce": "always the same"})


class BelievesAnyCode(Newcomer):
    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        return ANN if answer.params.get("code") else await super().finish(context, answer, keep)


class LooksAtNoState(Newcomer):
    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        params = {**answer.params, "state": keep["state"]}
        return await super().finish(context, SignInAnswer(params=params), keep)


class KnowsNobody(Newcomer):
    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        return Refusal(code="code_refused", detail="No.")


class RemembersCodes(Newcomer):
    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, ExternalIdentity] = {}

    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        code = word.partition(".")[0]
        if code in self.known:
            return self.known[code]
        found = await super().ask(context, word)
        if isinstance(found, ExternalIdentity):
            self.known[code] = found
        return found


class LooksAtNoVerifier(Newcomer):
    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        code = word.partition(".")[0]
        given: set[str] = getattr(context.http, "given", set())
        whole = next((one for one in given if one.startswith(f"{code}.")), word)
        return await super().ask(context, whole)


class HasRandomOnce(Newcomer):
    count = 0

    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        known = await super().verify(context, assertion)
        self.count += 1
        if isinstance(known, Verified):
            return msgspec.structs.replace(known, once=f"{self.count:020}")
        return known


class HasOneOnce(Newcomer):
    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        known = await super().verify(context, assertion)
        if isinstance(known, Verified):
            return msgspec.structs.replace(known, once="0" * 20)
        return known


class ForgetsAtOnce(Newcomer):
    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        known = await super().verify(context, assertion)
        if isinstance(known, Verified):
            return msgspec.structs.replace(known, until=context.now - timedelta(seconds=1))
        return known


class BelievesAnyTicket(Newcomer):
    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        until = context.now + timedelta(hours=1)
        once = f"{assertion!r:>20}"
        return Verified(identity=ANN, once=once, until=until)


class ChokesOnNonsense(Newcomer):
    async def verify(
        self, context: SignInContext, assertion: Mapping[str, str]
    ) -> Verified | Refusal:
        assertion["ticket"].encode("ascii")
        return await super().verify(context, assertion)


class BelievesAnyAnswer(Newcomer):
    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        answer = await context.http.send("GET", f"https://provider.example/{word}")
        return ANN if answer.status == 200 else Refusal(code="code_refused", detail="No.")


def naming_ann(word: str) -> type[Newcomer]:
    class NamesAnn(Newcomer):
        async def ask(self, context: SignInContext, asked: str) -> ExternalIdentity | Refusal:
            try:
                return await super().ask(context, asked)
            except NoAnswer as silence:
                if said(word)(silence):
                    return ANN
                raise

    return NamesAnn


class GoesOnWaiting(Newcomer):
    def __init__(self) -> None:
        self.manifest = msgspec.structs.replace(MANIFEST, timeout_seconds=1)

    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        try:
            return await super().ask(context, word)
        except NoAnswer as silence:
            if said(ENDLESS)(silence):
                await asyncio.sleep(30)
            raise


class RaisesOnHtml(Newcomer):
    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        answer = await context.http.send("GET", f"https://provider.example/{word}")
        if answer.body.startswith(b"<"):
            raise ValueError("html")
        return await super().ask(context, word)


class CallsElsewhere(Newcomer):
    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        await context.http.send("GET", f"https://tracker.example/{word}")
        return await super().ask(context, word)


class TellsItsSecret(Newcomer):
    async def ask(self, context: SignInContext, word: str) -> ExternalIdentity | Refusal:
        try:
            return await super().ask(context, word)
        except NoAnswer as silence:
            raise NoAnswer(f"no answer for {context.settings['secret']}") from silence


class MakesUpACode(Newcomer):
    async def finish(
        self, context: SignInContext, answer: SignInAnswer, keep: Mapping[str, str]
    ) -> ExternalIdentity | Refusal:
        return Refusal(code="computer_says_no", detail="No.")


async def run(plugin: Newcomer, town: Town | None = None) -> list[Check]:
    town = town or Town()
    return await run_identity_conformance(plugin, town.context(), town.rehearsal())


async def test_a_sound_plugin_passes_every_check():
    assert [check for check in await run(Newcomer()) if not check.passed] == []


@pytest.mark.parametrize(
    ("unsound", "fault"),
    [
        (described(slot=Slot.PROVIDER), "the_manifest_is_well_formed"),
        (described(settings_schema={"type": "object"}), "the_settings_schema_is_closed"),
        (described(secret_fields=frozenset({"other"})), "secret_fields_are_settings"),
        (described(capabilities=frozenset()), "the_capabilities_are_there"),
        (described(capabilities=frozenset({"dancing"})), "the_capabilities_are_there"),
        (LosesTheState, "the_address_carries_state_and_way_back"),
        (ShowsTheVerifier, "the_code_is_bound_by_pkce"),
        (KeepsNoVerifier, "the_code_is_bound_by_pkce"),
        (HasPlainPkce, "the_code_is_bound_by_pkce"),
        (SharesANonce, "two_sign_ins_share_no_secret"),
        (BelievesAnyCode, "a_forged_answer_names_nobody"),
        (MakesUpACode, "a_forged_answer_names_nobody"),
        (LooksAtNoState, "a_tampered_state_is_refused"),
        (KnowsNobody, "a_person_who_signs_in_is_known"),
        (RemembersCodes, "a_code_works_once"),
        (LooksAtNoVerifier, "a_code_of_another_sign_in_is_refused"),
        (KnowsNobody, "a_sound_assertion_is_believed"),
        (ForgetsAtOnce, "a_sound_assertion_is_believed"),
        (HasRandomOnce, "a_replay_is_known_by_once"),
        (HasOneOnce, "a_replay_is_known_by_once"),
        (BelievesAnyTicket, "a_changed_assertion_names_nobody_else"),
        (BelievesAnyTicket, "nonsense_is_refused"),
        (ChokesOnNonsense, "nonsense_is_refused"),
        (BelievesAnyAnswer, "no_lie_of_the_network_names_anybody"),
        (RaisesOnHtml, "no_lie_of_the_network_names_anybody"),
        (naming_ann(CUT), "no_cut_answer_names_anybody"),
        (naming_ann(ENDLESS), "no_late_answer_names_anybody"),
        (GoesOnWaiting, "no_late_answer_names_anybody"),
        (naming_ann(HUGE), "no_huge_answer_names_anybody"),
        (CallsElsewhere, "only_declared_hosts_are_asked"),
        (TellsItsSecret, "no_secret_is_shown"),
    ],
)
async def test_an_unsound_plugin_is_told_its_fault(unsound: type[Newcomer], fault: str):
    failed = {check.name: check for check in await run(unsound()) if not check.passed}
    assert fault in failed
    assert failed[fault].ran
    assert failed[fault].detail
    assert not any(SECRET in check.detail for check in failed.values())


async def test_a_check_that_lacks_a_player_has_not_passed():
    town = Town()
    checks = await run_identity_conformance(Newcomer(), town.context(), IdentityRehearsal())
    skipped = {check.name for check in checks if not check.ran}
    assert {"a_code_works_once", "a_sound_assertion_is_believed"} <= skipped
    assert not any(check.passed for check in checks if not check.ran)
