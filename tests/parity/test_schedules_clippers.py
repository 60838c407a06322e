"""Fifty steps of every schedule, clipper and average that PyTorch has as well, in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from engine.small import clip, store
from torch.optim import lr_scheduler
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from dltricks.averagers.ema import Ema
from dltricks.averagers.swa import Swa
from dltricks.clippers.norm import Norm
from dltricks.clippers.value import Value
from dltricks.core.component import stack
from dltricks.core.schedule import Progress, Schedule
from dltricks.core.store import Store
from dltricks.schedules.cosine import Cosine
from dltricks.schedules.cyclic import Cyclic
from dltricks.schedules.exponential import Exponential
from dltricks.schedules.linear import Linear
from dltricks.schedules.multistep import Multistep
from dltricks.schedules.one_cycle import OneCycle
from dltricks.schedules.plateau import Plateau
from dltricks.schedules.polynomial import Polynomial
from dltricks.schedules.step import Step

pytestmark = pytest.mark.parity

LR = 0.3
STEPS = 50
"""Ten epochs of five steps."""


def optimizer() -> torch.optim.Optimizer:
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=LR)


def theirs(scheduler: lr_scheduler.LRScheduler, each: int = 1) -> list[float]:
    """The rates of all steps, the scheduler being told after every ``each`` steps."""
    rates = []
    for step in range(1, STEPS + 1):
        rates.append(scheduler.optimizer.param_groups[0]["lr"])
        scheduler.optimizer.step()
        if step % each == 0:
            scheduler.step()
    return rates


def ours(schedule: Schedule) -> list[float]:
    return [LR * schedule.factor(Progress(epoch + step / 5, 10.0), 0.2) for epoch in range(10) for step in range(5)]


EACH_EPOCH = {
    "exponential": (Exponential(rate=0.9), lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "step": (Step(every=3.0, rate=0.1), lambda o: lr_scheduler.StepLR(o, 3, 0.1)),
    "multistep": (
        Multistep(milestones=[2.0, 3.0, 7.0], rate=0.5),
        lambda o: lr_scheduler.MultiStepLR(o, [2, 3, 7], 0.5),
    ),
}
EACH_STEP = {
    "linear": (
        Linear(end=0.1),
        lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.1, total_iters=STEPS),
    ),
    "cosine": (Cosine(end=0.1), lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS, 0.1 * LR)),
    "polynomial": (Polynomial(power=2.5), lambda o: lr_scheduler.PolynomialLR(o, STEPS, 2.5)),
    "cyclic": (
        Cyclic(base=0.2, period=2.0),
        lambda o: lr_scheduler.CyclicLR(o, 0.2 * LR, LR, step_size_up=5, cycle_momentum=False),
    ),
    # Theirs turns at step pct_start * steps - 1 and ends at step steps - 1.
    "one_cycle": (
        OneCycle(pct_start=0.3, div_factor=20.0, final_div_factor=1e3),
        lambda o: lr_scheduler.OneCycleLR(
            o,
            LR,
            total_steps=STEPS + 1,
            pct_start=(0.3 * STEPS + 1) / (STEPS + 1),
            div_factor=20.0,
            final_div_factor=1e3,
            cycle_momentum=False,
        ),
    ),
}


@pytest.mark.parametrize("name", EACH_EPOCH)
def test_schedules_that_change_with_the_epoch(name: str) -> None:
    schedule, make = EACH_EPOCH[name]
    np.testing.assert_allclose(ours(schedule), theirs(make(optimizer()), each=5), rtol=1e-10)


@pytest.mark.parametrize("name", EACH_STEP)
def test_schedules_that_change_with_the_step(name: str) -> None:
    schedule, make = EACH_STEP[name]
    np.testing.assert_allclose(ours(schedule), theirs(make(optimizer())), rtol=1e-10)


@pytest.mark.parametrize(("monitor", "mode"), [("val_loss", "min"), ("val_accuracy", "max")])
@pytest.mark.parametrize("patience", [1, 3])
def test_plateau(monitor: str, mode: str, patience: int) -> None:
    rng = np.random.default_rng(0)
    values = np.cumsum(rng.normal(size=STEPS)) * (-1 if mode == "max" else 1)
    # Theirs drops one epoch later for the same patience.
    reference = lr_scheduler.ReduceLROnPlateau(
        optimizer(), mode, 0.5, patience - 1, threshold=0.1, threshold_mode="abs", eps=0.0
    )
    schedule = Plateau(monitor=monitor, rate=0.5, patience=patience, threshold=0.1)
    history: list[dict[str, float]] = []
    for value in values:
        history.append({monitor: float(value)})
        reference.step(float(value))
        found = LR * schedule.course(Progress(float(len(history)), float(STEPS), history))
        assert found == pytest.approx(reference.optimizer.param_groups[0]["lr"], rel=1e-10)
    assert found < LR / 16


def parameters(made: Store) -> list[torch.nn.Parameter]:
    result = []
    for (_, p), (_, g) in zip(made.views(made.p), made.views(made.g), strict=True):
        parameter = torch.nn.Parameter(torch.tensor(p[0]))
        parameter.grad = torch.tensor(g[0])
        result.append(parameter)
    return result


def gradients(tensors: list[torch.nn.Parameter]) -> np.ndarray:
    return np.concatenate([t.grad.numpy().ravel() for t in tensors])


def network() -> Store:
    return store(("1.W", (6, 4), "kernel"), ("2.W", (4, 3), "kernel"), ("1.b", (4,), "bias"))


def test_norm() -> None:
    made, rng = network(), np.random.default_rng(1)
    seen = set()
    for step in range(STEPS):
        made.g[...] = rng.normal(size=made.g.shape) * rng.uniform(0.05, 0.5)
        tensors = parameters(made)
        norm = torch.nn.utils.clip_grad_norm_(tensors, 1.0).item()
        clipped = clip(made, Norm(1.0))
        assert clipped is not None
        seen.add(bool(clipped[0]))
        # Theirs divides by the norm plus 1e-6.
        factor = (norm + 1e-6) / norm if clipped[0] else 1.0
        np.testing.assert_allclose(made.g[0], gradients(tensors) * factor, rtol=1e-10, err_msg=f"step {step}")
    assert seen == {True, False}


def test_value() -> None:
    made, rng = network(), np.random.default_rng(1)
    for _ in range(STEPS):
        made.g[...] = rng.normal(size=made.g.shape)
        tensors = parameters(made)
        torch.nn.utils.clip_grad_value_(tensors, 0.4)
        clip(made, Value(0.4))
        np.testing.assert_allclose(made.g[0], gradients(tensors), rtol=1e-10)


def averaged(model: AveragedModel) -> np.ndarray:
    return np.concatenate([p.detach().numpy().ravel() for p in model.module.parameters()])


def walk(model: torch.nn.Module, made: Store, rng: np.random.Generator) -> None:
    """The same random step for both."""
    made.p += rng.normal(size=made.p.shape)
    with torch.no_grad():
        for parameter, (_, view) in zip(model.parameters(), made.views(made.p), strict=True):
            parameter.copy_(torch.tensor(view[0]))


def test_ema() -> None:
    made, rng, decay = network(), np.random.default_rng(1), 0.9
    model = torch.nn.ParameterList(parameters(made))
    reference = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay))
    averager = stack([Ema(decay)], ndim=2)
    averager.setup(made)
    slot = first = np.zeros_like(made.p)
    for t in range(1, STEPS + 1):
        walk(model, made, rng)
        if t == 1:
            first = made.p.copy()
        reference.update_parameters(model)
        averager.after_step(made, t, slot)
        found = averager.weights(t, 1, slot)
        assert found is not None
        # Theirs is not divided by the sum of the shares, but lets the first weights fill what is missing.
        expected = averaged(reference)
        np.testing.assert_allclose(found * (1 - decay**t) + decay**t * first, expected[None], rtol=1e-10, atol=1e-12)


def test_swa() -> None:
    made, rng = network(), np.random.default_rng(1)
    model = torch.nn.ParameterList(parameters(made))
    reference = AveragedModel(model)
    averager = Swa(start=11)
    averager.setup(made)
    slot = np.zeros_like(made.p)
    for epoch in range(1, STEPS + 1):
        walk(model, made, rng)
        averager.after_epoch(made, epoch, slot)
        found = averager.weights(epoch, epoch, slot)
        if epoch < 11:
            assert found is None
            continue
        reference.update_parameters(model)
        assert found is not None
        np.testing.assert_allclose(found[0], averaged(reference), rtol=1e-10, atol=1e-12)
