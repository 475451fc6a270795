"""Copies of the warehouse file, and the way back to one. Apart, because it works while no engine has the file open.

A copy is made aside, read from end to end, and only then given its name: whoever finds it may trust it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from shelfgate.environment import BACKUPS
from shelfgate.errors import ConfigurationError, EngineFailed, PermanentFailure, WarehouseBusy, WarehouseDamaged
from shelfgate.ops.lease import refuse_while_held
from shelfgate.ops.pointer import current_publication
from shelfgate.publication.readback import promised_by, published_verdict
from shelfgate.warehouse import Session
from shelfgate.warehouse.engines.duckdb.failures import failure_in
from shelfgate.warehouse.engines.duckdb.file_copies import beside, copied, copy_of, flush, held, logs_of, unfinished
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession, DuckDBWarehouse
from shelfgate.warehouse.identifiers import quoted


@dataclass(frozen=True)
class Content:
    """What was read in a warehouse file: tables and rows, and the publication that readers of it see."""

    tables: int
    rows: int
    publication: str | None


@dataclass(frozen=True)
class BackedUp:
    """A backup that was read from end to end."""

    backup: str
    bytes: int
    content: Content


@dataclass(frozen=True)
class Restored:
    """What is the warehouse now, and where the file lies that was it before."""

    warehouse: str
    backup: str
    kept_aside: str | None
    content: Content


def back_up(warehouse: DuckDBWarehouse, to: Path | None = None) -> BackedUp:
    """Copy the warehouse file to `to`, by default to a new name in the folder `backups` beside it.

    Raises:
        ConfigurationError: there is no warehouse, or already a file of that name.
        WarehouseBusy: a run holds the lease, or another process the file.
        WarehouseDamaged: the warehouse itself cannot be read from end to end.
        PermanentFailure: no room, or no right to write there.
    """
    source = warehouse.path
    if not source.is_file():
        raise ConfigurationError(f"backup: no file {source.absolute()}. Expected a warehouse. Nothing was written.")
    target = to or source.parent / BACKUPS / f"{source.stem}-{_timestamp()}.duckdb"
    if target.exists():
        raise ConfigurationError(f"backup: {target.absolute()} is there already. Give another name with --to.")
    with warehouse.turn() as session:
        refuse_while_held(session)
    with unfinished(target) as part:
        with held(source) as handle:
            if logs_of(source):
                raise WarehouseBusy(
                    f"backup: another process used {source.name} in this moment. Nothing was written; run it again."
                )
            # Through the handle that holds the lock: closing another one would drop it.
            size = copied(handle, part)
        content = _read(part, source, refuse_while_held)
        part.rename(target)
    flush(target.parent)
    return BackedUp(str(target.absolute()), size, content)


def restore(warehouse: DuckDBWarehouse, backup: Path) -> Restored:
    """Make a backup the warehouse. What was it, file and logs, is kept aside, whatever its state; killed at any
    moment, the next to open the warehouse finds the old one with its logs, or the new one.

    Raises:
        ConfigurationError: there is no such backup.
        WarehouseBusy: a run holds the lease, or another process the file.
        PermanentFailure: the backup itself cannot be read from end to end, or there is no room. Nothing was changed.
        WarehouseDamaged: the backup was read, and cannot be opened in its new place.
    """
    target = warehouse.path
    if not backup.is_file():
        raise ConfigurationError(f"restore: no file {backup.absolute()}. Expected a backup. Nothing was changed.")
    if target.exists() and backup.samefile(target):
        raise ConfigurationError(f"restore: {backup.absolute()} is the warehouse itself. Nothing was changed.")
    _refuse_while_used(warehouse)
    with unfinished(target) as part:
        copy_of(backup, part)
        if logs := logs_of(backup):
            for log, suffix in logs:
                copy_of(log, beside(part, suffix))
            with DuckDBWarehouse(part).turn():
                pass  # what the logs hold is in the file when it is closed
        try:
            content = _read(part, backup)
        except WarehouseDamaged as damaged:
            raise PermanentFailure(
                f"restore: the backup is no good: {damaged} The warehouse {target.absolute()} was not changed."
            ) from damaged
        aside = _put_in_place(part, target)
    _open_as_the_next_run_would(warehouse)
    return Restored(str(target.absolute()), str(backup.absolute()), aside and str(aside.absolute()), content)


def _refuse_while_used(warehouse: DuckDBWarehouse) -> None:
    if not warehouse.path.exists():
        return
    try:
        with warehouse.turn() as session:
            refuse_while_held(session)
    except (WarehouseDamaged, EngineFailed):
        return  # nobody can run on it: that is why it is replaced


def _put_in_place(part: Path, target: Path) -> Path | None:
    """File and logs get second names before their own are given away: no moment passes without a warehouse.

    Killed between the two last steps, it leaves the logs of the old file at the new one: `drop_logs_kept_aside`.
    """
    aside = target.with_name(f"{target.name}.aside-{_timestamp()}")
    before = [(target, "")] if target.exists() else []
    # The new file is held, too: nobody opens it beside the old one's logs, which a missing file may have left.
    with held(target) if before else nullcontext(), held(part):
        logs = logs_of(target)
        before += logs
        for file, suffix in before:
            os.link(file, beside(aside, suffix))
        part.replace(target)
        flush(target.parent)
        for log, _ in logs:
            log.unlink(missing_ok=True)
        flush(target.parent)
    return beside(aside, before[0][1]) if before else None


def _open_as_the_next_run_would(warehouse: DuckDBWarehouse) -> None:
    """
    Raises:
        WarehouseDamaged: it cannot be opened under its own name.
    """
    # A run that has it already has opened it.
    with suppress(WarehouseBusy), warehouse.turn() as session:
        current_publication(session)


def _read(file: Path, named: Path, first: Callable[[Session], None] = lambda _: None) -> Content:
    """Read every value of every table, and compare what readers see with what its publication promised.

    Raises:
        WarehouseDamaged: `named` cannot be read so.
    """
    import duckdb

    try:
        connection = duckdb.connect(str(file), read_only=True)
        try:
            session = DuckDBSession(connection)
            first(session)
            return _content(session)
        finally:
            connection.close()
    except duckdb.Error as error:
        failure = failure_in(named, str(error))
        raise failure or WarehouseDamaged(
            f"{named.absolute()}: it cannot be read as a warehouse ({type(error).__name__}). Expected the tables of "
            "`ops`, `store` and `marts`."
        ) from error


def _content(session: Session) -> Content:
    tables = session.rows("select schema_name, table_name from duckdb_tables() where not internal and not temporary")
    rows = 0
    for table in tables:
        name = f"{quoted(table['schema_name'])}.{quoted(table['table_name'])}"
        # A hash over whole rows makes the engine read, and check, every block.
        rows += session.rows(f"select count(*) as n, sum(hash(whole)) as digest from {name} as whole")[0]["n"]
    current = current_publication(session)
    if current is None:
        return Content(len(tables), rows, None)
    verdict = published_verdict(session, promised_by(session, current), current.publication_id)
    if not verdict.open:
        raise WarehouseDamaged(
            f"what readers see is not what {current.publication_id} promised: {'; '.join(verdict.reasons)}."
        )
    return Content(len(tables), rows, current.publication_id)


def _timestamp() -> str:
    """With microseconds: two in one second have two names."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
