import subprocess
import sys

import pytest

from dltricks.core import registry
from dltricks.core.errors import UsageError
from dltricks.engine.recipe import Seeds
from dltricks.experiment.document import load_document, parse
from dltricks.experiment.overrides import parse_override
from dltricks.experiment.resolve import resolve, to_yaml
from dltricks.experiment.settings import KEYS, Comparison

FULL = """
name: everything
dataset: moons
scaling: symmetric
architecture: {name: mlp, hidden: [256, 128]}
activation: {name: leaky_relu}
initializer: {name: glorot, distribution: uniform}
normalization: batch
dropout: 0.5
loss: {name: cross_entropy, smoothing: 0.1}
optimizer: {name: momentum, lr: 1e-5}
penalty: {name: l2, strength: 1e-4}
clipping: 1
schedule: {name: exponential, rate: .98}
early_stopping: {monitor: val_loss, patience: 5}
averaging: ema
epochs: 3
batch_size: full
validation: 0.25
limit: 50
dtype: float64
monitor: layers
checkpoint_seconds: 5
seed: {init: 1, order: 2}
expect: {val_accuracy: ">=0.95", val_loss: "< 1e-1"}
"""

PLUGIN = '''"""Halves: a penalty for a test."""

from dataclasses import dataclass

from dltricks.core.penalty import Penalty
from dltricks.core.types import Positive


@dataclass
class Halves(Penalty):
    """s / 2"""

    strength: Positive = 0.5
'''


@pytest.fixture
def clean_registry():
    yield
    registry.forget_plugins()


def experiment(text="optimizer: adam", *overrides, **more):
    return resolve(parse(text, "f.yaml"), [parse_override(override) for override in overrides], **more)


def refusal(text, *overrides):
    with pytest.raises(UsageError) as error:
        experiment(text, *overrides)
    return str(error.value)


def test_every_key_is_resolved():
    config = experiment(FULL).config
    assert list(config) == list(KEYS)
    assert config["name"] == "everything"
    assert config["dropout"] == {"name": "dropout", "rate": 0.5}
    assert config["clipping"] == {"name": "norm", "threshold": 1.0}
    assert type(config["clipping"]["threshold"]) is float
    assert config["schedule"] == {"name": "exponential", "rate": 0.98, "warmup": 0.0}
    assert config["early_stopping"]["name"] == "early_stopping"
    assert config["early_stopping"]["patience"] == 5
    assert config["seed"] == {
        "init": 1, "order": 2, "dropout": 0, "augment": 0, "split": 0, "data": 0
    }  # fmt: skip
    assert config["expect"] == {"val_accuracy": ">= 0.95", "val_loss": "< 0.1"}


def test_the_recipe_holds_the_same_as_objects():
    found = experiment(FULL)
    assert found.recipe.optimizer.lr == 1e-5
    assert found.recipe.architecture.hidden == [256, 128]
    assert found.recipe.batch_size == "full"
    assert found.recipe.limit == 50
    assert found.recipe.seeds == Seeds(init=1, order=2)
    assert found.checkpoint_seconds == 5.0
    assert found.expect == {"val_accuracy": Comparison(">=", 0.95), "val_loss": Comparison("<", 0.1)}
    assert experiment("seed: 3").recipe.seeds == Seeds.all(3)
    assert experiment("limit: none").recipe.limit is None


def test_defaults():
    config = experiment("optimizer: adam").config
    for kind in registry.KINDS.values():
        assert config[kind.key] == [] if kind.many else config[kind.key]["name"] == kind.default
    assert (config["name"], config["seed"], config["limit"], config["plugins"]) == ("f", 0, "none", [])


def test_an_empty_mapping_is_a_valid_file():
    assert experiment("{}").config == experiment("optimizer: adam").config


@pytest.mark.parametrize("text", [FULL, "optimizer: adam", "name: 'no'", 'name: "1e-3"', "name: 'a, b'"])
def test_config_yaml_reads_back_to_the_same(text):
    first = experiment(text)
    written = to_yaml(first.config)
    second = resolve(parse(written, "config.yaml"))
    assert second.config == first.config
    assert second.hash == first.hash
    assert to_yaml(second.config) == written


@pytest.mark.parametrize(
    "text",
    ["optimizer: {name: adam, lr: 2e-3}", "seed: 1", "seed: {data: 1}", "epochs: 21", "dtype: float64",
     "dropout: 0.0", "monitor: layers", "validation: test"],
)  # fmt: skip
def test_what_decides_the_result_changes_the_hash(text):
    assert experiment(text).hash != experiment().hash


