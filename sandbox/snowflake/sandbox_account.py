"""The estate's own Snowflake account: its keys, users, tables and stage; refuses to set it up in a way of its own.

Databases are kept below the home; users, roles and grants end with the process, so each start applies them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox import processes
from sandbox.aws_signature import AwsKeys
from sandbox.home import Home, HomeIdentity, write_whole
from sandbox.snowflake.emulator_process import ACCOUNT, ADMIN, Emulator, KeyPair, launch, make_key
from sandbox.sources import dump_bucket
from shelfgate.settings import PREFIX, Settings
from shelfgate.warehouse.engines.snowflake import key_pair
from shelfgate.warehouse.engines.snowflake.account_setup import USERS, apply, check_ownership, plan_for
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse, account_of, administrator

DATABASE = "RETAIL"
# At each login the connector asks the network around it which cloud it runs in.
QUIET = {"SNOWFLAKE_DISABLE_PLATFORM_DETECTION": "true"}
STAGE = "raw_inventory.inbound"
# The role is never assumed: the emulator reads the estate's bucket. Only its form is looked at.
STORAGE_ROLE = "arn:aws:iam::123456789012:role/shelfgate-landing"


@dataclass(frozen=True)
class EstatesAccount:
    """One emulator and the private keys of everybody who logs in to it."""

    emulator: Emulator
    keys: dict[str, KeyPair]
    public_keys: Path

    @property
    def address(self) -> str:
        return f"snowflake://127.0.0.1:{self.emulator.port}/{DATABASE}"

    def settings(self) -> dict[str, str]:
        """What production code is told, an administrator's part of it as well: `snowflake apply` works here, too."""
        told = {
            "ACCOUNT": ACCOUNT,
            "DATABASE": DATABASE,
            "WAREHOUSE": "SHELFGATE_BUILD",
            "HOST": "127.0.0.1",
            "PORT": str(self.emulator.port),
            "PROTOCOL": "http",
            "USER": "SHELFGATE_PUBLISHER",
            "ROLE": "SHELFGATE_PUBLISHER",
            **self._key("", "publisher"),
            "BUILD_USER": "SHELFGATE_TRANSFORMER",
            "BUILD_ROLE": "SHELFGATE_TRANSFORMER",
            **self._key("BUILD_", "transformer"),
            "ADMIN_USER": ADMIN,
            **self._key("ADMIN_", "administrator"),
            "STORAGE_ROLE_ARN": STORAGE_ROLE,
        }
        names = {f"SHELFGATE_SNOWFLAKE_{key}": value for key, value in told.items()}
        return {"SHELFGATE_TARGET": "snowflake", **names, **QUIET}

    def _key(self, prefix: str, user: str) -> dict[str, str]:
        key = self.keys[user]
        return {
            f"{prefix}PRIVATE_KEY_PATH": str(key.private_file),
            f"{prefix}PRIVATE_KEY_PASSPHRASE": key.passphrase,
        }

    def loader_environment(self) -> dict[str, str]:
        """What the inventory loader sees of it."""
        user = role = "SHELFGATE_LOADER"
        told = self.emulator.settings(user, self.keys["loader"], role, DATABASE, "SHELFGATE_LOAD")
        return told | {"SHELFGATE_SNOWFLAKE_STAGE": STAGE} | QUIET

    def airbytes_warehouse(self) -> SnowflakeWarehouse:
        """The account as Airbyte's destination logs in to it."""
        key = self.keys["airbyte"]
        user = key_pair.Identity("SHELFGATE_AIRBYTE", "SHELFGATE_AIRBYTE", key.private_file, key.passphrase)
        return SnowflakeWarehouse(
            account_of(self._read({"SHELFGATE_SNOWFLAKE_WAREHOUSE": "SHELFGATE_LOAD"})), user, user
        )

    def set_up(self) -> None:
        """Wait until the emulator answers, then do what `shelfgate snowflake apply` does."""
        self.emulator.await_answer()
        settings = self._read({"SHELFGATE_S3_BUCKET": dump_bucket.BUCKET, "SHELFGATE_S3_PREFIX": dump_bucket.PREFIX})
        with administrator(settings).turn() as session:
            steps = plan_for(settings, self.public_keys)
            check_ownership(session, steps, DATABASE)
            apply(session, steps)

    def _read(self, more: dict[str, str]) -> Settings:
        return Settings.model_validate(
            {name.removeprefix(PREFIX).lower(): value for name, value in {**self.settings(), **more}.items()}
        )


def start(home: Home, identity: HomeIdentity, s3_endpoint: str) -> EstatesAccount:
    """Start the emulator's process, with the keys and the databases of this home."""
    folder = home.snowflake
    public = folder / "public"
    public.mkdir(parents=True, exist_ok=True)
    keys = {user: _kept_key(folder, user, identity.snowflake_passphrase) for user in ("administrator", *USERS)}
    for user in USERS:
        write_whole(public / f"{user}.pub", keys[user].public.encode())
    s3_keys = AwsKeys(identity.aws_access_key_id, identity.aws_secret_access_key)
    with processes.listening(identity.ports.get("snowflake")) as listening:
        emulator = launch(
            folder,
            keys["administrator"],
            listening,
            s3_endpoint=s3_endpoint,
            s3_keys=s3_keys,
            data=folder / "databases",
        )
    return EstatesAccount(emulator, keys, public)


def _kept_key(folder: Path, name: str, passphrase: str) -> KeyPair:
    """The key of this name; made once. A private key without its public half is one that was never finished."""
    private, public = folder / f"{name}.p8", folder / f"{name}.key"
    if private.exists() and public.exists():
        return KeyPair(private, passphrase, public.read_text(encoding="ascii"))
    made = make_key(folder, name, passphrase)
    write_whole(public, made.public.encode())
    return made
