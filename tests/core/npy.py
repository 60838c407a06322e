"""Files of numpy, with headers that lie."""

import io

import numpy as np


def npy(array, **changes):
    """The bytes of a .npy file; ``changes`` rewrite its header."""
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape, **changes}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + array.tobytes()
