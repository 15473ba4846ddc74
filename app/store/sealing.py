"""What only we may read, encrypted: Fernet tokens (AES-128-CBC and HMAC-SHA256, github.com/fyrnet/spec) of JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from app.errors import KeyMissing


def new_key() -> str:
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


class Seal:
    """`keys`: the first seals, all of them open. Raises KeyMissing where there is none, or none that fits."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = keys

    def sealed(self, private: Mapping[str, Any]) -> bytes:
        return bytes(self._fernet().encrypt(json.dumps(dict(private)).encode()))

    def opened(self, sealed: bytes) -> dict[str, Any]:
        from cryptography.fernet import InvalidToken

        try:
            private: dict[str, Any] = json.loads(self._fernet().decrypt(sealed))
        except InvalidToken:
            raise KeyMissing("none of the keys is the one that its private options were sealed with") from None
        return private

    def _fernet(self) -> Any:
        from cryptography.fernet import Fernet, MultiFernet

        if not self._keys:
            raise KeyMissing("private options need a key: `keys new FILE` makes one; then set harvest > key_file")
        try:
            return MultiFernet([Fernet(key.encode()) for key in self._keys])
        except ValueError:
            raise KeyMissing("a key is none that `keys new` made") from None