@pytest.mark.parametrize(
    "text",
    ["name: other", 'expect: {val_loss: "< 1"}', "checkpoint_seconds: 1",
     "optimizer: {lr: 1.0e-3, name: adam}", "epochs: 20", "seed: {init: 0}", "dropout: none"],
)  # fmt: skip
def test_what_does_not_decide_the_result_leaves_the_hash(text):
    assert experiment(text).hash == experiment().hash


def test_a_whole_number_and_a_float_are_the_same_experiment():
    assert experiment("clipping: 1").hash == experiment("clipping: 1.0").hash


def test_the_hash_is_the_same_in_another_process():
    program = (
        "from dltricks.experiment.document import parse; from dltricks.experiment.resolve import resolve;"
        "print(resolve(parse('optimizer: adam', 'f.yaml')).hash)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == experiment().hash


def test_names(tmp_path):
    path = tmp_path / "moons.study.yaml"
    path.write_text("optimizer: adam\n")
    assert resolve(load_document(path)).name == "moons.study"
    assert resolve(load_document(path)).folder == tmp_path.resolve()
    with pytest.raises(UsageError, match=r"aux\.yaml: the file's name 'aux' cannot name .*: Windows reserves it"):
        resolve(parse("optimizer: adam", "aux.yaml"))
    assert resolve(parse("name: good", "aux.yaml")).name == "good"


@pytest.mark.parametrize("name", ["../x", "/abs", "a/b", "''", "x" * 300, "CON", "'a\tb'", "..", "3", "true", "[a]"])
def test_names_that_are_refused(name):
    assert refusal(f"epochs: 1\nname: {name}").startswith("f.yaml:2: name: ")


def test_regression_takes_its_own_loss_by_default(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n3,4\n")
    text = "dataset: {name: csv, path: t.csv, target: b, task: regression}"
    (tmp_path / "f.yaml").write_text(text)
    assert resolve(load_document(tmp_path / "f.yaml")).config["loss"]["name"] == "mse"
    (tmp_path / "f.yaml").write_text(text + "\nloss: hinge")
    with pytest.raises(UsageError, match=r"f\.yaml:2: loss: hinge is a loss for classification"):
        resolve(load_document(tmp_path / "f.yaml"))


def test_content_of_the_users_data_is_part_of_the_hash_and_its_place_is_not(tmp_path):
    def hash_of(folder, content):
        (tmp_path / folder).mkdir(exist_ok=True)
        (tmp_path / folder / f"{folder}.csv").write_text(content)
        path = tmp_path / folder / "f.yaml"
        path.write_text(f"dataset: {{name: csv, path: {folder}.csv, target: b}}")
        return resolve(load_document(path)).hash

    first = hash_of("one", "a,b\n1,x\n3,y\n")
    assert hash_of("two", "a,b\n1,x\n3,y\n") == first
    assert hash_of("one", "a,b\n1,x\n4,y\n") != first


def test_a_missing_data_file_is_reported_at_its_path():
    message = refusal("epochs: 1\ndataset:\n  name: csv\n  target: b\n  path: missing.csv\n")
    assert message.startswith("f.yaml:5: dataset.path: no file ")


def test_plugins_of_the_file_lie_beside_it(tmp_path, clean_registry):
    (tmp_path / "halves.py").write_text(PLUGIN)
    (tmp_path / "f.yaml").write_text("plugins: [halves.py]\npenalty: {name: halves, strength: 2}\n")
    found = resolve(load_document(tmp_path / "f.yaml"))
    assert found.config["penalty"] == {"name": "halves", "strength": 2.0}
    assert found.config["plugins"] == ["plugins/halves.py"]
    assert [plugin.path for plugin in found.plugins] == [tmp_path.resolve() / "halves.py"]
    assert found.recipe.penalty.strength == 2.0
    # The stored file, with the copy beside it, is the same experiment.
    (tmp_path / "run" / "plugins").mkdir(parents=True)
    (tmp_path / "run" / "plugins" / "halves.py").write_text(PLUGIN)
    (tmp_path / "run" / "config.yaml").write_text(to_yaml(found.config))
    registry.forget_plugins()
    again = resolve(load_document(tmp_path / "run" / "config.yaml"))
    assert (again.config, again.hash) == (found.config, found.hash)


def test_the_code_of_plugins_is_part_of_the_hash(tmp_path, clean_registry):
    path = tmp_path / "halves.py"
    path.write_text(PLUGIN)
    first = experiment("penalty: halves", plugins=[path]).hash
    registry.forget_plugins()
    path.write_text(PLUGIN + "\n# changed\n")
    assert experiment("penalty: halves", plugins=[path]).hash != first


def test_a_plugin_loaded_before_counts_where_it_is_used(tmp_path, clean_registry):
    (tmp_path / "halves.py").write_text(PLUGIN)
    registry.add_plugin(tmp_path / "halves.py")
    assert [plugin.name for plugin in experiment("penalty: halves").plugins] == ["halves"]
    assert experiment("penalty: none").plugins == ()


def test_plugins_from_the_command_line_are_relative_to_the_current_folder(tmp_path, clean_registry, monkeypatch):
    (tmp_path / "halves.py").write_text(PLUGIN)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "f.yaml").write_text("penalty: halves\n")
    monkeypatch.chdir(tmp_path)
    document = load_document("sub/f.yaml")
    found = resolve(document, [parse_override("plugins=[halves.py]")])
    assert found.config["plugins"] == ["plugins/halves.py"]


def test_a_plugin_that_cannot_be_loaded():
    assert refusal("plugins: [missing.py]\npenalty: halves").startswith("f.yaml:1: plugins.0: plugin ")
    assert refusal("plugins: missing.py").startswith("f.yaml:1: plugins: found the text 'missing.py', allowed: a list")


def test_overrides_reach_the_config_and_name_themselves_in_errors():
    found = experiment("optimizer: {name: adam, b1: 0.5}", "optimizer.lr=0.5", "epochs=2", "dropout=0.25")
    assert found.config["optimizer"]["b1"] == 0.5
    assert found.config["optimizer"]["lr"] == 0.5
    assert (found.config["epochs"], found.config["dropout"]["rate"]) == (2, 0.25)
    message = refusal("optimizer: {name: adam, b1: 5}", "optimizer.lr=fast", "epoch=3")
    assert "command line: epoch: unknown key 'epoch'; did you mean 'epochs'?" in message
    assert "command line: optimizer.lr: found the text 'fast', allowed: a number above 0" in message
    assert "f.yaml:1: optimizer.b1: found 5" in message


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("optimiser: adam", "optimiser: unknown key 'optimiser'; did you mean 'optimizer'?"),
        ("sweep: {dropout: [0, 1]}", "sweep: describes several runs, and a single one is needed here; leave it out"),
        ("seeds: 3", "seeds: describes several runs"),
        ("tune: 3", "tune: describes several runs"),
        ("sweeps: {}", "sweeps: unknown key 'sweeps'; did you mean 'sweep'?"),
        ("margin: 3", "margin: describes several runs"),
        ("baseline: 3", "baseline: describes several runs"),
        ("optimizer: adm", "optimizer: unknown optimizer 'adm'; did you mean 'adam'?"),
        ("optimizer: {name: adm}", "optimizer.name: unknown optimizer 'adm'"),
        ("optimizer: {lr: 1}", "optimizer: a mapping needs `name`"),
        ("optimizer: {name: 3}", "optimizer.name: found 3, allowed: a name"),
        ("optimizer: {name: null}", "optimizer.name: found nothing"),
        ("optimizer: null", "optimizer: found nothing (null); write none"),
        ("optimizer:", "optimizer: found nothing (null); write none"),
        ("optimizer: 3", "optimizer: found 3, allowed: a name or a mapping"),
        ("optimizer: [adam]", "optimizer: found a list"),
        ("dropout: true", "dropout: found true, allowed: a name, a number, or a mapping"),
        ("dropout: 1", "dropout.rate: found 1, allowed: a number at least 0 and below 1"),
        ("dropout: '0.5'", "dropout: unknown dropout '0.5'"),
        ("clipping: 0", "clipping.threshold: found 0, allowed: a number above 0"),
        ("architecture: {name: mlp, hidden: [64, 0]}", "architecture.hidden.1: found 0"),
        ("augmentation: [nothing]", "augmentation.0: unknown augmentation 'nothing'"),
        ("early_stopping: {patience: five}", "early_stopping.patience: found the text 'five'"),
        ("dataset: csv", "dataset: csv needs path"),
        ("activation: {name: relu, slope: 1}", "activation.slope: "),
        ("epochs: 0", "epochs: found 0, allowed: a whole number above 0"),
        ("epochs: 1.0", "epochs: found 1.0, allowed: a whole number above 0; write 1"),
        ("epochs: null", "epochs: found nothing (null)"),
        ("batch_size: all", "batch_size: found the text 'all', allowed: a whole number above 0 or full"),
        ("validation: 1", "validation: found 1, allowed: a number at least 0 and below 1 or test"),
        ("limit: 0", "limit: found 0, allowed: a whole number above 0 or none"),
        ("dtype: float16", "dtype: found the text 'float16', allowed: float32, float64"),
        ("monitor: all", "monitor: found the text 'all', allowed: none, layers"),
        ("checkpoint_seconds: 0", "checkpoint_seconds: found 0"),
        ("seed: -1", "seed: found -1, allowed: a whole number at least 0"),
        ("seed: 1.5", "seed: found 1.5"),
        ("seed: one", "seed: found the text 'one'"),
        ("seed: {inti: 1}", "seed.inti: unknown field 'inti'; did you mean 'init'?"),
        ("seed: {init: -1}", "seed.init: found -1"),
        ("expect: 3", "expect: found 3, allowed: a mapping"),
        (
            "expect: {val_acc: '> 1'}",
            "expect.val_acc: unknown metric 'val_acc'; did you mean 'val_accuracy'?",
        ),
        ("expect: {val_accuracy: 0.95}", "expect.val_accuracy: found 0.95, allowed: a comparison"),
        ("expect: {val_accuracy: '>= 012'}", "expect.val_accuracy: 012 has leading zeros"),
    ],
)
def test_every_mistake_names_its_line_its_key_and_what_is_allowed(line, message):
    found = refusal(f"# first line\n{line}\n")
    assert found.startswith(f"f.yaml:2: {message}")
    assert "\n" not in found


