"""``dltricks ablate``: arms, the table of tricks, notes, and what is expected of whom."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from cli.shell import Call, all_decisive, stats, tree

from dltricks.runs import study_file

TRICKS = ["scaling", "initializer", "dropout", "optimizer"]
SERIAL = ("--executor", "serial")
"""Worker processes would take longer to start than all that is trained here."""
ARGUMENTS = ("small.yaml", "dropout=0.2", "epochs=1", *SERIAL)


def asked(cli: Call, *args: object) -> dict[str, Any]:
    """What ``ablate --json`` prints."""
    found = cli("ablate", *args, "--json", "--quiet", *SERIAL)
    assert (found.code, found.err) == (0, "")
    value: dict[str, Any] = json.loads(found.out)
    return value


def test_every_trick_is_left_out_and_added(cli: Call, folder: Path) -> None:
    found = asked(cli, *ARGUMENTS, "seeds=[0, 3]")
    assert found["metric"] == "val_accuracy"
    arms = {arm["label"]: arm["values"] for arm in found["arms"]}
    assert list(arms)[:2] == ["as it stands", "plain"]
    assert set(arms) == {
        *("as it stands", "plain"),
        *(f"without {trick}" for trick in TRICKS),
        *(f"plain + {trick}" for trick in TRICKS),
    }
    assert {row["tricks"][0] for row in found["rows"]} == set(TRICKS)
    for row in found["rows"]:
        (trick,) = row["tricks"]
        better, worse = (
            ("as it stands", f"without {trick}") if row["question"] == "leave out" else (f"plain + {trick}", "plain")
        )
        pairs = zip(arms[better], arms[worse], strict=True)
        assert row["gain"] == pytest.approx(sum(a - b for a, b in pairs) / 2, abs=1e-12)
        assert (row["n"], row["verdict"]) == ([2, 2], "inconclusive")
    costs = [row["gain"] for row in found["rows"] if row["question"] == "leave out"]
    assert costs == sorted(costs, reverse=True)

    study = study_file.load(folder / "runs" / "small-ablation")
    assert study is not None
    assert (study["kind"], study["seeds"], study["notes"]) == ("ablation", [0, 3], found["notes"])
    seeds = [(run["arm"], run["seed"]) for run in study["runs"]]
    assert seeds == [(arm, seed) for arm in arms for seed in (0, 3)]
    assert [path.name for path in (folder / "runs").iterdir()] == ["small-ablation"]


def test_ten_seeds_unless_the_file_says(cli: Call, folder: Path) -> None:
    assert {arm["runs"] for arm in asked(cli, "small.yaml", "epochs=1")["arms"]} == {10}
    study = study_file.load(folder / "runs" / "small-ablation")
    assert study is not None
    assert study["seeds"] == list(range(10))
    (folder / "seeds.yaml").write_text((folder / "small.yaml").read_text() + "seeds: [1, 2]\n")
    assert {arm["runs"] for arm in asked(cli, "seeds.yaml", "epochs=1", "name=b")["arms"]} == {2}
    (folder / "seed.yaml").write_text((folder / "small.yaml").read_text() + "seed: 7\n")
    assert {arm["runs"] for arm in asked(cli, "seed.yaml", "epochs=1", "name=c")["arms"]} == {10}


def test_tables(cli: Call) -> None:
    arguments = (*ARGUMENTS, "seeds=2")
    rows = asked(cli, *arguments)["rows"]
    found = cli("ablate", *arguments).out
    assert found.startswith("val_accuracy of the last epoch, larger is better\n")
    assert "\nas it stands " in found
    assert "val_accuracy: what each trick is worth (positive: better)\n" in found
    assert "\nleft out: the file as it stands against the file without it" in found
    assert cli("compare", "runs/small-ablation").out == found
    body = list(csv.DictReader(io.StringIO(cli("ablate", *arguments, "--format", "csv").out)))
    assert [(line["tricks"], line["question"]) for line in body] == [
        (row["tricks"][0], row["question"]) for row in rows
    ]
    assert [float(line["gain"]) for line in body] == [row["gain"] for row in rows]
    markdown = cli("ablate", *arguments, "--format", "markdown").out.splitlines()
    assert [line for line in markdown if line.startswith("| trick | leaving it out costs | verdict |")]


def test_pairs(cli: Call) -> None:
    arguments = ("small.yaml", "scaling=none", "epochs=1", "seeds=2", "dropout=0.2", *SERIAL)
    single, both = asked(cli, *arguments), asked(cli, *arguments, "--pairs")
    assert [row for row in both["rows"] if len(row["tricks"]) == 1] == single["rows"]
    pairs = [row for row in both["rows"] if len(row["tricks"]) == 2]
    assert {tuple(row["tricks"]) for row in pairs} == {
        ("initializer", "dropout"),
        ("initializer", "optimizer"),
        ("dropout", "optimizer"),
    }
    arms = {arm["label"]: arm["mean"] for arm in both["arms"]}
    row = next(row for row in pairs if row["tricks"] == ["initializer", "dropout"] and row["question"] == "add")
    added = arms["without optimizer"] - arms["plain"]  # of three tricks the two others are what is left
    alone = arms["plain + initializer"] + arms["plain + dropout"] - 2 * arms["plain"]
    assert row["gain"] == pytest.approx(added - alone)
    assert "| initializer x dropout |" in cli("ablate", *arguments, "--pairs", "--format", "markdown").out


def test_a_changed_optimizer_that_nothing_was_tuned_for(cli: Call) -> None:
    untuned = asked(cli, *ARGUMENTS, "seeds=2")["notes"]
    assert [note for note in untuned if note.startswith("optimizer: arms with sgd") and "nothing was tuned" in note]
    table = cli("ablate", *ARGUMENTS, "seeds=2").out
    assert "note: optimizer: arms with sgd" in table
    sgd = asked(cli, *ARGUMENTS, "seeds=2", "optimizer=sgd")
    assert not [note for note in sgd["notes"] if "nothing was tuned" in note]
    assert not [arm for arm in sgd["arms"] if "optimizer" in arm["label"]]


def test_tuned(cli: Call) -> None:
    tune = "tune={optimizer.lr: [1e-3, 0.3, 5], seeds: 2}"
    found = asked(cli, "small.yaml", "scaling=none", "epochs=1", "seeds=2", tune)
    assert not [note for note in found["notes"] if "tuned comparison may differ" in note]
    arms = {arm["label"]: arm["mean"] for arm in found["arms"]}
    assert {"as it stands", "as it stands tuned", "plain", "plain tuned"} <= set(arms)
    rows = {row["tricks"][0]: row for row in found["rows"] if row["tuned"] and row["question"] == "leave out"}
    assert set(rows) == {row["tricks"][0] for row in found["rows"] if not row["tuned"]} == {"initializer", "optimizer"}
    cost = arms["as it stands tuned"] - arms["without optimizer tuned"]
    assert rows["optimizer"]["gain"] == pytest.approx(cost)


def test_only_the_file_as_it_stands_is_expected_to_meet_its_expectations(cli: Call, folder: Path) -> None:
    arguments = ("small.yaml", "epochs=3", "seeds=2", "--quiet", *SERIAL)
    arms = {arm["label"]: arm for arm in asked(cli, *arguments)["arms"]}
    worst = min(arms["as it stands"]["values"])
    assert min(min(arm["values"]) for arm in arms.values()) < worst
    assert cli("ablate", *arguments, f"expect={{val_accuracy: '>= {worst}'}}").code == 0
    missed = cli("ablate", *arguments, "expect={val_accuracy: '> 1'}")
    assert missed.code == 9
    assert "what each trick is worth" in missed.out
    paths = [line.removeprefix("dltricks: error: ").split(":")[0] for line in missed.err.splitlines()]
    assert [Path(path).name[:3] for path in paths] == ["s0-", "s1-"]


def test_runs_of_the_experiment_itself_are_reused(cli: Call, folder: Path) -> None:
    cli("train", *ARGUMENTS, "seeds=2")
    before = stats(folder / "runs" / "small")
    asked(cli, *ARGUMENTS, "seeds=2")
    assert stats(folder / "runs" / "small") == before
    assert len(list((folder / "runs" / "small-ablation").glob("*/run.json"))) == 18
    after = stats(folder / "runs")
    asked(cli, *ARGUMENTS, "seeds=2")
    assert stats(folder / "runs") == after


def test_fresh_trains_everything_anew(cli: Call, folder: Path) -> None:
    first = asked(cli, *ARGUMENTS, "seeds=2")
    before, content = stats(folder / "runs"), all_decisive(folder / "runs")
    again = asked(cli, *ARGUMENTS, "seeds=2", "--fresh")
    for arm in (*first["arms"], *again["arms"]):
        assert arm.pop("seconds") > 0
    assert again == first
    assert all_decisive(folder / "runs") == content
    after = stats(folder / "runs")
    assert all(after[f"{run}/run.json"][1] > before[f"{run}/run.json"][1] for run in content)


def test_a_damaged_run_is_missing_and_said(cli: Call, folder: Path) -> None:
    arguments = (*ARGUMENTS, "seeds=2", "--quiet")
    asked(cli, *arguments)
    (run,) = (folder / "runs" / "small-ablation").glob("without=dropout-s1-*")
    (run / "weights.npz").unlink()
    found = cli("ablate", *arguments)
    assert found.code == 7
    assert f"{run.relative_to(folder)}/weights.npz" in found.err
    assert "1 of 20 runs failed" in found.err
    assert "1 damaged" in found.out
    body = csv.DictReader(io.StringIO(cli("ablate", *arguments, "--format", "csv").out))
    assert [row["reason"] for row in body if "incomplete: seed 1" in row["reason"]]
    assert cli("ablate", *arguments, "--fresh").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dropout=0,0.5"], ["dropout", "swept (2 arms)", "dropout="]),
        (["optimizer=sgd", "scaling=none", "initializer=uniform"], ["no trick to leave out", "dropout: 0.5"]),
        (["--max-runs", "39"], ["80 runs (8 arms x 10 seeds)", "39 of --max-runs"]),
        (["tune={optimizer.lr: [0.1, 1], seeds: 1}", "--max-runs", "15", "seeds=1"], ["16 runs", "15 of --max-runs"]),
        (["seed=3"], ["command line: seed", "seeds=[3]"]),
        (["seeds=2", "seed=3"], ["3 is not among the seeds"]),
        (["batch_size=301"], ["batch_size: 301 is more"]),
        (["--workers", "0"], ["workers: found 0"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_wrong_input_writes_nothing(cli: Call, folder: Path, arguments: list[str], words: list[str]) -> None:
    before = tree(folder)
    found = cli("ablate", "small.yaml", *arguments)
    assert (found.code, found.out) == (2, ""), found
    for word in words:
        assert word in found.err
    assert tree(folder) == before


def test_a_plan_trains_nothing_and_a_manifest_is_for_workers(cli: Call, folder: Path) -> None:
    before = tree(folder)
    found = cli("ablate", *ARGUMENTS, "seeds=2", "--plan")
    assert (found.code, found.err) == (0, "")
    assert "20 runs in " in found.out
    assert tree(folder) == before
    assert cli("ablate", *ARGUMENTS, "seeds=2", "--plan", "--manifest", "m.json").code == 0
    stacks = len(json.loads((folder / "m.json").read_text())["tasks"])
    for index in range(stacks):
        assert cli("worker", "--manifest", "m.json", "--index", index, "--quiet").code == 0
    after = stats(folder / "runs")
    assert len(asked(cli, *ARGUMENTS, "seeds=2")["arms"]) == 10
    assert {path: stat for path, stat in stats(folder / "runs").items() if path in after} == after


@pytest.mark.parametrize("wrong", [["--manifest", "m.json"], ["--plan", "--fresh", "--manifest", "m.json"]])
def test_a_manifest_is_part_of_a_plan(cli: Call, folder: Path, wrong: list[str]) -> None:
    before = tree(folder)
    assert cli("ablate", *ARGUMENTS, *wrong).code == 2
    assert tree(folder) == before
