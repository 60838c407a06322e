"""From an experiment file to runnable objects, with everything filled in and every mistake named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from dltricks.core import registry
from dltricks.core.dataset import Files
from dltricks.core.errors import UsageError
from dltricks.core.folder_name import name_problem
from dltricks.core.registry import KINDS, Kind, Plugin
from dltricks.engine.recipe import Recipe, Seeds
from dltricks.experiment import identity, schema
from dltricks.experiment.combinations import check_combination, expect_problem
from dltricks.experiment.datafiles import DataFiles, digest
from dltricks.experiment.document import Document, Where, describe, unquoted
from dltricks.experiment.overrides import Override, apply
from dltricks.experiment.scalars import write_scalar
from dltricks.experiment.settings import KEYS, STUDY_KEYS, Comparison, SeedKeys, Settings, read_expect


@dataclass(frozen=True)
class Experiment:
    """One run, ready to train."""

    name: str
    """The folder below the runs' folder."""
    config: dict[str, Any]
    """Every key with its value as plain data; ``to_yaml`` writes it, ``load_document`` reads it back."""
    recipe: Recipe
    expect: dict[str, Comparison]
    plugins: tuple[Plugin, ...]
    """The users' tricks of this run; config.yaml expects their copies beside itself, in plugins/."""
    checkpoint_seconds: float
    folder: Path
    """Where the users' paths of ``config`` begin."""
    hash: str
    """SHA-256 of what decides the result: resolved values, content of the users' data, code of plugins."""
    contents: dict[str, str]
    """SHA-256 of the user's own data files, by the field of ``dataset`` that names each."""
    files: dict[str, str] = field(repr=False)
    """SHA-256 of the user's own data files, by path as written."""

    def decisive(self, config: dict[str, Any]) -> dict[str, Any]:
        """What decides the result in a configuration of this run, which may name other places of the same files."""
        return identity.decisive(config, self.contents)


@dataclass
class Known:
    """What was found out for one run of a study and holds for the others: of a thousand, most parts are equal."""

    folder: Path
    """The home of the study's document."""
    digests: dict[Path, str] = field(default_factory=dict)
    """SHA-256 of the user's files, each of which is read once."""
    parts: dict[tuple[str, str], tuple[list[Any], list[dict[str, Any]]]] = field(default_factory=dict)
    """By a key and its value as text, faultless components and what config.yaml says of them. Nobody changes either."""


def resolve(
    document: Document,
    overrides: Sequence[Override] = (),
    plugins: Sequence[Path] = (),
    files: Files | None = None,
    known: Known | None = None,
) -> Experiment:
    """Checks a document and fills in every default.

    Args:
        document: the experiment file.
        overrides: values that replace the file's.
        plugins: further files with tricks, as paths from the current folder.
        files: finds the user's data files; by default relative to the document, then to the current folder.
        known: from earlier runs of the same study, to which this one adds.

    Raises:
        UsageError: anything wrong; one line for each mistake that could be found at once.
    """
    document = apply(document, overrides)
    known = known or Known(home(document))
    files = files or DataFiles(base=known.folder, quiet=True)
    return _Resolver(document, files, known).experiment(plugins)


def home(document: Document) -> Path:
    """The folder in which a document's paths begin."""
    return document.path.resolve().parent if document.path else Path.cwd()


def reseed(experiment: Experiment, seed: int, fixed: Collection[str]) -> Experiment:
    """The same run with another seed for each purpose that is not ``fixed``; nothing is checked again."""
    old = experiment.recipe.seeds
    seeds = Seeds(**{name: getattr(old, name) if name in fixed else seed for name in identity.PURPOSES})
    config = {**experiment.config, "seed": identity.written(seeds)}
    return replace(
        experiment,
        config=config,
        recipe=replace(experiment.recipe, seeds=seeds),
        hash=identity.digest(config, experiment.files, experiment.contents, experiment.plugins),
    )


def to_yaml(config: dict[str, Any]) -> str:
    """The text of config.yaml: one line for each key, the same bytes for the same values."""
    return "".join(f"{key}: {_flow(value)}\n" for key, value in config.items())


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return write_scalar(value)


@cache
def _built_in(kind: str, name: str) -> type[Any]:
    """The class of a trick that is no plugin: no file of a user's can take its name."""
    return registry.load(kind, name)


