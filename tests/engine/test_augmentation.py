"""What the engine does with a list of augmentations: each batch its own numbers, in training only."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from engine.small import digits, part, recipe, run, same, table

from dltricks.core import registry
from dltricks.core.augmentation import Augmentation
from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.core.types import Array, Number
from dltricks.engine.evaluate import Evaluator
from dltricks.engine.hooks import Hook
from dltricks.engine.loop import train
from dltricks.engine.recipe import Recipe, Seeds
from dltricks.engine.state import State
from dltricks.engine.streams import Purpose, generator
from dltricks.engine.trainer import Trainer
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import parse_override
from dltricks.experiment.resolve import resolve, to_yaml

EACH = pytest.mark.parametrize("name", registry.names("augmentation"))


def augmented(*values: Any, seed: int = 0, **changes: Any) -> Recipe:
    """A small recipe with these augmentations, by name, mapping or as they are."""
    return replace(recipe(seed, **changes), augmentation=tuple(part("augmentation", value) for value in values))


def batches(of: Recipe, epoch: int = 0, data: Data | None = None) -> list[tuple[Array, Array, Array | None]]:
    """x, target and labels of each step of an epoch, as the network sees them."""
    trainer = Trainer([of], [digits() if data is None else data])
    trainer.epoch = epoch
    trainer.begin_epoch()
    seen = []
    for batch in trainer.batches():
        labels = None if batch.labels is None else batch.labels[0].copy()
        seen.append((batch.x[0].copy(), batch.target[0].copy(), labels))
        trainer.step += 1
    return seen


@dataclass
class Plus(Augmentation):
    amount: Number = 1.0

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        x += self.amount


@dataclass
class Times(Augmentation):
    factor: Number = 2.0

    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        x *= self.factor
        target *= self.factor


@dataclass
class Draw(Augmentation):
    def apply(self, x: Array, target: Array, rng: np.random.Generator) -> None:
        x[...] = rng.random()


def test_they_are_applied_in_their_order() -> None:
    plain = batches(recipe())
    for there, back, (x, target, labels) in zip(
        batches(augmented(Plus(), Times())), batches(augmented(Times(), Plus())), plain, strict=True
    ):
        np.testing.assert_array_equal(there[0], (x + 1) * 2)
        np.testing.assert_array_equal(back[0], x * 2 + 1)
        np.testing.assert_array_equal(there[1], target * 2)
        np.testing.assert_array_equal(there[2], labels)


def test_each_step_epoch_place_and_seed_has_its_own_numbers_and_they_never_change() -> None:
    drawn = [
        float(x.flat[0])
        for epoch in range(3)
        for seed in range(3)
        for x, _, _ in batches(augmented(Draw(), seed=seed), epoch)
    ]
    drawn += [float(x.flat[0]) for x, _, _ in batches(augmented(Plus(), Draw()))]
    assert len(set(drawn)) == len(drawn) == (3 * 3 + 1) * 6
    again = [float(x.flat[0]) for x, _, _ in batches(augmented(Draw(), seed=2), 1)]
    assert again == drawn[6 * (3 + 2) : 6 * (3 + 3)]


@EACH
def test_the_same_step_has_the_same_bytes_and_another_step_others(name: str) -> None:
    once, twice = batches(augmented(name)), batches(augmented(name))
    for (x, target, _), (x_again, target_again, _) in zip(once, twice, strict=True):
        assert x.tobytes() == x_again.tobytes()
        assert target.tobytes() == target_again.tobytes()
    x, target, _ = batches(recipe())[0]
    changed = set()
    for epoch, step in itertools.product(range(2), range(3)):
        of_step = x.copy()
        rng = generator(Seeds(), Purpose.AUGMENT, epoch, 0, step)
        part("augmentation", name).apply(of_step, target.copy(), rng)
        changed.add(of_step.tobytes())
    assert x.tobytes() == batches(recipe())[0][0].tobytes() not in changed
    assert len(changed) == 6


@EACH
def test_the_replica_law_where_runs_differ_in_their_lists(name: str) -> None:
    recipes = [augmented(name, seed=0), augmented(seed=1), augmented("noise", name, seed=2)]
    for each, outcome in zip(recipes, run(*recipes), strict=True):
        same(run(each)[0], outcome)


class Interrupt(Hook):
    """Takes the states after the ninth step: amid the second epoch, which has six."""

    states: list[State]

    def on_step_end(self, run: Trainer) -> None:
        if run.t == 9:
            states = [run.state(k) for k in range(len(run.recipes))]
            self.states = [State(s.arrays, json.loads(json.dumps(s.meta))) for s in states]


@EACH
def test_stopping_amid_an_epoch_and_going_on_changes_no_bit(name: str) -> None:
    recipes = [augmented(name, "noise", seed=seed, epochs=3) for seed in range(2)]
    hook = Interrupt()
    whole = run(*recipes, hooks=(hook,))
    trainer = Trainer(recipes, [digits()] * 2)
    trainer.restore(hook.states)
    for outcome, again in zip(whole, train(trainer), strict=True):
        assert again is not None
        same(outcome, again)


def test_its_seed_alone_changes_the_augmentation_and_nothing_else() -> None:
    other = replace(Seeds.all(0), augment=1)
    same(run(recipe())[0], run(recipe(seeds=other))[0])
    for (x, _, labels), (x_other, _, labels_other) in zip(
        batches(augmented("noise")), batches(augmented("noise", seeds=other)), strict=True
    ):
        np.testing.assert_array_equal(labels, labels_other)
        assert (x != x_other).all()
        # The same samples below the noise, whose deviation is 0.1.
        assert np.abs(x - x_other).max() < 1
    trainers = [Trainer([augmented("noise", seeds=seeds)], [digits()]) for seeds in (Seeds.all(0), other)]
    np.testing.assert_array_equal(trainers[0].store.p, trainers[1].store.p)
    assert run(augmented("noise"))[0].history != run(augmented("noise", seeds=other))[0].history


@EACH
def test_evaluation_never_sees_it(name: str) -> None:
    data = digits()
    plain, given = Trainer([recipe()], [data]), Trainer([augmented(name)], [data])
    for trainer in (plain, given):
        trainer.lr = np.zeros((1, 1))
        trainer.end_epoch()
    assert plain.history[0][0]["val_loss"] == given.history[0][0]["val_loss"]
    outcome = run(augmented(name), data=data)[0]
    measured = Evaluator.restore(recipe(), data, outcome.weights).measure("val")
    assert outcome.final is not None
    assert {key: outcome.final[key] for key in measured} == measured


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_accuracy_in_training_counts_the_own_labels(name: str) -> None:
    class Count(Hook):
        def __init__(self) -> None:
            self.right: list[float] = []

        def on_step_end(self, run: Trainer) -> None:
            self.right.append(float(run.added[1, 0]))

    # Small batches: in several of them the larger share is the other label's.
    of = augmented({"name": name, "alpha": 0.1}, epochs=1, batch_size=8, optimizer={"name": "sgd", "lr": 1e-30})
    hook = Count()
    train(Trainer([of], [digits()]), (hook,))
    network = Trainer([of], [digits()]).network
    own, mixed = [], []
    for x, target, labels in batches(of):
        chosen = network.forward(x[None], training=True)[0].argmax(-1)
        own.append(float((chosen == labels).sum()))
        mixed.append(float((chosen == target.argmax(-1)).sum()))
    assert hook.right == own
    assert own != mixed


def test_numbers_as_targets_are_mixed_too() -> None:
    of = augmented({"name": "mixup", "alpha": 1.0}, loss="mse")
    plain = batches(recipe(loss="mse"), data=table())
    for (_, target, labels), (_, before, _) in zip(batches(of, data=table()), plain, strict=True):
        assert labels is None
        assert (target != before).any()
        np.testing.assert_allclose(target.sum(), before.sum(), rtol=1e-4)
    assert run(of, data=table())[0].status == "finished"


def test_what_a_table_cannot_take_is_refused_before_training() -> None:
    refused = {}
    for name in registry.names("augmentation"):
        try:
            Trainer([augmented(loss="mse"), augmented("noise", name, loss="mse")], [table()] * 2)
        except UsageError as error:
            refused[name] = str(error)
    assert {"crop", "cutmix", "cutout", "flip", "shift"} <= set(refused)
    assert not {"mixup", "noise"} & set(refused)
    for name, message in refused.items():
        assert message.startswith(f"augmentation: {name} ")
        assert "a row of 5 numbers" in message


@pytest.mark.parametrize(
    ("text", "overrides", "expected"),
    [
        ("augmentation: shift", [], ["shift"]),
        ("augmentation: {name: shift, pixels: 2}", [], ["shift"]),
        ("augmentation: [flip, {name: shift, pixels: 2}]", [], ["flip", "shift"]),
        ("augmentation: [noise, noise]", [], ["noise", "noise"]),
        ("augmentation: none", [], []),
        ("augmentation: []", [], []),
        ("epochs: 1", [], []),
        ("epochs: 1", ["augmentation=shift"], ["shift"]),
        ("augmentation: flip", ["augmentation=[shift,noise]"], ["shift", "noise"]),
        ("augmentation: flip", ["augmentation=[{name: shift, pixels: 3},noise]"], ["shift", "noise"]),
        ("augmentation: [flip, noise]", ["augmentation=none"], []),
    ],
)
def test_a_file_takes_a_name_a_mapping_or_a_list(text: str, overrides: list[str], expected: list[str]) -> None:
    found = resolve(parse(text, "a.yaml"), [parse_override(override) for override in overrides])
    assert [each.name() for each in found.recipe.augmentation] == expected
    assert [each["name"] for each in found.config["augmentation"]] == expected
    again = resolve(parse(to_yaml(found.config), "config.yaml"))
    assert (again.recipe, again.hash) == (found.recipe, found.hash)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("augmentation=shift,noise", r"a list is written in brackets: augmentation=\[shift,noise\]"),
        ("augmentation=[shift,nose]", r"augmentation\.1: unknown augmentation 'nose'; did you mean 'noise'\?"),
        ("augmentation=[none]", r"augmentation\.0: unknown augmentation 'none'"),
        ("augmentation=[{name: mixup, alpha: 0}]", r"augmentation\.0\.alpha: found 0, allowed: a number above 0"),
        ("augmentation={name: crop, border: refect}", r"a number or edge, reflect; did you mean 'reflect'\?"),
        ("augmentation=3", r"found 3, allowed: a name or a mapping"),
    ],
)
def test_mistakes_in_the_list_are_named(written: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        resolve(parse("epochs: 1", "a.yaml"), [parse_override(written)])


def test_order_and_numbers_identify_a_run() -> None:
    texts = ("none", "noise", "[noise, noise]", "[shift, noise]", "[noise, shift]", "{name: noise, deviation: 0.2}")
    found = [resolve(parse(f"augmentation: {text}", "a.yaml")).hash for text in texts]
    assert len(set(found)) == len(texts)
    assert resolve(parse("augmentation: [{name: noise, deviation: 0.1}]", "a.yaml")).hash == found[1]
