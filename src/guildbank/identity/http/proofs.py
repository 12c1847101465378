"""How proofs travel: codes, what a browser answers for a passkey, and what it is to be asked."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

from guildbank.identity.contracts.factors import Answer, Assertion, Attestation, PasskeyOptions
from guildbank.infra.http import Body, View, problem

FactorMethod: TypeAlias = Literal["totp", "recovery_code", "mailed_code", "passkey"]
CodeText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        description="What the app shows, the mail says, or a recovery code.",
        examples=["287082"],
    ),
]
Base64 = Annotated[str, Meta(min_length=1, max_length=8_192, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")]
Base64Long = Annotated[
    str, Meta(min_length=1, max_length=65_536, pattern=r"^[A-Za-z0-9_-]+$(?!\n)")
]
_MADE_UP = "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0"


class AssertionResponse(Body, forbid_unknown_fields=False):
    """The `response` of a passkey that was used; browsers may add members."""

    __example__: ClassVar = {
        "clientDataJSON": _MADE_UP,
        "authenticatorData": _MADE_UP,
        "signature": _MADE_UP,
        "userHandle": None,
    }

    client_data: Base64 = msgspec.field(name="clientDataJSON")
    authenticator_data: Base64
    signature: Base64
    user_handle: Base64 | None = None


class AssertionBody(Body, forbid_unknown_fields=False):
    """What `navigator.credentials.get` answered, as its `toJSON` writes it."""

    __example__: ClassVar = {"id": "AQIDBA", "rawId": "AQIDBA"}

    id: Base64
    raw_id: Base64
    response: AssertionResponse
    type: Literal["public-key"]

    def read(self) -> Assertion:
        """Return what is verified of it."""
        return Assertion(
            id=self.id,
            raw_id=self.raw_id,
            client_data=self.response.client_data,
            authenticator_data=self.response.authenticator_data,
            signature=self.response.signature,
            user_handle=self.response.user_handle,
        )


class AttestationResponse(Body, forbid_unknown_fields=False):
    """The `response` of a new passkey; browsers may add members."""

    __example__: ClassVar = {"clientDataJSON": _MADE_UP, "attestationObject": _MADE_UP}

    client_data: Base64 = msgspec.field(name="clientDataJSON")
    attestation_object: Base64Long


class AttestationBody(Body, forbid_unknown_fields=False):
    """What `navigator.credentials.create` answered, as its `toJSON` writes it."""

    __example__: ClassVar = {"id": "AQIDBA", "rawId": "AQIDBA"}

    id: Base64
    raw_id: Base64
    response: AttestationResponse
    type: Literal["public-key"]

    def read(self) -> Attestation:
        """Return what is verified of it."""
        return Attestation(
            id=self.id,
            raw_id=self.raw_id,
            client_data=self.response.client_data,
            attestation_object=self.response.attestation_object,
        )


class PasskeyOptionsView(View):
    """What a page passes on: `navigator.credentials` takes `options` once its JSON is parsed.

    `PublicKeyCredential.parseCreationOptionsFromJSON` and `parseRequestOptionsFromJSON` do that.
    """

    __example__: ClassVar = {
        "options": {"challenge": "AQIDBA", "rpId": "play.moonlit.example", "timeout": 300_000},
    }

    options: Mapping[str, Any]
    expires_at: datetime


class CodeSentView(View):
    """A code is on its way to the confirmed address."""

    expires_at: datetime


class RecoveryCodesView(View):
    """Ten codes to keep on paper, shown this once; null where the player has some already."""

    __example__: ClassVar = {"recoveryCodes": ["k7wq-p2mn-x8ru", "h3tz-9dkc-mw4e"]}

    recovery_codes: Sequence[str] | None


class EnrolmentView(View):
    """An authenticator app's secret, to be shown as a QR code (`uri`) and for typing (`secret`).

    Nothing holds until a code of the app confirms `enrolment`.
    """

    __example__: ClassVar = {
        "enrolment": "mP0rBz5Qd1",
        "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
        "uri": "otpauth://totp/Moonlit:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Moonlit",
    }

    enrolment: str
    secret: str
    uri: str
    expires_at: datetime


def read_answer(method: FactorMethod, code: str | None, credential: AssertionBody | None) -> Answer:
    """Return a second factor as it was answered; raises the problem `missing_field`."""
    if method == "passkey":
        if credential is None:
            raise problem("missing_field", "Send what the passkey answered.", "credential")
        return Answer(method=method, assertion=credential.read())
    if code is None:
        raise problem("missing_field", "Send the code.", "code")
    return Answer(method=method, text=code)


def options_view(asked: PasskeyOptions) -> PasskeyOptionsView:
    """Render what a page is to ask its browser."""
    return PasskeyOptionsView(asked.options, asked.expires_at)
