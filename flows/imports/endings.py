"""Tell the errors that end a load for good from those after which the same load may go on."""

from flows.database.import_lock import LockLostError
from schemas.errors import UnreachableError, UsageImportError


class StoppedError(UsageImportError):
    """The stop of a load at a chunk's end, because another load failed or the import was interrupted."""


def is_final(error: BaseException) -> bool:
    """Return whether an error of a load would come again however often the files are read."""
    return isinstance(error, UsageImportError) and not isinstance(
        error, UnreachableError | StoppedError | LockLostError
    )
