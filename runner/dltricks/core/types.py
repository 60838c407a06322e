"""Array type and bounded numbers: the vocabulary in which tricks declare their fields."""

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt
from numpy.typing import NDArray

Array = NDArray[Any]

Number = float
"""Any finite number."""
Positive = Annotated[float, Gt(0)]
NonNegative = Annotated[float, Ge(0)]
Decay = Annotated[float, Ge(0), Lt(1)]
"""The share of the past that a running average keeps."""
Rate = Annotated[float, Ge(0), Lt(1)]
"""A probability of dropping, which must leave something."""
Share = Annotated[float, Ge(0), Le(1)]
Fraction = Annotated[float, Gt(0), Le(1)]
"""A factor that lowers something but never to nothing."""
Size = Annotated[int, Gt(0)]
"""A whole number that shapes arrays or counts things; runs that differ in it are not stacked."""