def test_long_values_are_shortened_in_messages():
    for text in ("optimizer: ", "epochs: ", "dataset: ", "name: ", "expect: ", "seed: "):
        assert len(refusal(text + "x" * 100_000)) < 600


def test_several_mistakes_come_one_on_a_line():
    lines = refusal("optimizer: adm\nepochs: 0\nbogus: 1\n").splitlines()
    assert sorted(line.split(": ")[0] for line in lines) == ["f.yaml:1", "f.yaml:2", "f.yaml:3"]


def test_what_decides_in_a_configuration_that_names_another_place_of_the_same_file(tmp_path):
    (tmp_path / "sub").mkdir()
    found = []
    for path in ("t.csv", "sub/t.csv"):
        (tmp_path / path).write_text("a,b\n1,2\n3,4\n")
        (tmp_path / "f.yaml").write_text(f"dataset: {{name: csv, path: {path}, target: b}}")
        found.append(resolve(load_document(tmp_path / "f.yaml")))
    first, second = found
    assert first.hash == second.hash
    assert first.config != second.config
    assert second.decisive(first.config) == second.decisive(second.config)
    other = {**first.config, "name": "other", "epochs": 21}
    assert second.decisive(other) == {**second.decisive(second.config), "epochs": 21}


def test_without_hidden_layers_the_activation_is_none_by_default():
    found = experiment("architecture: linear")
    assert found.config["activation"] == {"name": "identity"}
    assert resolve(parse(to_yaml(found.config), "config.yaml")).hash == found.hash
    assert experiment("architecture: linear\nactivation: tanh").config["activation"] == {"name": "tanh"}


def test_the_seed_of_a_search_is_no_key():
    assert "unknown field 'search'" in refusal("seed: {search: 1}")


def test_experiments_share_no_component_that_one_of_them_could_change():
    first, second = experiment("optimizer: {name: sgd, lr: 0.1}"), experiment("optimizer: {name: sgd, lr: 0.1}")
    assert first.recipe.optimizer == second.recipe.optimizer
    first.recipe.optimizer.lr = 5.0
    assert second.recipe.optimizer.lr == 0.1
    assert experiment("optimizer: {name: sgd, lr: 0.1}").recipe.optimizer.lr == 0.1


@pytest.mark.parametrize("item", ["1", "''", "[a.py]"])
def test_a_plugin_that_is_no_path(item):
    assert refusal(f"plugins: [{item}]").startswith("f.yaml:1: plugins.0: found ")
