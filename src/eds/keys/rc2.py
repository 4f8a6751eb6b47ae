"""RC2 in CBC mode (RFC 2268): to read what other software wrote long ago.

Certificates in the PKCS#12 files of the NCA RK, of Windows and of OpenSSL before 3.0 stand under
RC2 with an effective key of 40 bits, which nothing else here offers. Only certificates, which are
public, are ever written with it, where somebody asks for the layout of the NCA.
"""

from __future__ import annotations

import struct
from typing import Final

from eds.errors import InvalidArgument

BLOCK: Final = 8  # octets

_PI: Final = bytes.fromhex(
    "d978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2"
    "179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82"
    "54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626"
    "6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7"
    "08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec"
    "c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731"
    "2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9"
    "0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad"
)
_ROTATIONS: Final = (1, 2, 3, 5)


def expand_key(key: bytes, effective_bits: int) -> tuple[int, ...]:
    """The 64 words of the expanded key (RFC 2268 §2). `key` is 1 to 128 octets.

    Raises InvalidArgument.
    """
    length = len(key)
    if not (1 <= length <= 128 and 1 <= effective_bits <= 1024):
        raise InvalidArgument(argument="key", reason="RC2 takes 1 to 128 octets and 1024 bits")
    octets = bytearray(128)
    octets[:length] = key
    for i in range(length, 128):
        octets[i] = _PI[(octets[i - 1] + octets[i - length]) & 0xFF]
    effective = (effective_bits + 7) // 8
    mask = 0xFF >> (8 * effective - effective_bits)
    octets[128 - effective] = _PI[octets[128 - effective] & mask]
    for i in range(127 - effective, -1, -1):
        octets[i] = _PI[octets[i + 1] ^ octets[i + effective]]
    return struct.unpack("<64H", octets)


def decrypt_block(words: tuple[int, ...], block: bytes) -> bytes:
    """One block of 8 octets (RFC 2268 §4)."""
    r = list(struct.unpack("<4H", block))
    j = 63
    for round_number in range(16):
        for i in (3, 2, 1, 0):
            turn = _ROTATIONS[i]
            value = r[i]
            value = (value >> turn | value << (16 - turn)) & 0xFFFF
            previous = r[i - 1]
            r[i] = (value - words[j] - (previous & r[i - 2]) - (~previous & r[i - 3])) & 0xFFFF
            j -= 1
        if round_number in (4, 10):  # five rounds of mixing, six, five
            for i in (3, 2, 1, 0):
                r[i] = (r[i] - words[r[i - 1] & 63]) & 0xFFFF
    return struct.pack("<4H", *r)


def encrypt_block(words: tuple[int, ...], block: bytes) -> bytes:
    """One block of 8 octets (RFC 2268 §3)."""
    r = list(struct.unpack("<4H", block))
    j = 0
    for round_number in range(16):
        for i in (0, 1, 2, 3):
            turn = _ROTATIONS[i]
            previous = r[i - 1]
            value = r[i] + words[j] + (previous & r[i - 2]) + (~previous & r[i - 3]) & 0xFFFF
            r[i] = (value << turn | value >> (16 - turn)) & 0xFFFF
            j += 1
        if round_number in (4, 10):
            for i in (0, 1, 2, 3):
                r[i] = (r[i] + words[r[i - 1] & 63]) & 0xFFFF
    return struct.pack("<4H", *r)


def encrypt_cbc(key: bytes, effective_bits: int, iv: bytes, plaintext: bytes) -> bytes:
    """CBC of a text that is padded already. `iv` is one block, `plaintext` whole blocks.

    Raises InvalidArgument.
    """
    if len(iv) != BLOCK or len(plaintext) % BLOCK:
        raise InvalidArgument(argument="plaintext", reason="not whole blocks of 8 octets")
    words = expand_key(key, effective_bits)
    found = bytearray()
    previous = iv
    for start in range(0, len(plaintext), BLOCK):
        mixed = int.from_bytes(plaintext[start : start + BLOCK], "big") ^ int.from_bytes(
            previous, "big"
        )
        previous = encrypt_block(words, mixed.to_bytes(BLOCK, "big"))
        found += previous
    return bytes(found)


def decrypt_cbc(key: bytes, effective_bits: int, iv: bytes, ciphertext: bytes) -> bytes:
    """CBC, the padding left in place. `iv` is one block, `ciphertext` whole blocks.

    Raises InvalidArgument.
    """
    if len(iv) != BLOCK or len(ciphertext) % BLOCK:
        raise InvalidArgument(argument="ciphertext", reason="not whole blocks of 8 octets")
    words = expand_key(key, effective_bits)
    plain = bytearray()
    previous = int.from_bytes(iv, "big")
    for start in range(0, len(ciphertext), BLOCK):
        block = ciphertext[start : start + BLOCK]
        opened = int.from_bytes(decrypt_block(words, block), "big") ^ previous
        plain += opened.to_bytes(BLOCK, "big")
        previous = int.from_bytes(block, "big")
    return bytes(plain)
