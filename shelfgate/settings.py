"""The environment, read once at the edge; refuses to guess what is missing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shelfgate.environment import PREFIX, home_folder, keep_private, refuse_empty_settings
from shelfgate.errors import ConfigurationError

VENDOR_ADDRESSES = {"AWS_": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_LAMBDA"), "PREFECT_": ("PREFECT_API_URL",)}


class Settings(BaseSettings):
    """What a run needs to know of its surroundings. Build it with `Settings.load()`, once, at the edge."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    home: Path = Path(".shelfgate")
    target: str | None = None
    duckdb_path: Path | None = None
    # 120 s: a full build at scale 1 holds its turn for under 30 s on two cores; four of those in a row still fit.
    warehouse_wait_seconds: float = 120.0
    source_dsn: SecretStr | None = None
    airbyte_url: str | None = None
    airbyte_client_id: str | None = None
    airbyte_client_secret: SecretStr | None = None
    airbyte_connection_id: str | None = None
    airbyte_workspace_id: str | None = None
    # A sync of the sandbox at scale 1 takes under a minute; Airbyte Cloud needs some minutes to start a connector.
    airbyte_deadline_seconds: float = 3600.0
    s3_bucket: str | None = None
    # A deployment's way: names of Prefect blocks that hold bucket and keys. Environment variables are a laptop's.
    s3_block: str | None = None
    aws_block: str | None = None
    s3_prefix: str = "inbound/inventory/"
    lambda_function: str | None = None
    docs_bucket: str | None = None
    docs_prefix: str = "data-docs/"
    snowflake_account: str | None = None
    snowflake_database: str | None = None
    snowflake_warehouse: str | None = None
    # Who publishes, judges and keeps the records; dbt has a user of its own, which may not touch what readers see.
    snowflake_user: str | None = None
    snowflake_role: str | None = None
    snowflake_private_key_path: Path | None = None
    snowflake_private_key_passphrase: SecretStr | None = None
    snowflake_workload_identity: Literal["AWS", "AZURE", "GCP", "OIDC"] | None = None
    snowflake_token_file: Path | None = None
    snowflake_build_user: str | None = None
    snowflake_build_role: str | None = None
    snowflake_build_private_key_path: Path | None = None
    snowflake_build_private_key_passphrase: SecretStr | None = None
    # A deployment's way: names of Prefect blocks that hold user, role and key; the two texts are what is read of them.
    snowflake_block: str | None = None
    snowflake_build_block: str | None = None
    snowflake_private_key: SecretStr | None = None
    snowflake_build_private_key: SecretStr | None = None
    # Of `shelfgate snowflake apply` only.
    snowflake_admin_user: str | None = None
    snowflake_admin_private_key_path: Path | None = None
    snowflake_admin_private_key_passphrase: SecretStr | None = None
    snowflake_storage_role_arn: str | None = None
    # Names of roles, users, warehouses, monitor and integration begin with it: an account is shared.
    snowflake_prefix: str = "shelfgate_"
    snowflake_credits_a_month: int = Field(default=100, ge=1)
    # Only another Snowflake than Snowflake's own (the sandbox's, a private link) needs these three.
    snowflake_host: str | None = None
    snowflake_port: int = 443
    snowflake_protocol: Literal["https", "http"] = "https"
    # A full build at scale 1 takes minutes on an X-Small; an hour is a statement that will not end.
    snowflake_statement_seconds: int = Field(default=3600, ge=1)
    snowflake_password: SecretStr | None = None
    week_start_day: int = Field(default=0, ge=0, le=6, description="0 = Sunday")
    business_date: date | None = None
    full_rebuild: bool = Field(default=False, description="build every week, touched or not")
    timezone: str = "UTC"

    @field_validator("snowflake_password")
    @classmethod
    def _no_password(cls, given: SecretStr | None) -> SecretStr | None:
        if given is not None:
            raise ValueError("a password is never used; set a key or a workload identity and remove it")
        return given

    @field_validator("timezone")
    @classmethod
    def _a_known_time_zone(cls, given: str) -> str:
        try:
            ZoneInfo(given)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"observed {given!r}, expected a time zone's name such as America/New_York") from None
        return given

    @model_validator(mode="after")
    def _no_plain_http_elsewhere(self) -> Settings:
        if self.snowflake_protocol == "http" and self.snowflake_host not in {"127.0.0.1", "localhost"}:
            raise ValueError("SHELFGATE_SNOWFLAKE_PROTOCOL: http is for this machine only")
        return self

    @classmethod
    def load(cls) -> Settings:
        """Read `$SHELFGATE_HOME/settings.env` beneath the environment, then the environment.

        Vendor keys in that file (AWS_*, PREFECT_*) go into the process environment, where the vendors' own libraries
        look for them; what is already set there wins. Addresses and keys go together: the sandbox's keys are for the
        sandbox's addresses, somebody's own for his own.

        Raises:
            ConfigurationError: a value is empty or has the wrong form, or the home can be none.
        """
        from pydantic import ValidationError

        refuse_empty_settings(os.environ, "the environment")
        home = home_folder()
        refuse_unusable_home(home)
        keep_private(home)
        file = home / "settings.env"
        in_file = read_settings_file(file)
        refuse_empty_settings({key: value for key, value in in_file.items() if key not in os.environ}, str(file))
        _give_to_vendors({key: value for key, value in in_file.items() if not key.startswith(PREFIX)})
        beneath: dict[str, Any] = {}
        for key, value in in_file.items():
            if key.startswith(PREFIX) and key not in os.environ:
                beneath[key.removeprefix(PREFIX).lower()] = value
        try:
            return cls(**beneath)
        except ValidationError as error:
            fields = ", ".join(
                (f"{PREFIX}{str(e['loc'][0]).upper()}: " if e["loc"] else "") + e["msg"] for e in error.errors()
            )
            raise ConfigurationError(f"settings: {fields}. See .env.example.") from None

    @property
    def warehouse_file(self) -> Path:
        """The DuckDB file of a target that is one."""
        return self.duckdb_path or self.home / "warehouse.duckdb"

    @property
    def docs_folder(self) -> Path:
        """Where Data Docs are built: `index.html` lies in it."""
        return self.home / "data-docs"

    @property
    def docs_site(self) -> str:
        """Where readers find Data Docs: the bucket, if they are brought to one."""
        if self.docs_bucket:
            return f"s3://{self.docs_bucket}/{self.docs_prefix.strip('/')}"
        return self.docs_folder.absolute().as_uri()

    def need(self, field: str) -> Any:
        """The value of a setting that this step cannot do without.

        Raises:
            ConfigurationError: it is not set.
        """
        value = getattr(self, field)
        if value is None:
            raise ConfigurationError(
                f"{PREFIX}{field.upper()} is not set. Set it (see .env.example), or bring the sandbox up: "
                "`shelfgate sandbox up` sets all of them."
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else value


def refuse_unusable_home(home: Path, *, to_write: bool = False) -> None:
    """A home that is not there yet is usable.

    Raises:
        ConfigurationError: it is a file, or this user may not enter it, or not write in it where that is needed.
    """
    if not os.path.lexists(home):
        return
    needed = os.R_OK | os.X_OK | (os.W_OK if to_write else 0)
    effective = os.access in os.supports_effective_ids
    if home.is_dir() and os.access(home, needed, effective_ids=effective):
        return
    observed = "a folder with other rights" if home.is_dir() else "not a folder"
    raise ConfigurationError(
        f"SHELFGATE_HOME is {home}: {observed}. Expected a folder that this user may read"
        f"{' and write in' if to_write else ''}. Nothing was run; change its owner or mode, or choose another."
    )


def _give_to_vendors(in_file: Mapping[str, str]) -> None:
    """Where the file's addresses are used, so are its keys: the sandbox knows no others."""
    for prefix, addresses in VENDOR_ADDRESSES.items():
        given = {key: value for key, value in in_file.items() if key.startswith(prefix)}
        named = [name for name in addresses if name in given]
        if named and all(os.environ.get(name, given[name]) == given[name] for name in named):
            os.environ.update(given)
        elif not named or prefix == "AWS_":
            for key, value in given.items():
                os.environ.setdefault(key, value)
    for key, value in in_file.items():
        if not key.startswith(tuple(VENDOR_ADDRESSES)):
            os.environ.setdefault(key, value)


def known_names() -> dict[str, str]:
    """Every name that is set: in the environment, or else in `$SHELFGATE_HOME/settings.env`."""
    return read_settings_file(home_folder() / "settings.env") | dict(os.environ)


def read_settings_file(path: Path) -> dict[str, str]:
    """KEY=value lines; no quoting, no expansion. A file that does not exist holds nothing.

    Raises:
        ConfigurationError: a line is not of that form, or the file cannot be read as UTF-8 text.
    """
    if not path.exists():
        return {}
    try:
        text = path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, OSError) as error:
        # A UnicodeDecodeError quotes the file, which holds keys.
        observed = "text in another encoding" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise ConfigurationError(
            f"{path}: observed {observed}, expected a file of KEY=value lines in UTF-8. Nothing was run. Save it as "
            "UTF-8 and readable by this user; `shelfgate sandbox up` writes a sandbox's anew."
        ) from None
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if not equals or not key.strip().isidentifier():
            raise ConfigurationError(f"{path}, line {number}: wanted KEY=value.")
        found[key.strip()] = value.strip()
    return found
