"""The runs of a study: what they share is resolved once, and of runs that differ in seed the first is changed."""

from __future__ import annotations

import pytest
from experiment.test_study import purposes, refusal, study

from dltricks.core.errors import UsageError
from dltricks.experiment import resolve as resolving
from dltricks.experiment.document import load_document, parse
from dltricks.experiment.overrides import Override
from dltricks.experiment.resolve import reseed, resolve, to_yaml
from dltricks.experiment.study import experiments, read_study


@pytest.mark.parametrize("fixed", [(), ("init",), ("order", "data"), ("dropout", "augment", "split")])
@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "dataset: moons\nloss: cross_entropy\nexpect: {val_loss: '< 1'}",
        "dropout: 0.5\naugmentation: [shift, noise]\nbatch_size: full\nlimit: 50",
        "architecture: linear\nschedule: {name: exponential, rate: 0.9}\nname: other\ncheckpoint_seconds: 3",
        "early_stopping: {patience: 3}\naveraging: ema\ndtype: float64\nvalidation: test",
    ],
)
def test_reseeding_is_resolving_with_another_seed(text, fixed):
    mapping = dict.fromkeys(fixed, 7)
    first = resolve(parse(text, "f.yaml"), [Override(("seed",), mapping or 0)])
    for seed in (0, 7, 2**63 - 1):
        every = {name: 7 if name in fixed else seed for name in purposes(0, 0)}
        whole = resolve(parse(text, "f.yaml"), [Override(("seed",), every)])
        found = reseed(first, seed, fixed)
        assert found == whole
        assert to_yaml(found.config) == to_yaml(whole.config)


def test_reseeding_keeps_data_files_and_plugins_in_the_hash(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "f.yaml").write_text("dataset: {name: csv, path: t.csv, target: b}\nseeds: [4]\n")
    ((_, found),) = experiments(read_study(load_document(tmp_path / "f.yaml")))
    (tmp_path / "g.yaml").write_text("dataset: {name: csv, path: t.csv, target: b}\nseed: 4\nname: f\n")
    assert found == resolve(load_document(tmp_path / "g.yaml"))


def test_a_data_file_is_read_once_for_all_arms(tmp_path, monkeypatch):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    text = "dataset: {name: csv, path: t.csv, target: b}\nsweep: {epochs: [1, 2, 3]}\nseeds: 2\n"
    (tmp_path / "f.yaml").write_text(text)
    read = []
    digest = resolving.digest
    monkeypatch.setattr(resolving, "digest", lambda path, compressed: read.append(path) or digest(path, compressed))
    assert len(list(experiments(read_study(load_document(tmp_path / "f.yaml"))))) == 6
    assert len(read) == 1


def test_parts_that_many_arms_have_are_made_once(monkeypatch):
    made = []
    build = resolving.schema.build

    def counted(cls, values, report, what=""):
        made.append(what)
        return build(cls, values, report, what)

    monkeypatch.setattr(resolving.schema, "build", counted)
    text = "sweep: {dropout: {linear: [0.01, 0.5], count: 10}, optimizer: [sgd, adam], activation: [relu, tanh]}"
    found = [experiment for _, experiment in experiments(study(text))]
    assert len(found) == 40
    assert made.count("dropout") == 10
    assert made.count("adam") == made.count("sgd") == made.count("relu") == made.count("digits") == 1
    monkeypatch.undo()
    alone = [resolve(parse("{}", "f.yaml"), arm.changes) for arm in study(text).arms]
    assert [experiment.hash for experiment in alone] == [experiment.hash for experiment in found]
    assert [experiment.config | {"name": ""} for experiment in alone] == [
        experiment.config | {"name": ""} for experiment in found
    ]


def test_what_is_wrong_in_one_arm_is_told_of_each_arm_that_has_it():
    text = "sweep: {dropout: [1.5], epochs: [1, 2]}"
    known = resolving.Known(resolving.home(study(text).document))
    for arm in study(text).arms:
        with pytest.raises(UsageError, match=r"dropout\.rate: found 1\.5"):
            resolve(study(text).document, arm.changes, known=known)


def test_equal_texts_of_different_values_are_different_parts():
    same = study("sweep: {batch_size: [16, 32], dropout: [0.5, {rate: 0.25}]}\noptimizer: {name: adam, lr: 1}")
    found = [experiment for _, experiment in experiments(same)]
    assert [experiment.config["dropout"]["rate"] for experiment in found] == [0.5, 0.25, 0.5, 0.25]
    assert refusal("sweep: {optimizer.lr: [true, 1]}").endswith("(in the arm optimizer.lr=true)")
