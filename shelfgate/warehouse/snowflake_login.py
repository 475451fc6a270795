"""Who logs in to Snowflake, and how: a key pair or the workload's own identity; refuses passwords and open keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shelfgate.errors import ConfigurationError


@dataclass(frozen=True)
class Identity:
    """Who logs in, as which role, and how. Exactly one way: a key pair or the workload's own identity."""

    user: str
    role: str
    private_key: Path | None = None
    passphrase: str | None = field(default=None, repr=False)
    provider: str | None = None
    token_file: Path | None = None

    def __post_init__(self) -> None:
        if (self.private_key is None) == (self.provider is None):
            raise ConfigurationError(
                f"Snowflake user {self.user}: wanted either SHELFGATE_SNOWFLAKE_PRIVATE_KEY_PATH or "
                "SHELFGATE_SNOWFLAKE_WORKLOAD_IDENTITY (AWS, AZURE, GCP or OIDC), and one of them only."
            )

    def login(self) -> dict[str, Any]:
        """What the connector wants to know."""
        given: dict[str, Any] = {"user": self.user, "role": self.role}
        if self.provider is None:
            return given | {"authenticator": "SNOWFLAKE_JWT", "private_key": self.key()}
        given |= {"authenticator": "WORKLOAD_IDENTITY", "workload_identity_provider": self.provider}
        if self.token_file is not None:
            given["token"] = self.token_file.read_text(encoding="ascii").strip()
        return given

    def key(self) -> bytes:
        """The private key, DER, unlocked.

        Raises:
            ConfigurationError: it is not there, not encrypted, too short, or the passphrase is not its own.
        """
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

        assert self.private_key is not None, "login() asked which way"
        what = f"Snowflake user {self.user}: private key {self.private_key.name}"
        if not self.private_key.is_file():
            raise ConfigurationError(f"{what} is not there; see docs/snowflake.md, Keys.")
        text = self.private_key.read_bytes()
        if b"BEGIN ENCRYPTED PRIVATE KEY" not in text or not self.passphrase:
            raise ConfigurationError(
                f"{what} must be encrypted PKCS#8 and its passphrase set; see docs/snowflake.md, Keys."
            )
        try:
            key = serialization.load_pem_private_key(text, self.passphrase.encode())
        except (ValueError, TypeError):
            raise ConfigurationError(f"{what} does not open with the passphrase that is set.") from None
        if not isinstance(key, RSAPrivateKey) or key.key_size < 2048:
            raise ConfigurationError(f"{what} must be an RSA key of at least 2048 bits.")
        return key.private_bytes(
            serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
