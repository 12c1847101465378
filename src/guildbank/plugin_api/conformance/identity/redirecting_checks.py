"""Checks of the capability `redirecting`: only the answer to this sign-in names a person."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit

from guildbank.kernel import Refusal
from guildbank.plugin_api.conformance.contracts import NotRun, Verdict
from guildbank.plugin_api.conformance.identity.stage import (
    STATE,
    IdentityCheck,
    IdentityStage,
    is_no,
)
from guildbank.plugin_api.identity_provider import ExternalIdentity

NOT_CLAIMED = NotRun("the plugin does not claim the capability redirecting")
NOBODY_PLAYS = NotRun("the rehearsal plays no person at the provider")
_SHORTEST_VERIFIER = 43
_FORGED: tuple[Mapping[str, str], ...] = (
    {},
    {"state": STATE},
    {"state": STATE, "code": ""},
    {"state": STATE, "code": "x" * 10_000},
    {"state": STATE, "code": "\x00\ud800"},
    {"state": STATE, "error": "access_denied"},
    {"state": STATE, "error": "", "code": "forged"},
    {"code": "forged"},
    {"state": STATE[:-1], "code": "forged"},
    {"state": "", "code": "forged"},
    {"state": STATE, "id_token": "e30.e30.", "access_token": "forged"},
)


async def the_address_carries_state_and_way_back(stage: IdentityStage) -> Verdict:
    """The state stands in the address exactly once and as it is, like the redirect URI."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    query = parse_qs(urlsplit((await stage.begun()).url).query)
    for name, value in (("state", STATE), ("redirect_uri", stage.context.redirect_uri)):
        if query.get(name) != [value]:
            return f"{name} in the address is {query.get(name)}"
    return None


async def the_code_is_bound_by_pkce(stage: IdentityStage) -> Verdict:
    """The address has an S256 challenge whose verifier is kept and not shown (RFC 7636)."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    begun = await stage.begun()
    query = parse_qs(urlsplit(begun.url).query)
    if query.get("code_challenge_method") != ["S256"]:
        return "the address has no challenge of method S256"
    challenge = query.get("code_challenge")
    verifiers = [one for one in begun.keep.values() if [_challenge(one)] == challenge]
    if not verifiers or len(verifiers[0]) < _SHORTEST_VERIFIER:
        return f"no kept value of {_SHORTEST_VERIFIER} characters or more is the verifier"
    return "the verifier is in the address" if verifiers[0] in begun.url else None


async def two_sign_ins_share_no_secret(stage: IdentityStage) -> Verdict:
    """What is kept differs from one sign-in to the next, the state aside."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    one, two = await stage.begun(), await stage.begun()
    shared = [
        name
        for name, value in one.keep.items()
        if value == two.keep.get(name) and value not in (STATE, "")
    ]
    return f"the same in two sign-ins: {', '.join(shared)}" if shared else None


async def a_forged_answer_names_nobody(stage: IdentityStage) -> Verdict:
    """Whoever comes back without what the provider gives is refused."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    begun = await stage.begun()
    for params in _FORGED:
        result = await stage.finish(params, begun.keep)
        if not is_no(result):
            return f"parameters {sorted(params)} named {result!r}"
    return None


async def a_tampered_state_is_refused(stage: IdentityStage) -> Verdict:
    """Though the core finds what is kept by the state, the plugin compares it again."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    begun = await stage.begun()
    for state in ("", STATE + "x", STATE.upper()):
        result = await stage.finish({"state": state, "code": "forged"}, begun.keep)
        if not isinstance(result, Refusal) or result.code != "bad_state":
            return f"another state was answered with {result!r}, not with bad_state"
    return None


async def a_person_who_signs_in_is_known(stage: IdentityStage) -> Verdict:
    """The whole way there and back names somebody, the same each time."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    if stage.rehearsal.sign_in is None:
        return NOBODY_PLAYS
    found = set()
    for _ in range(2):
        begun = await stage.begun()
        params = await stage.rehearsal.sign_in(begun)
        known = await stage.finish(params, begun.keep)
        if not isinstance(known, ExternalIdentity):
            return f"who came back was answered with {known!r}"
        found.add((known.issuer, known.subject))
    return None if len(found) == 1 else "one person was two identities"


async def a_code_works_once(stage: IdentityStage) -> Verdict:
    """The same parameters a second time name nobody."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    if stage.rehearsal.sign_in is None:
        return NOBODY_PLAYS
    begun = await stage.begun()
    params = await stage.rehearsal.sign_in(begun)
    await stage.finish(params, begun.keep)
    again = await stage.finish(params, begun.keep)
    return None if is_no(again) else "a code was taken twice"


async def a_code_of_another_sign_in_is_refused(stage: IdentityStage) -> Verdict:
    """Who steals a code and puts it into a sign-in of their own gets nothing."""
    if not stage.can("redirecting"):
        return NOT_CLAIMED
    if stage.rehearsal.sign_in is None:
        return NOBODY_PLAYS
    stolen = await stage.rehearsal.sign_in(await stage.begun())
    thief = await stage.begun()
    result = await stage.finish(stolen, thief.keep)
    return None if is_no(result) else "a code was taken in another sign-in"


def _challenge(verifier: str) -> str:
    digest = sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


CHECKS: tuple[IdentityCheck, ...] = (
    the_address_carries_state_and_way_back,
    the_code_is_bound_by_pkce,
    two_sign_ins_share_no_secret,
    a_forged_answer_names_nobody,
    a_tampered_state_is_refused,
    a_person_who_signs_in_is_known,
    a_code_works_once,
    a_code_of_another_sign_in_is_refused,
)
