"""Finds the files of a data set: on disk where the user says, else downloaded once; always checked."""

from __future__ import annotations

import difflib
import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, FileSystemError, UsageError
from dltricks.core.idx import BROKEN_GZIP, GZIP_MAGIC, open_plain
from dltricks.core.refusals import refusal, unreadable

VARIABLE = "DLTRICKS_DATA"
"""The environment variable that names a folder of data sets."""

_TIMEOUT = 30  # seconds without a byte before the next mirror is tried
_CHUNK = 1 << 20


class DataFiles:
    """``core.dataset.Files`` for one experiment.

    Args:
        data_dir: the folder of ``--data-dir``; searched first.
        base: the folder of the experiment file; users' paths are relative to it.
        quiet: no progress bar.
    """

    def __init__(self, data_dir: Path | None = None, base: Path | None = None, quiet: bool = False) -> None:
        self.data_dir = data_dir
        self.base = base
        self.quiet = quiet

    def locate(self, folder: str, name: str, sha256: str, urls: Sequence[str], *, compressed: bool) -> Path:
        """The path of a verified file; see ``core.dataset.Files``.

        A file that is found is not passed over for being wrong: the user meant it.

        Raises:
            DamagedError: a file was found, but its content is not what it should be.
            UsageError: found nowhere, and no mirror delivered it.
            FileSystemError: unreadable, or the cache cannot be written.
        """
        places = []
        for place in self._places(folder):
            places.append(place)
            for path in [place / name, place / f"{name}.gz"] if compressed else [place / name]:
                if _is_file(path):
                    found = digest(path, compressed)
                    if found != sha256:
                        raise DamagedError(
                            f"{path} is not the file it should be: SHA-256 {found}, expected {sha256}; "
                            "remove it, and it is looked for elsewhere or downloaded"
                        )
                    return path
        return self._download(places, name, sha256, urls, compressed)

    def resolve(self, path: str) -> Path:
        """The path of a user's file, relative to the experiment file's folder, then the current one.

        Raises:
            UsageError: no such file, or a path that can be none; the message names the nearest in that folder.
        """
        if not path:
            raise UsageError("the path is empty; write the path of a file")
        given = at_home(Path(path))
        candidates = [base / given for base in (self.base, Path.cwd()) if base is not None]
        for candidate in candidates:
            if _is_file(candidate):
                return candidate
        for candidate in candidates:
            if candidate.is_dir():
                raise UsageError(f"{candidate} is a folder; a file is needed")
        hint = ""
        for candidate in candidates:
            if candidate.exists():
                raise UsageError(f"{candidate} is a pipe or a device; a file is needed")
            near = difflib.get_close_matches(candidate.name, _names(candidate.parent), n=1)
            if near and not hint:
                hint = f"; did you mean {candidate.parent / near[0]}?"
        looked = " or ".join(dict.fromkeys(str(candidate) for candidate in candidates))
        raise UsageError(f"no file {looked}{hint}")

    def _places(self, folder: str) -> Iterator[Path]:
        """The folders to search, in order; the last is the cache."""
        variable = os.environ.get(VARIABLE)
        for root in (self.data_dir, Path(variable) if variable else None):
            if root is not None:
                yield at_home(root) / folder
                yield at_home(root)
        import pooch  # not needed where the user's own folders have the file

        yield pooch.os_cache("dltricks") / folder

    def _download(self, places: Sequence[Path], name: str, sha256: str, urls: Sequence[str], compressed: bool) -> Path:
        cache = places[-1]
        troubles = []
        try:
            cache.mkdir(parents=True, exist_ok=True)
            # A file of its own for each download: two processes at once both end with a whole file.
            handle, partial_name = tempfile.mkstemp(prefix=f".{name}.", dir=cache)
            os.close(handle)
        except OSError as error:
            raise FileSystemError(
                f"cannot write the cache folder {cache}: {error.strerror}; "
                f"put {name} into a folder and name it with --data-dir or ${VARIABLE}"
            ) from error
        partial = Path(partial_name)
        try:
            for url in urls:
                trouble = self._fetch(url, partial, name)
                if trouble is None:
                    # By content: some servers unpack on the way what they hold packed.
                    with partial.open("rb") as file:
                        packed = compressed and file.read(2) == GZIP_MAGIC
                    trouble = _mismatch(partial, sha256, compressed)
                if trouble is None:
                    path = cache / (f"{name}.gz" if packed else name)
                    partial.replace(path)
                    return path
                troubles.append(f"{url} ({trouble})")
        except OSError as error:
            raise refusal(cache, error) from error
        finally:
            partial.unlink(missing_ok=True)
        looked = ", ".join(str(place) for place in places)
        raise UsageError(
            f"{name} was not found in {looked}, and could not be downloaded from {'; '.join(troubles)}. "
            f"Fetch it by hand into a folder and name that with --data-dir or ${VARIABLE}."
        )

    def _fetch(self, url: str, target: Path, name: str) -> str | None:
        """Downloads one address; the trouble with it in a few words, or None."""
        import pooch
        from requests import RequestException

        progress: Any = None
        if not self.quiet:
            from tqdm import tqdm

            # Of size 1 until the server tells: pooch ignores a bar that is false, which one of size 0 is.
            progress = tqdm(desc=f"downloading {name}", total=1, unit="B", unit_scale=True)
        # Content as it lies on the server: its checksum is what is known.
        download = pooch.HTTPDownloader(
            progressbar=progress,
            chunk_size=1 << 16,
            timeout=_TIMEOUT,
            headers={"Accept-Encoding": "identity"},
        )
        try:
            download(url, str(target), None)
        except RequestException as error:
            status = getattr(error.response, "status_code", None)
            return f"status {status}" if status else type(error).__name__
        finally:
            if progress is not None:
                progress.close()
        return None


def digest(path: Path, compressed: bool) -> str:
    """The SHA-256 of a file; of what it unpacks to where it may be ``compressed``.

    Raises:
        DamagedError: a gzip file that cannot be unpacked.
        FileSystemError: unreadable.
    """
    sha256 = hashlib.sha256()
    try:
        with open_plain(path) if compressed else path.open("rb") as file:
            while block := file.read(_CHUNK):
                sha256.update(block)
    except BROKEN_GZIP as error:
        raise DamagedError(f"{path} is a broken gzip file ({error}); remove it") from error
    except OSError as error:
        raise refusal(path, error) from error
    return sha256.hexdigest()


def _mismatch(path: Path, sha256: str, compressed: bool) -> str | None:
    try:
        found = digest(path, compressed)
    except DamagedError:
        return "incomplete"
    return None if found == sha256 else f"wrong content: SHA-256 {found}, expected {sha256}"


def _names(folder: Path) -> list[str]:
    try:
        return sorted(path.name for path in folder.iterdir())
    except OSError:  # only a hint hangs on it
        return []


def at_home(path: Path) -> Path:
    """``~`` as the user's home."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise UsageError(f"{path}: there is no such user, or the home folder is unknown") from error


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise unreadable(path, error) from error
