"""What deployments/airbyte refers to, as the sandbox has it; refuses to hold what is secret anywhere else."""

from __future__ import annotations


def declared_environment(postgres_dsn: str) -> dict[str, str]:
    """The names that the declarations refer to. The destination's are placeholders: here it is the warehouse file."""
    from psycopg.conninfo import conninfo_to_dict

    source = {key: str(value) for key, value in conninfo_to_dict(postgres_dsn).items()}
    return {
        "SHELFGATE_AIRBYTE_SOURCE_HOST": source.get("host", "127.0.0.1"),
        "SHELFGATE_AIRBYTE_SOURCE_PORT": source.get("port", "5432"),
        "SHELFGATE_AIRBYTE_SOURCE_DATABASE": source.get("dbname", "postgres"),
        "SHELFGATE_AIRBYTE_SOURCE_USER": source.get("user", "postgres"),
        "SHELFGATE_AIRBYTE_SOURCE_PASSWORD": source.get("password", "none"),
        "SHELFGATE_AIRBYTE_SOURCE_SSL_MODE": "disable",
        "SHELFGATE_AIRBYTE_DESTINATION_HOST": "sandbox.invalid",
        "SHELFGATE_AIRBYTE_DESTINATION_ROLE": "SANDBOX",
        "SHELFGATE_AIRBYTE_DESTINATION_WAREHOUSE": "SANDBOX",
        "SHELFGATE_AIRBYTE_DESTINATION_DATABASE": "SANDBOX",
        "SHELFGATE_AIRBYTE_DESTINATION_USER": "SANDBOX",
        "SHELFGATE_AIRBYTE_DESTINATION_PRIVATE_KEY": "none",
        "SHELFGATE_AIRBYTE_DESTINATION_PRIVATE_KEY_PASSPHRASE": "none",
    }
