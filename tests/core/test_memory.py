import numpy as np
import pytest

from dltricks.core.memory import LINE, zeros


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.bool_, np.uint16])
@pytest.mark.parametrize("shape", [(1,), (3, 5, 7), (1000,), (2, 0)])
def test_arrays_begin_at_a_cache_line(shape: tuple[int, ...], dtype: type) -> None:
    array = zeros(shape, dtype)
    assert array.shape == shape
    assert array.dtype == dtype
    assert array.size == 0 or array.ctypes.data % LINE == 0
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert not array.any()
