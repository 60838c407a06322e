"""The tests of the layer, once more with compiled kernels."""

from __future__ import annotations

import pytest
from layers.test_convolution import *  # noqa: F403

pytestmark = pytest.mark.compiled
