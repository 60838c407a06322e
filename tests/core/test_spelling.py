import pytest

from dltricks.core.spelling import spell


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        (1e-05, "1e-05"),
        ("relu", "relu"),
        (True, "true"),
        (None, "none"),
        ([64, 32], "64+32"),
        ((64, [1, 2]), "64+1+2"),
        ({"name": "sgd", "lr": 0.1}, "sgd+lr=0.1"),
        ({"rate": False}, "rate=false"),
    ],
)
def test_values_in_a_few_characters(value, text):
    assert spell(value) == text
