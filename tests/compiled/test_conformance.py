"""What every layer must do, once more with compiled kernels."""

from __future__ import annotations

import pytest
from conformance.test_gradients import test_layer, test_normalization_in_evaluation
from conformance.test_layers import (
    test_a_replica_has_the_same_bits_alone_and_in_a_stack,
    test_a_replica_that_is_not_finite_leaves_its_neighbours_alone,
    test_a_smaller_batch_between_two_others_changes_nothing,
    test_a_step_allocates_nothing_large,
    test_evaluation_is_the_same_for_a_sample_alone_and_in_a_batch,
    test_inputs_and_outputs_survive_the_step,
    test_nothing_left_in_a_buffer_reaches_a_result,
)

__all__ = [
    "test_a_replica_has_the_same_bits_alone_and_in_a_stack",
    "test_a_replica_that_is_not_finite_leaves_its_neighbours_alone",
    "test_a_smaller_batch_between_two_others_changes_nothing",
    "test_a_step_allocates_nothing_large",
    "test_evaluation_is_the_same_for_a_sample_alone_and_in_a_batch",
    "test_inputs_and_outputs_survive_the_step",
    "test_layer",
    "test_normalization_in_evaluation",
    "test_nothing_left_in_a_buffer_reaches_a_result",
]
pytestmark = pytest.mark.compiled
