"""What can stop a load, by what to do next; refuses to call a fault of the outside world a fault of the dump.

Lambda reports the class name as `errorType`: the caller decides by it.
"""


class DumpRefused(Exception):
    """The dump breaks its contract; its text is the reason that the ledger keeps. Never leaves the loader."""


class LoaderError(Exception):
    """No receipt. Says what was seen, what was wanted and what happens now; invoking again is always safe."""


class ConfigurationError(LoaderError):
    """A setting is missing or unknown: fix the function's environment, then invoke again."""


class EventNotUnderstood(LoaderError):
    """The invocation does not name an object: fix the caller."""


class TimeIsUp(LoaderError):
    """The invocation is about to end, with messages left: SQS delivers them again."""


class ObjectVanished(LoaderError):
    """The object or this version of it is not in the bucket: nothing to load."""


class StoreRefused(LoaderError):
    """S3 refused the request, and would again: fix rights or names."""


class StoreUnavailable(LoaderError):
    """S3 did not answer, or broke off: invoke again."""


class ScratchSpaceFailed(LoaderError):
    """The function's own disk or memory gave out: give it more, then invoke again."""


class WarehouseBusy(LoaderError):
    """Another process held the warehouse until this invocation had to end: invoke again."""


class WarehouseNotInstalled(LoaderError):
    """The warehouse or one of its tables does not exist: install it, then invoke again."""


class WarehouseFailed(LoaderError):
    """The warehouse gave up inside the transaction. If its commit is in doubt, invoking again tells."""