class _Resolver:
    """Collects every mistake before it gives up."""

    def __init__(self, document: Document, files: Files, known: Known) -> None:
        self.document = document
        self.values = document.value
        self.folder = known.folder
        self.files = files
        self.known = known
        self.problems: list[str] = []

    def experiment(self, plugins: Sequence[Path]) -> Experiment:
        for key in self.values:
            if key in STUDY_KEYS:
                self.problem((key,), "describes several runs, and a single one is needed here; leave it out")
            elif key not in KEYS:
                self.problem((key,), registry.unknown("key", key, [*KEYS, *STUDY_KEYS]))
        loaded = self.plugins(plugins)
        name = self.name()
        parts = {key: self.part(kind) for key, kind in KINDS.items() if key not in ("loss", "activation")}
        # A data set with numbers as targets has its own natural loss, and what has no hidden layer activates none.
        numbers = any(dataset.task == "regression" for dataset in parts["dataset"][0])
        flat = not all(architecture.hidden_layers for architecture in parts["architecture"][0])
        parts["loss"] = self.part(KINDS["loss"], "mse" if numbers else None)
        parts["activation"] = self.part(KINDS["activation"], "identity" if flat else None)
        components = {key: parts[key][0] for key in KINDS}
        settings = self.settings()
        seeds = self.seeds()
        expect = read_expect(self.values.get("expect", {}), self.problem)
        self.stop_on_problems()
        values = {field.name: getattr(settings, field.name) for field in fields(Settings)}
        checkpoint_seconds = values.pop("checkpoint_seconds")
        chosen: dict[str, Any] = {
            key: tuple(components[key]) if kind.many else components[key][0] for key, kind in KINDS.items()
        }
        recipe = Recipe(**chosen, **values, seeds=seeds)
        for where, message in check_combination(recipe):
            self.problem(where, message)
        for metric in expect:
            missing = expect_problem(recipe, metric)
            if missing:
                self.problem(("expect", metric), missing)
        self.stop_on_problems()
        used = self.used_plugins(loaded, components)
        mappings = {key: parts[key][1] for key in KINDS}
        config = self.config(name, mappings, settings, seeds, expect, used)
        files = self.fingerprints(recipe)
        self.stop_on_problems()
        contents = {
            field: files[value]
            for field, value in config["dataset"].items()
            if isinstance(value, str) and value in files
        }
        return Experiment(
            name,
            config,
            recipe,
            expect,
            used,
            checkpoint_seconds,
            self.folder,
            identity.digest(config, files, contents, used),
            contents,
            files,
        )

    def problem(self, where: Where, message: str) -> None:
        self.problems.append(self.document.error(where, message))

    def stop_on_problems(self) -> None:
        if self.problems:
            raise UsageError("\n".join(self.problems))

    def name(self) -> str:
        if "name" not in self.values:
            name = self.document.path.stem if self.document.path else Path(self.document.name).stem
            problem = name_problem(name)
            if problem:
                self.problem((), f"the file's name {name!r} cannot name a folder of runs: {problem}; add a `name`")
            return name
        name = self.values["name"]
        if not isinstance(name, str):
            quote = "; quote it" if isinstance(name, (int, float)) else ""
            self.problem(("name",), f"found {describe(name)}, allowed: text that can name a folder{quote}")
            return ""
        problem = name_problem(name)
        if problem:
            self.problem(("name",), f"{describe(name)} cannot name a folder: {problem}")
        return name

    def part(self, kind: Kind, fallback: str | None = None) -> tuple[list[Any], list[dict[str, Any]]]:
        """The components of a key, and each as config.yaml has it."""
        value = self.values.get(kind.key, fallback or kind.default)
        place = kind.key, repr(value)
        found = self.known.parts.get(place)
        if found is None:
            before = len(self.problems)
            components = self.components(kind, value)
            found = components, [{"name": each.name(), **schema.to_mapping(each)} for each in components]
            if len(self.problems) == before:
                self.known.parts[place] = found
        return found

    def components(self, kind: Kind, value: Any) -> list[Any]:
        """The components of a value; shorter by those that are wrong."""
        if not kind.many:
            component = self.component(kind, value, (kind.key,))
            return [] if component is None else [component]
        if value == "none" and "none" not in registry.names(kind.key):
            return []
        listed = value if isinstance(value, list) else [value]
        places: Iterator[Where] = (
            (kind.key, i) if isinstance(value, list) else (kind.key,) for i in range(len(listed))
        )
        found = [self.component(kind, item, place) for item, place in zip(listed, places, strict=True)]
        return [component for component in found if component is not None]

    def component(self, kind: Kind, value: Any, where: Where) -> Any:
        """The component that a name, number or mapping describes; None where it is wrong."""
        names = registry.names(kind.key)
        values: dict[str, Any] = {}
        place = where
        name: Any = value
        if kind.number and isinstance(value, (int, float)) and not isinstance(value, bool):
            name = kind.number[0]
            values = {kind.number[1]: value}
        elif isinstance(value, dict):
            values = {field: item for field, item in value.items() if field != "name"}
            name = value.get("name", kind.unnamed)
            place = (*where, "name") if "name" in value else where
            if "name" not in value and name is None:
                self.problem(where, f"a mapping needs `name`, one of {', '.join(names)}")
                return None
        if name is None:
            self.problem(place, schema.NULL)
        elif not isinstance(name, str):
            forms = "a name, a number, or a mapping" if kind.number else "a name or a mapping"
            self.problem(place, f"found {describe(name)}, allowed: {forms} ({', '.join(names)})")
        elif name not in names:
            short = name if len(name) <= 60 else f"{name[:60]}..."
            self.problem(place, registry.unknown(kind.key, short, names) + unquoted(kind.number and name))
        else:
            return self.built(kind, name, values, where)
        return None

    def built(self, kind: Kind, name: str, values: dict[str, Any], where: Where) -> Any:
        """The component of that name with these fields; None where they are wrong."""
        plugin = next((p for p in registry.plugins() if (p.kind, p.name) == (kind.key, name)), None)
        cls: Any = _built_in(kind.key, name) if plugin is None else plugin.cls

        def report(below: Where, message: str) -> None:
            self.problem((*where, *below), message)

        if plugin is None:
            return schema.build(cls, values, report, name)

        def blame(below: Where, message: str) -> None:
            # A field that the file does not give holds the default, which nobody has checked.
            own = not below or below[0] in values
            report(below, message if own else f"the default in the plugin {plugin.path}: {message}")

        try:
            return schema.build(cls, {**schema.defaults(cls), **values}, blame, name)
        except UsageError:
            raise
        except Exception as error:
            raise UsageError(f"plugin {plugin.path}: {type(error).__name__}: {error}") from error

    def settings(self) -> Any:
        names = [field.name for field in fields(Settings)]
        return schema.build(Settings, {key: self.values[key] for key in names if key in self.values}, self.problem)

    def seeds(self) -> Seeds:
        value = self.values.get("seed", 0)
        many = isinstance(value, dict)
        # One seed is checked as the seed of a purpose, and reported under its own key.
        checked = schema.build(
            SeedKeys,
            value if many else {"init": value},
            lambda below, message: self.problem(("seed", *below) if many else ("seed",), message),
        )
        if checked is None:
            return Seeds()
        return Seeds(**schema.to_mapping(checked)) if many else Seeds.all(checked.init)

    def plugins(self, further: Sequence[Path]) -> list[Plugin]:
        before = len(self.problems)
        value = self.values.get("plugins", [])
        if not isinstance(value, list):
            self.problem(("plugins",), f"found {describe(value)}, allowed: a list of Python files")
            value = []
        # A path given on the command line is meant from where the user stands.
        base = Path.cwd() if ("plugins",) in self.document.origins else self.folder
        loaded = []
        for i, item in enumerate(value):
            if not isinstance(item, str) or not item:
                self.problem(("plugins", i), f"found {describe(item)}, allowed: the path of a Python file")
                continue
            try:
                loaded.append(registry.add_plugin(base / item))
            except UsageError as error:
                self.problem(("plugins", i), str(error))
        loaded += [registry.add_plugin(path) for path in further]
        if len(self.problems) > before:
            # Without the user's tricks every name of theirs would be reported as unknown.
            self.stop_on_problems()
        return loaded

    def used_plugins(self, loaded: list[Plugin], components: dict[str, list[Any]]) -> tuple[Plugin, ...]:
        """The given plugins, and any that were loaded before and whose trick is selected here."""
        found = {(plugin.kind, plugin.name): plugin for plugin in loaded}
        own = {(plugin.kind, plugin.name) for plugin in registry.plugins()}
        for key, chosen in components.items():
            for component in chosen:
                name = component.name()
                if (key, name) in own and (key, name) not in found:
                    found[key, name] = registry.add_plugin(registry.source(key, name))
        files = [plugin.path.name for plugin in found.values()]
        if len(set(files)) < len(files):
            # Their copies lie in one folder.
            self.problem(("plugins",), "two plugins have the same file name; rename one of them")
        return tuple(found[key] for key in sorted(found))

    def config(
        self,
        name: str,
        parts: dict[str, list[dict[str, Any]]],
        settings: Any,
        seeds: Seeds,
        expect: dict[str, Comparison],
        plugins: Sequence[Plugin],
    ) -> dict[str, Any]:
        config: dict[str, Any] = {"name": name}
        for key, kind in KINDS.items():
            config[key] = parts[key] if kind.many else parts[key][0]
        config.update(schema.to_mapping(settings))
        config["seed"] = identity.written(seeds)
        config["expect"] = {metric: str(comparison) for metric, comparison in sorted(expect.items())}
        config["plugins"] = [f"plugins/{plugin.path.name}" for plugin in plugins]
        return config

    def fingerprints(self, recipe: Recipe) -> dict[str, str]:
        """SHA-256 of the user's own data files, by path as written."""
        found = {}
        for path in recipe.dataset.user_files():
            try:
                place = self.files.resolve(path)
                if place not in self.known.digests:
                    self.known.digests[place] = digest(place, compressed=False)
                found[path] = self.known.digests[place]
            except UsageError as error:
                names = [f.name for f in fields(recipe.dataset) if getattr(recipe.dataset, f.name) == path]
                self.problem(("dataset", *names[:1]), str(error))
        return found
