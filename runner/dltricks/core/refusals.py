"""What people are told when the file system refuses: the file, the reason, and a remedy."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from dltricks.core.errors import DltricksError, FileSystemError, GoneError, UsageError

REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of your quota",
    errno.EFBIG: "raise the limit of file sizes (ulimit -f)",
    errno.EROFS: "name a writable folder with --runs-dir",
    errno.EACCES: "make it accessible or name another folder with --runs-dir",
    errno.EPERM: "make it accessible or name another folder with --runs-dir",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs: the system has no file handles left",
    errno.ENOENT: "look for what was moved or removed in the meantime",
    errno.ENOTDIR: "move the file that stands where a folder should be",
    errno.EISDIR: "move the folder that stands where a file should be",
    errno.ENAMETOOLONG: "choose a shorter name or --runs-dir",
    errno.ELOOP: "links are not followed here: remove it",
    errno.EIO: "check the disk",
}
_MISTAKEN = {errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}
"""What is wrong with a path, and not with the disk that it is on."""


def refusal(where: object, error: OSError) -> FileSystemError:
    """The error that a refusal of the system leaves as."""
    remedy = REMEDIES.get(error.errno or 0, "mend this")
    kind = GoneError if isinstance(error, FileNotFoundError) else FileSystemError
    return kind(f"{where}: {error.strerror or error}; {remedy}, then run the same command again")


def unreadable(where: object, error: OSError) -> DltricksError:
    """The same for a file that the user names: a path that leads nowhere is a mistake of the user's."""
    if error.errno in _MISTAKEN:
        return UsageError(f"{where}: {error.strerror}")
    return refusal(where, error)


@contextmanager
def reported(where: object) -> Iterator[None]:
    """Lets the system's errors leave as sentences for people."""
    try:
        yield
    except OSError as error:
        raise refusal(where, error) from error
