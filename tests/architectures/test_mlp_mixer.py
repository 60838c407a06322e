from __future__ import annotations

import pytest
from architectures.chain import names, parameters, shapes

from dltricks.architectures.mlp_mixer import MlpMixer
from dltricks.core.errors import UsageError

SMALL = [MlpMixer(patch=2, width=8, places=4, channels=8, blocks=2)]


def test_the_papers_smallest_network_has_the_papers_parameters() -> None:
    mixer = {"name": "mlp_mixer", "patch": 16, "width": 512, "places": 256, "channels": 2048, "blocks": 8}
    found = parameters((224, 224, 3), 1000, architecture=mixer, normalization="layer")
    assert found == 18_528_264  # 18.5 million


def test_its_layers() -> None:
    mixer = {"name": "mlp_mixer", "blocks": 1}
    found = names((8, 8, 1), architecture=mixer, normalization="layer", dropout="dropout")
    mlp = ["convolution", "relu", "dropout", "convolution"]
    places = ["residual", "layer", "transpose", *mlp, "transpose"]
    assert found == ["convolution", *places, "residual", "layer", *mlp, "layer", "global_average_pool", "linear"]


def test_places_and_channels_change_their_roles_and_back() -> None:
    mixer = {"name": "mlp_mixer", "blocks": 1, "patch": 4, "width": 24}
    assert shapes((12, 8, 1), "transpose", architecture=mixer) == [(1, 24, 6), (3, 2, 24)]


def test_patches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UsageError, match=r"^architecture\.patch: images of 28x28 .* patches of 5x5; write 4"):
        names((28, 28, 1), architecture={"name": "mlp_mixer", "patch": 5})
