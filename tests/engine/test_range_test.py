from __future__ import annotations

import numpy as np
import pytest
from engine.small import recipe, table

from dltricks.engine.range_test import BLOWN_UP, range_test, smooth, suggestion
from dltricks.engine.trainer import Trainer
