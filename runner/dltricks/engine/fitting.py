"""What a run must fulfil to be trained on its data; told before anything is built or written."""

from __future__ import annotations

from collections.abc import Sequence

from dltricks.core.dataset import Data
from dltricks.core.errors import UsageError
from dltricks.engine.evaluate import outputs
from dltricks.engine.recipe import Recipe
from dltricks.engine.split import splits


def batch_size(recipe: Recipe, samples: int) -> int:
    """Samples in each full batch.

    Raises:
        UsageError: more than there are.
    """
    size = samples if recipe.batch_size == "full" else recipe.batch_size
    if size > samples:
        raise UsageError(
            f"batch_size: {size} is more than the {samples} training samples; lower it, or write batch_size: full"
        )
    return size


def check_augmentations(recipes: Sequence[Recipe], data: Data) -> None:
    """Refuses augmentations that cannot be applied to the inputs.

    Raises:
        UsageError: the first of them.
    """
    for augmentation in {id(a): a for recipe in recipes for a in recipe.augmentation}.values():
        augmentation.check(data.x.shape[1:], outputs(data))


def check_fit(recipe: Recipe, data: Data) -> None:
    """All of this for one run.

    Raises:
        UsageError: as the functions above, and what ``split`` refuses.
    """
    (part,) = splits([recipe], [data])
    batch_size(recipe, len(part.train))
    check_augmentations([recipe], data)
