import pytest

from dltricks.engine.recipe import Seeds
from dltricks.experiment.identity import decisive, digest, written

CONFIG = {"name": "a", "dataset": {"name": "csv", "path": "t.csv"}, "epochs": 3, "expect": {}, "plugins": []}


def test_seeds_as_in_config_yaml():
    assert written(Seeds.all(4)) == 4
    assert written(Seeds(init=1)) == {"init": 1, "order": 0, "dropout": 0, "augment": 0, "split": 0, "data": 0}


def test_the_content_of_a_file_counts_and_not_its_place():
    first = decisive(CONFIG, {"path": "abc"})
    assert first == {"dataset": {"name": "csv", "path": "abc"}, "epochs": 3}
    assert CONFIG["dataset"]["path"] == "t.csv"


@pytest.mark.parametrize(
    ("config", "files", "same"),
    [
        ({**CONFIG, "name": "b", "expect": {"val_loss": "< 1"}}, {"t.csv": "abc"}, True),
        (dict(reversed(CONFIG.items())), {"t.csv": "abc"}, True),
        ({**CONFIG, "epochs": 4}, {"t.csv": "abc"}, False),
        (CONFIG, {"t.csv": "abd"}, False),
    ],
)
def test_the_hash_is_of_what_decides(config, files, same):
    contents = {"path": files["t.csv"]}
    assert (digest(config, files, contents, []) == digest(CONFIG, {"t.csv": "abc"}, {"path": "abc"}, [])) is same
