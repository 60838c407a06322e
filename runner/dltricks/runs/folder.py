"""The run folder while a run is trained: created, continued, checkpointed and finished.

A power failure after any single operation leaves a valid older state, because whatever a file vouches for is
durable before it: logs before the checkpoint that counts them, the rest before run.json.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, FileSystemError, GoneError, NewerFormatError
from dltricks.core.refusals import reported
from dltricks.core.types import Array
from dltricks.engine.state import State
from dltricks.runs import arrays, checkpoint, environment, files, lock, reading, sealed
from dltricks.runs.checkpoint import Checkpoint
from dltricks.runs.logs import START, Log, Mark


class RunFolder:
    """One run's folder. All but ``hold`` is for the holder of the lock:

    ``with folder.hold():`` ``create``, ``resume``, then ``add_metrics``, ``add_timing`` and ``checkpoint``
    as training goes on, and ``finish``.
    """

    def __init__(self, path: Path, config_hash: str, above: list[Path] | None = None) -> None:
        """
        Args:
            path: the run's folder.
            config_hash: what a checkpoint must bear.
            above: folders above it with new names in them, which runs that are trained together share.
        """
        self.path = path
        self._hash = config_hash
        self._metrics = Log(path / reading.METRICS, summed=False)
        self._timing = Log(path / reading.TIMING, summed=True)
        self._checkpoints = path / reading.CHECKPOINTS
        self._above = [] if above is None else above
        self._sums: dict[str, str] = {}
        self._is_held: Callable[[], bool] = lambda: False

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Makes the folder, holds its lock, and clears away what killed processes left half written.

        Raises:
            LockedError: another process trains this run.
        """
        files.make_lasting_folder(self.path.parent.parent)
        files.make_folder(self.path)
        # Who was killed before it synced them may have made those that are there, up to the folder of all runs.
        self._above += [folder for folder in self.path.absolute().parents[:3] if folder not in self._above]
        with lock.hold(self.path) as self._is_held:
            for folder in (self.path, self._checkpoints, self.path / reading.PLUGINS):
                self._refuse_link(folder)
                files.remove_temporaries(folder)
            yield

    def create(
        self,
        config: str,
        plugins: Iterable[Path] = (),
        decisive: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    ) -> None:
        """Writes what a run stands for. Of an interrupted run, checks it instead.

        Args:
            config: the resolved configuration as YAML of plain values.
            plugins: files of the user's tricks, to be copied.
            decisive: what of a configuration must be as stored; by default everything.

        Raises:
            DamagedError: another configuration or plugin is stored here.
        """
        files.make_folder(self._checkpoints)
        self._write_config(config.encode(), decisive)
        self._copy_plugins(list(plugins))

    def _write_config(self, text: bytes, decisive: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        path = self.path / reading.CONFIG
        stored = files.read(path, reading.LARGEST_CONFIG, follow_links=True)
        if stored is None:
            files.write_atomically(path, text, sync_name=False)
        elif stored != text:
            old, new = (decisive(reading.parse_config(content, path)) for content in (stored, text))
            changed = [key for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)]
            if changed:
                raise DamagedError(
                    f"{path}: differs from the configuration that the folder's hash stands for, in "
                    f"{', '.join(changed)}; --fresh starts anew"
                )
            if not checkpoint.numbers(self._checkpoints):  # nobody vouches for what is stored, and nothing hangs on it
                stored = None
                files.write_atomically(path, text, sync_name=False)
        self._sums[reading.CONFIG] = hashlib.sha256(stored or text).hexdigest()

    def _copy_plugins(self, plugins: list[Path]) -> None:
        if not plugins:
            return
        folder = self.path / reading.PLUGINS
        files.make_folder(folder)
        for plugin in plugins:
            with reported(plugin):
                source = plugin.read_bytes()
            copy = folder / plugin.name
            stored = files.read(copy, arrays.LARGEST)
            if stored is None:
                files.write_atomically(copy, source)
            elif stored != source:
                raise DamagedError(f"{copy}: not the plugin that this run began with; --fresh starts anew")
            self._sums[f"{reading.PLUGINS}/{plugin.name}"] = hashlib.sha256(source).hexdigest()

    def _write_environment(self, env: Mapping[str, Any]) -> list[str]:
        path = self.path / reading.ENVIRONMENT
        now: dict[str, Any] = {"format": reading.FORMAT, **env}
        warnings = []
        try:
            before = sealed.load(path, reading.FORMAT)
        except NewerFormatError:
            raise
        except DamagedError as error:
            before = None
            warnings.append(f"{error}; written anew")
        if before is not None:
            changes = environment.differences(before, now)
            if not changes:
                return []
            warnings.append(f"{self.path}: goes on elsewhere than it began, bytes may differ: {'; '.join(changes)}")
            now["before"] = before
        sealed.save(path, now, sync_name=False)
        return warnings

    def resume(self, env: Mapping[str, Any], at_most: float = inf) -> tuple[Checkpoint | None, list[str]]:
        """The newest valid checkpoint, after cutting the logs back to it, or None to start anew; and warnings.

        Nothing is changed before a checkpoint is known to be valid. Warnings are of damaged checkpoints, and of what
        changed in the environment so that bytes may differ.

        Args:
            env: from ``environment.describe``.
            at_most: the highest number wanted, so that the runs of a stack can go on from a common one.

        Raises:
            DamagedError: there are checkpoints, but none is valid.
        """
        found, damaged = checkpoint.load_newest(self._checkpoints, self._hash, self._fault, at_most)
        warnings = self._write_environment(env) + damaged
        marks = found.marks if found else {}
        if found:
            # A number above it is damaged or given up; later ones must not take it for their predecessor. One below it
            # that is damaged would be no help later, and make the finished run a damaged one.
            useless = checkpoint.faults(self._checkpoints, self._hash, below=found.number)
            warnings += useless.values()
            older = [n for n in checkpoint.numbers(self._checkpoints) if n <= found.number and n not in useless]
            checkpoint.discard(self._checkpoints, keep=older)
        self._metrics.cut(marks.get(reading.METRICS, START))
        timing = marks.get(reading.TIMING, START)
        fault = self._timing.fault(timing)
        if fault:
            # Only seconds are lost, no reason to give up the checkpoint.
            warnings.append(f"{self._timing.path}: {fault}; its earlier epochs are dropped")
        self._timing.cut(START if fault else timing)
        return found, warnings

    def _fault(self, found: Checkpoint) -> str | None:
        if found.config_sum != self._sums[reading.CONFIG]:
            return f"{reading.CONFIG} is not what it says"
        return self._metrics.fault(found.marks.get(reading.METRICS))

    def add_metrics(self, line: Mapping[str, Any]) -> None:
        """Adds one epoch's deterministic values; written with the next checkpoint or at the end."""
        self._metrics.add(line)

    def add_timing(self, line: Mapping[str, Any]) -> None:
        """Adds one epoch's seconds and memory; written with the next checkpoint or at the end."""
        self._timing.add(line)

    def metrics(self) -> list[dict[str, Any]]:
        """The epochs so far, oldest first."""
        return self._metrics.lines()

    def checkpoint(self, number: int, state: State) -> None:
        """Writes a checkpoint that counts all epochs added so far.

        Args:
            number: steps done; later states have higher numbers.
            state: everything that training needs to go on.
        """
        self._refuse_gone()
        marks = self._sync_logs()
        self._sync_names()
        config = self._sums[reading.CONFIG]
        checkpoint.save(self._checkpoints, self._hash, Checkpoint(number, state, marks, config))

    def _sync_logs(self) -> dict[str, Mark]:
        return {log.path.name: log.sync() for log in (self._metrics, self._timing)}

    def _sync_names(self) -> None:
        files.sync_folder(self.path)
        while self._above:
            files.sync_folder(self._above[-1])
            self._above.pop()

    def finish(self, record: Mapping[str, Any], weights: Mapping[str, Array]) -> dict[str, Any]:
        """Ends the run with its weights and run.json, which comes last and vouches for the rest.

        Args:
            record: ``id hash status seed epochs best final test samples`` and further deterministic values.
            weights: the weights that the result stands for.

        Returns:
            The content of run.json.
        """
        self._refuse_gone()
        marks = self._sync_logs()
        if not self._metrics.path.exists():  # diverged within the first epoch
            files.append_and_sync(self._metrics.path, b"", 0)
        # The sums are of what was written, not of what may have become of it on the disk.
        sums = {
            **self._sums,
            reading.METRICS: marks[reading.METRICS].sha256,
            reading.WEIGHTS: arrays.save(self.path / reading.WEIGHTS, weights, sync_name=False),
        }
        self._sync_names()
        return sealed.save(self.path / reading.RUN, {"format": reading.FORMAT, **record, "files": sums})

    def reset(self) -> None:
        """Forgets an earlier run, so that training starts anew; run.json goes first, since it vouches."""
        files.remove(self.path / reading.RUN)
        files.sync_folder(self.path)
        if self._checkpoints.is_dir():
            checkpoint.discard(self._checkpoints, keep=())
            files.sync_folder(self._checkpoints)
        for name in files.names(self.path / reading.PLUGINS):
            files.remove(self.path / reading.PLUGINS / name)
        for name in (reading.WEIGHTS, reading.METRICS, reading.TIMING, reading.ENVIRONMENT, reading.CONFIG):
            files.remove(self.path / name)

    def _refuse_gone(self) -> None:
        """Whoever finds another folder at its path, or another lock in it, must not write there."""
        if not self._is_held():
            raise GoneError(
                f"{self.path}: the folder was moved or removed in the meantime, or its {lock.NAME} was; "
                "run the same command again to train anew"
            )

    def _refuse_link(self, folder: Path) -> None:
        if folder != self.path and folder.is_symlink():
            raise FileSystemError(f"{folder}: a link, which is not followed here; remove it")
