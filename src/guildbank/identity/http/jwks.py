"""The route by which other servers get the keys that verify players' tokens."""

from collections.abc import Sequence
from typing import ClassVar

from litestar import Response, get

from guildbank.identity.usecases import Identity
from guildbank.infra.http import Service, View

TAGS: Sequence[str] = ["Sessions"]
KEPT = {"cache-control": "public, max-age=300"}


class PublicKeyView(View):
    """A public key of Ed25519 (RFC 8037)."""

    __example__: ClassVar = {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": "sig_01kag3pyqmf9aag12vtrsy70ps",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "alg": "EdDSA",
        "use": "sig",
    }

    kty: str
    crv: str
    kid: str
    x: str
    alg: str
    use: str


class PublicKeysView(View):
    """A JSON Web Key Set (RFC 7517): a token's `kid` names the key that signed it."""

    keys: Sequence[PublicKeyView]


@get(
    "/.well-known/jwks.json",
    opt={"public": True},
    tags=TAGS,
    summary="Get the keys that verify players' tokens",
)
async def key_set(identity: Service[Identity]) -> Response[PublicKeysView]:
    """Return all keys whose tokens are still good; look again when a token names another one."""
    found = await identity.tokens.public_keys()
    keys = [
        PublicKeyView(**{name: key[name] for name in PublicKeyView.__struct_fields__})
        for key in found
    ]
    return Response(PublicKeysView(keys), headers=KEPT)


ROUTES = (key_set,)
