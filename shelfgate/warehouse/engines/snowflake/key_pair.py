"""Who logs in to Snowflake, and how: a key pair or the workload's own identity; refuses passwords and open keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shelfgate.errors import ConfigurationError


@dataclass(frozen=True)
class Identity:
    """Who logs in, as which role, and how. Exactly one way: a key, in a file or as text, or the workload's identity."""

    user: str
    role: str
    private_key: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    provider: str | None = None
    token_file: Path | None = None
    key_text: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if [self.private_key, self.key_text, self.provider].count(None) != 2:
            raise ConfigurationError(
                f"Snowflake user {self.user}: wanted one of SHELFGATE_SNOWFLAKE_BLOCK (SHELFGATE_SNOWFLAKE_BUILD_BLOCK "
                "for dbt's user), .._PRIVATE_KEY_PATH, .._PRIVATE_KEY or SHELFGATE_SNOWFLAKE_WORKLOAD_IDENTITY (AWS, "
                "AZURE, GCP or OIDC), and one of them only."
            )

    def login(self) -> dict[str, Any]:
        """What the connector wants to know."""
        given: dict[str, Any] = {"user": self.user, "role": self.role}
        if self.provider is None:
            return given | {"authenticator": "SNOWFLAKE_JWT", "private_key": self.key()}
        given |= {"authenticator": "WORKLOAD_IDENTITY", "workload_identity_provider": self.provider}
        if self.token_file is not None:
            given["token"] = self._text_of(self.token_file, "token file").strip()
        return given

    def _text_of(self, file: Path, kind: str) -> str:
        try:
            return file.read_text(encoding="latin-1")
        except OSError as error:
            raise ConfigurationError(
                f"Snowflake user {self.user}: {kind} {file}: {error.strerror}. Expected a file that this user may "
                "read. Nothing was run; see docs/snowflake.md, Keys."
            ) from None

    @property
    def _named(self) -> str:
        return (
            f"Snowflake user {self.user}: private key {self.private_key.name if self.private_key else 'of its block'}"
        )

    def locked_key(self) -> str:
        """The private key as it is kept: PEM, encrypted.

        Raises:
            ConfigurationError: it is not there, not encrypted, or without a passphrase.
        """
        if self.private_key is not None and not self.private_key.is_file():
            raise ConfigurationError(f"{self._named} is not there; see docs/snowflake.md, Keys.")
        kept = self.key_text if self.private_key is None else self._text_of(self.private_key, "private key")
        text = (kept or "").strip()
        if not text.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----") or not self.passphrase:
            raise ConfigurationError(
                f"{self._named} must be encrypted PKCS#8 and its passphrase set; see docs/snowflake.md, Keys."
            )
        return text

    def key(self) -> bytes:
        """The private key, DER, unlocked.

        Raises:
            ConfigurationError: it is not there, not encrypted, too short, or the passphrase is not its own.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        text = self.locked_key()
        try:
            key = serialization.load_pem_private_key(text.encode(), (self.passphrase or "").encode())
        except (ValueError, TypeError):
            raise ConfigurationError(f"{self._named} does not open with the passphrase that is set.") from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
            raise ConfigurationError(f"{self._named} must be an RSA key of at least 2048 bits.")
        return key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
