"""The keyed hash that stands for what is personal: the same person gets the same token in every stream and source, however it was written.

A hash is keyed (BLAKE2b, RFC 7693, with a key that never leaves this company): without the key nobody can find out whose it is by trying addresses. A
token is left as it is when it comes by again, so that what is hashed already can be gone over once more.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable

PREFIX = "hashed-"
TOKEN = re.compile(PREFIX + r"[0-9a-f]{32}")
_ADDRESS = re.compile(r"[^\s<>\"'(),;:\[\]]+@[^\s<>\"'(),;:\[\]]+[^\s<>\"'(),;:\[\].]")


def tokens(secret: str) -> Callable[..., str]:
    """The keyed hash: text -> token. kind: what the text is, so that two ways of writing it are one ('' takes it letter by letter)."""
    keyed = hashlib.blake2b(key=hashlib.blake2b(secret.encode(), digest_size=32).digest(), digest_size=16)

    def token(text: str, kind: str = "text") -> str:
        if text.startswith(PREFIX) and TOKEN.fullmatch(text):
            return text
        hashed = keyed.copy()              # what the key does to it is the same for all, and half of what a short text costs
        hashed.update((normal(text, kind) if kind else text).encode("utf-8", "surrogatepass"))
        return PREFIX + hashed.hexdigest()

    return token


def normal(text: str, kind: str) -> str:
    """What is common to all ways of writing the same thing: case, width, spaces and invisible characters do not make another person.

    >>> normal("Mia Lund <Mia.Lund@Mail.example>", "email"), normal("tel:0049 (0)30 123-456", "phone")
    ('mia.lund@mail.example', '+4930123456')
    """
    if not text.isascii():
        text = _visible(unicodedata.normalize("NFKC", text)) or text
    if kind == "phone" and (number := _number(text)):
        return number
    plain = " ".join(text.casefold().split())
    if kind == "email" and "@" in plain:
        if plain.isascii() and _ADDRESS.fullmatch(plain):     # most are an address and nothing else
            return plain
        found = _ADDRESS.findall(plain)
        if len(found) == 1:                # 'Mia <mia@mail.example>', 'mailto:mia@mail.example'
            name, _, domain = found[0].rpartition("@")
            return f"{name}@{domain if domain.isascii() else _bare(domain)}"
    return plain


def _visible(text: str) -> str:
    """Without format characters (category Cf, none of which is printable)."""
    return text if text.isprintable() else "".join(letter for letter in text if unicodedata.category(letter) != "Cf")


def _number(text: str) -> str:
    """A telephone number without how it is grouped; 00 is + on a telephone, and the zero in +49 (0)30 is not dialled. '' when there is none."""
    text = re.sub(r"^\s*tel:", "", text, flags=re.IGNORECASE).strip()
    is_whole = text.startswith(("+", "00"))
    digits = re.sub(r"\D", "", text.replace("(0)", "") if is_whole else text).removeprefix("00" if is_whole else "")
    return f"+{digits}" if digits and is_whole else digits


def _bare(domain: str) -> str:
    """An international domain as the network has it."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain
