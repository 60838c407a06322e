"""The errors that a user can cause or meet, each with the exit code of the command line."""


class DltricksError(Exception):
    """Base of all errors with a message for people; never shown with a traceback."""

    exit_code = 1


class UsageError(DltricksError):
    """A wrong command line, experiment file, key, value or combination."""

    exit_code = 2


class DivergedError(DltricksError):
    """Training met NaN or infinity."""

    exit_code = 3


class DamagedError(DltricksError):
    """A data set, run folder or checkpoint that is not what its checksums say."""

    exit_code = 4


class NewerFormatError(DamagedError):
    """Written by a newer version: sound, but not to be touched."""


class OtherConfigurationError(DamagedError):
    """Sound, but of another configuration than the one that is to go on."""


class LockedError(DltricksError):
    """Another process is training this run."""

    exit_code = 5


class FileSystemError(DltricksError):
    """The file system refused: full, read-only, missing, not permitted."""

    exit_code = 6


class GoneError(FileSystemError):
    """The folder of a run was moved or removed while it was trained; whoever did that wants no second attempt."""


class SomeFailedError(DltricksError):
    """Some runs of several failed."""

    exit_code = 7


class ClusterError(DltricksError):
    """The scheduler of a cluster cannot be reached, or has nothing to train on."""

    exit_code = 8


class ExpectationError(DltricksError):
    """A metric missed what the experiment file expects of it."""

    exit_code = 9


class StoppedError(DltricksError):
    """A signal ended training between two steps; a checkpoint lets it go on."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal
