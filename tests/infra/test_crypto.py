"""Envelopes, keys, signatures and hashes, against published vectors and against tampering."""

import base64
import hmac
import os
import threading
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from guildbank.infra.crypto import (
    DataKey,
    KeyUnusable,
    MasterKey,
    SealBroken,
    SigningKey,
    Vault,
    open_under,
    salted_hash,
    seal_under,
    verify_signature,
)


def a_vault() -> Vault:
    return Vault(MasterKey(os.urandom(32)))


@pytest.mark.parametrize(
    ("key", "nonce", "plain", "aad", "sealed"),
    [
        # NIST GCM specification (McGrew and Viega), test cases 13, 14 and 16.
        ("00" * 32, "00" * 12, "", "", "530f8afbc74536b9a963b4f1c4cb738b"),
        (
            "00" * 32,
            "00" * 12,
            "00" * 16,
            "",
            "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919",
        ),
        (
            "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
            "cafebabefacedbaddecaf888",
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
            "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
            "feedfacedeadbeeffeedfacedeadbeefabaddad2",
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b",
        ),
    ],
)
def test_the_cipher_is_aes_256_gcm_as_published(
    key: str, nonce: str, plain: str, aad: str, sealed: str
) -> None:
    found = AESGCM(bytes.fromhex(key)).encrypt(
        bytes.fromhex(nonce), bytes.fromhex(plain), bytes.fromhex(aad)
    )
    assert found.hex() == sealed


def test_an_envelope_is_version_nonce_and_that_cipher() -> None:
    key = os.urandom(32)
    sealed = seal_under(key, b"place", b"plain")
    assert sealed[0] == 1
    assert AESGCM(key).decrypt(sealed[1:13], sealed[13:], b"\x01place") == b"plain"


def test_what_was_sealed_opens_only_at_its_place_and_under_its_key() -> None:
    vault = a_vault()
    sealed = vault.seal(b"provider:stripe", b"whsec_123")
    assert vault.open(b"provider:stripe", sealed) == b"whsec_123"
    with pytest.raises(SealBroken):
        vault.open(b"provider:other", sealed)
    with pytest.raises(SealBroken):
        a_vault().open(b"provider:stripe", sealed)


def test_any_changed_byte_breaks_an_envelope() -> None:
    key = os.urandom(32)
    sealed = seal_under(key, b"", b"secret")
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            open_under(key, b"", bytes(changed))
    for length in range(len(sealed)):
        with pytest.raises(SealBroken):
            open_under(key, b"", sealed[:length])


def test_sealing_twice_gives_different_bytes() -> None:
    vault = a_vault()
    assert vault.seal(b"", b"same") != vault.seal(b"", b"same")


def test_a_data_key_is_useless_without_the_master_and_for_another_owner() -> None:
    vault = a_vault()
    wrapped = vault.new_data_key(b"ten_1")
    key = vault.data_key(wrapped, b"ten_1")
    sealed = key.seal(b"row", b"game key")
    assert vault.data_key(wrapped, b"ten_1").open(b"row", sealed) == b"game key"
    with pytest.raises(SealBroken):
        vault.data_key(wrapped, b"ten_2")
    with pytest.raises(SealBroken):
        a_vault().data_key(wrapped, b"ten_1")


def test_a_new_master_key_keeps_what_data_keys_sealed() -> None:
    old, new = a_vault(), a_vault()
    wrapped = old.new_data_key(b"ten_1")
    sealed = old.data_key(wrapped, b"ten_1").seal(b"", b"kept")
    moved = old.rewrap(wrapped, new, b"ten_1")
    assert new.data_key(moved, b"ten_1").open(b"", sealed) == b"kept"


@pytest.mark.parametrize(
    ("seed", "public", "message", "signature"),
    [
        # RFC 8032, section 7.1, tests 1 and 3.
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
            "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
    ],
)
def test_signatures_are_ed25519_as_published(
    seed: str, public: str, message: str, signature: str
) -> None:
    key = SigningKey(bytes.fromhex(seed))
    assert key.public_key == base64.b64encode(bytes.fromhex(public)).decode()
    assert key.sign(bytes.fromhex(message)).hex() == signature
    assert verify_signature(key.public_key, bytes.fromhex(message), bytes.fromhex(signature))


def test_a_signature_of_something_else_is_refused() -> None:
    key = SigningKey.generate()
    signed = key.sign(b"head 7")
    assert verify_signature(key.public_key, b"head 7", signed)
    assert not verify_signature(key.public_key, b"head 8", signed)
    assert not verify_signature(SigningKey.generate().public_key, b"head 7", signed)
    assert not verify_signature("not base64", b"head 7", signed)
    assert not verify_signature(key.public_key, b"head 7", b"short")


def test_a_signing_key_survives_its_seed() -> None:
    key = SigningKey.generate()
    assert SigningKey(key.seed).public_key == key.public_key


def test_a_salted_hash_is_hmac_sha256_under_a_key_of_its_purpose() -> None:
    # RFC 4231, test case 2, checks the primitive.
    assert hmac.digest(b"Jefe", b"what do ya want for nothing?", sha256).hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    subkey = hmac.digest(b"k" * 32, b"guildbank hash:email", sha256)
    assert salted_hash(b"k" * 32, b"email", b"a@b.c") == hmac.digest(subkey, b"a@b.c", sha256)
    assert salted_hash(b"k" * 32, b"email", b"x") != salted_hash(b"k" * 32, b"phone", b"x")
    assert DataKey(b"k" * 32).hash(b"email", b"x") == salted_hash(b"k" * 32, b"email", b"x")


def test_the_master_key_is_made_once_and_only_its_owner_reads_it(tmp_path) -> None:
    path = tmp_path / "master.key"
    made = MasterKey.load_or_create(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert MasterKey.load_or_create(path).bytes() == made.bytes()
    assert [file.name for file in tmp_path.iterdir()] == ["master.key"]


def test_processes_that_start_together_agree_on_one_master_key(tmp_path) -> None:
    path = tmp_path / "master.key"
    found: list[bytes] = []
    start = threading.Barrier(8)

    def begin() -> None:
        start.wait()
        found.append(MasterKey.load_or_create(path).bytes())

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize("content", ["", "short", "!!!", base64.b64encode(b"x" * 31).decode()])
def test_a_damaged_master_key_is_reported_and_never_replaced(tmp_path, content: str) -> None:
    path = tmp_path / "master.key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyUnusable, match=r"master\.key is damaged"):
        MasterKey.load_or_create(path)
    assert path.read_text() == content


def test_a_master_key_that_others_can_read_is_refused(tmp_path) -> None:
    path = tmp_path / "master.key"
    MasterKey.load_or_create(path)
    path.chmod(0o644)
    with pytest.raises(KeyUnusable, match="chmod 600"):
        MasterKey.load_or_create(path)


def test_a_missing_folder_is_a_clear_error(tmp_path) -> None:
    with pytest.raises(KeyUnusable, match="cannot make the master key"):
        MasterKey.load_or_create(tmp_path / "none" / "master.key")


def test_no_key_shows_itself_in_a_repr() -> None:
    raw = b"A" * 32
    for each in (MasterKey(raw), Vault(MasterKey(raw)), DataKey(raw), SigningKey(raw)):
        assert "AAAA" not in repr(each)
        assert "QUFB" not in repr(each)
