"""Where a system outside was looked for, for messages: host and port, never a user, a password or a query."""

from __future__ import annotations

from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


def of_url(url: str) -> str:
    """`host:port` of a URL."""
    parts = urlsplit(url)
    try:
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        port = None
    return _joined(parts.hostname or "an unknown host", port)


def of_dsn(dsn: str) -> str:
    """`host:port` of a Postgres connection string; several if it names several."""
    from psycopg.conninfo import conninfo_to_dict

    found = conninfo_to_dict(dsn)
    hosts = str(found.get("host") or found.get("hostaddr") or "the local socket").split(",")
    ports = str(found.get("port") or 5432).split(",")
    if len(ports) != len(hosts):
        ports = ports[:1] * len(hosts)
    return ", ".join(_joined(host, port) for host, port in zip(hosts, ports, strict=True))


def of_aws_error(error: Exception) -> str:
    """` at host:port` where botocore says which endpoint it was; empty where it does not."""
    url = getattr(error, "kwargs", {}).get("endpoint_url")
    return f" at {of_url(str(url))}" if url else ""


def _joined(host: str, port: object) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown
