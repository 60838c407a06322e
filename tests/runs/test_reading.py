import json
import shutil

import numpy as np
import pytest
from runs.toy import CONFIG, ENV, HASH, train

from dltricks.core.errors import DamagedError
from dltricks.runs import arrays, checkpoint, files, lock, reading, sealed


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    (folder / "trick.py").write_text("trick = 1\n")
    train(folder / "run", plugins=[folder / "trick.py"])
    return folder / "run"


@pytest.fixture
def run(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def test_a_finished_run(finished):
    record = reading.read_run(finished)
    assert record.config["optimizer"] == {"lr": 0.001, "name": "adam"}
    assert record.result["status"] == "finished"
    assert [line["epoch"] for line in record.metrics] == [1, 2, 3, 4]
    assert record.result["best"] == record.metrics[-1]
    np.testing.assert_array_equal(reading.read_weights(finished)["w"], [26, 26, 26])
    assert reading.read_timing(finished)[0] == {"epoch": 1, "seconds": 0.25}
    assert reading.read_environment(finished)["numpy"] == ENV["numpy"]
    reading.verify(finished)


def test_an_unfinished_run(tmp_path):
    path = tmp_path / "run"
    train(path, halt_after=2)
    with (path / "metrics.jsonl").open("ab") as file:
        file.write(b'{"epoch":3')
    record = reading.read_run(path)
    assert record.result is None
    assert [line["epoch"] for line in record.metrics] == [1, 2]
    reading.verify(path)
    with pytest.raises(DamagedError, match="has no weights yet"):
        reading.read_weights(path)


def test_states(tmp_path):
    path = tmp_path / "run"
    assert reading.status(path) == "empty"
    path.mkdir()
    assert reading.status(path) == "empty"
    train(path, halt_after=1)
    assert reading.status(path) == "interrupted"
    with lock.hold(path):
        assert reading.status(path) == "running"
    train(path)
    assert reading.status(path) == "finished"
    with lock.hold(path):
        assert reading.status(path) == "running"
    (path / "weights.npz").unlink()
    assert reading.status(path) == "damaged"


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "weights.npz", "env.json", "plugins/trick.py"])
def test_a_missing_file_is_named(run, name):
    (run / name).unlink()
    with pytest.raises(DamagedError, match=f"{name}: missing"):
        reading.verify(run)


@pytest.mark.parametrize("name", ["config.yaml", "metrics.jsonl", "run.json"])
def test_damage_shows_in_the_status(run, name):
    (run / name).write_bytes((run / name).read_bytes()[:-2])
    assert reading.status(run) == "damaged"


def test_nan_weights_are_refused(run):
    result = reading.read_result(run)
    result["files"]["weights.npz"] = arrays.save(run / "weights.npz", {"w": np.array([1.0, np.nan])})
    sealed.save(run / "run.json", {key: value for key, value in result.items() if key != "sha256"})
    with pytest.raises(DamagedError, match="w holds NaN or infinity"):
        reading.read_weights(run)


@pytest.mark.parametrize(
    "changes", [{"status": "running"}, {"files": {}}, {"files": None}, {"hash": None}, {"status": ["finished"]}]
)
def test_a_result_that_lacks_what_it_needs(run, changes):
    result = {**reading.read_result(run), **changes}
    del result["sha256"]
    sealed.save(run / "run.json", {key: value for key, value in result.items() if value is not None})
    with pytest.raises(DamagedError, match=r"run\.json: \w+ is not what an ended run has there"):
        reading.read_run(run)
    assert reading.status(run) == "damaged"


def test_a_newer_run_is_refused(run):
    sealed.save(run / "run.json", {"format": 2})
    with pytest.raises(DamagedError, match="format 2 of a newer dltricks"):
        reading.read_run(run)


def test_a_checkpoint_of_another_run(run):
    stored = arrays.load(checkpoint.path_of(run / "checkpoints", 40))
    header = json.loads(stored["checkpoint"].tobytes())
    assert header["config"] == HASH
    header["config"] = "f" * 64
    stored["checkpoint"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    arrays.save(checkpoint.path_of(run / "checkpoints", 40), stored)
    with pytest.raises(DamagedError, match="belongs to the configuration ffffffffffff"):
        reading.verify(run)


def test_results_may_be_links_since_their_sums_are_checked(run, tmp_path):
    (run / "weights.npz").rename(tmp_path / "annexed")
    (run / "weights.npz").symlink_to(tmp_path / "annexed")
    assert list(reading.read_weights(run)) == ["w"]


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"- a list",
        b"a: [",
        b"a: \xff",
        b"a: \0",
        b"[" * 200_000,
        b"- " * 100_000,
        b"a: &x [1]\nb: *x",
        b"a: !!python/object/apply:os.system [ls]",
        b"a: 1\n---\nb: 2",
        b"? [a]\n: 1",
    ],
)
def test_hostile_configurations(tmp_path, text):
    with pytest.raises(DamagedError, match=r"config\.yaml: damaged"):
        reading.parse_config(text, tmp_path / "config.yaml")


def test_a_configuration_is_plain_values(tmp_path):
    assert reading.parse_config(CONFIG.encode(), tmp_path)["dataset"] == {"name": "digits"}


def test_a_configuration_is_bounded(tmp_path):
    (tmp_path / "config.yaml").write_bytes(b"#" * (reading.LARGEST_CONFIG + 1))
    with pytest.raises(DamagedError, match="more than the 1048576"):
        reading.read_run(tmp_path)


def test_reading_changes_nothing(finished):
    before = {name: (finished / name).stat().st_mtime_ns for name in files.names(finished)}
    reading.verify(finished)
    reading.status(finished)
    assert before == {name: (finished / name).stat().st_mtime_ns for name in files.names(finished)}
