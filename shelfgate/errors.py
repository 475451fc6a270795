"""What can go wrong, by what to do next; each class carries the exit status of the command that meets it."""

from typing import ClassVar


class ShelfgateError(Exception):
    """Says what was seen, what was wanted and what happens now."""

    exit_status: ClassVar[int] = 4
    retryable: ClassVar[bool] = False


class ConfigurationError(ShelfgateError):
    """A setting is missing or contradicts another: fix the configuration, then run again."""

    exit_status = 2


class GateClosed(ShelfgateError):
    """A gate did not open: what was published stays. Fix the input, then run again."""

    exit_status = 3


class PermanentFailure(ShelfgateError):
    """The same call would fail again: somebody has to act."""

    exit_status = 4


class NotVisible(PermanentFailure):
    """What was asked for is not there, or this role may not see it: Snowflake does not tell which."""


class SyncFailed(PermanentFailure):
    """An Airbyte job ended without its rows."""


class LoadFailed(PermanentFailure):
    """The inventory loader did not answer with a receipt."""


class DumpVanished(LoadFailed):
    """The object was deleted before it was loaded: nothing to load, and nothing was."""


class BuildFailed(PermanentFailure):
    """dbt could not build a model, or one of its tests failed."""


class EngineFailed(PermanentFailure):
    """The database engine failed inside itself: its instance is lost, its file is not. Worth one try on the file opened
    anew."""


class WarehouseDamaged(PermanentFailure):
    """The warehouse file cannot be read as what it should be: restore a backup."""


class ExternalServiceUnavailable(ShelfgateError):
    """A system outside did not answer, retries included: wait, then run again."""

    exit_status = 5
    retryable = True


class LoadInterrupted(ExternalServiceUnavailable):
    """The inventory loader met trouble that passes (the warehouse's turn, S3, its disk): call it again, it is safe."""


class WarehouseBusy(ShelfgateError):
    """Another run holds the warehouse, or published while this one worked: wait, then run again."""

    exit_status = 6
