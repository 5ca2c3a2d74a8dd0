"""The original's learning-rate schedule and batch ramp, run with a fake clock, and transformers' warm-up schedules."""

import types

import torch
import transformers

from store import versions, write_json

HOURS, STEPS = 24.0, 900_000  # the recipe's `steps`; its clock is cut to whole steps
FRACTIONS = [0.0, 1e-6, 1e-4, 0.001, 0.01, 0.05, 0.1, 0.125, 0.2, 0.25, 1 / 3, 0.4, 0.5, 0.59, 0.6, 0.601, 0.65, 0.7,
             0.74, 0.7499, 0.75, 0.7501, 0.76, 0.8, 0.85, 0.9, 0.95, 0.99, 0.999, 1.0]


class _Clock:
    """Stands in for the `time` module inside the original's modules: `fraction` of the budget has passed."""

    fraction = 0.0

    def time(self):
        return self.fraction * HOURS * 3600


def _fake_step(fraction):
    return int(fraction * HOURS * 3600 / 60 / 60 / HOURS * STEPS)


def _learning_rates(original, clock):
    rows = []
    for fraction in FRACTIONS:
        optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
        cfg = types.SimpleNamespace(scheduler="budget-triangle2", warmup_steps=0, cooldown_steps=0, steps=STEPS,
                                    budget=HOURS)
        scheduler = original.schedulers.get_schedule_fn(0.0, cfg)(optimizer)
        clock.fraction = fraction
        optimizer.step(), scheduler.step()
        t = _fake_step(fraction) / STEPS
        factor = optimizer.param_groups[0]["lr"]
        assert abs(factor - min(0.25 + t, 4 * (1 - t))) < 1e-12, (fraction, factor)
        rows.append({"t": t, "factor": factor})
    return rows


def _batch_sizes(original, clock, batch_size, microbatch, ramp):
    rows = []
    for fraction in sorted(FRACTIONS + [ramp * i / 64 for i in range(65)]):
        engine = types.SimpleNamespace(
            cfg_train=types.SimpleNamespace(batch_size_ramp=ramp, budget=HOURS, steps=STEPS, batch_size=batch_size),
            initial_time=0.0, effective_mbs=microbatch, steps=0)
        engine.set_train_batch_size = lambda size, engine=engine: setattr(engine, "size", size)
        clock.fraction = fraction
        original.engine.TorchEngineMinimal.schedule_batch_size(engine)
        step = _fake_step(fraction)
        exact = min((step * batch_size * 10 // (STEPS * round(ramp * 10)) // microbatch + 1) * microbatch, batch_size)
        rows.append({"t": step / STEPS, "sequences": engine.size, "exact": exact})
    return {"batch_size": batch_size, "microbatch": microbatch, "ramp": ramp, "rows": rows}


def _warmup(name, function, warmup, steps, **extra):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = function(optimizer, num_warmup_steps=warmup, **extra)
    factors = []
    for _ in range(steps + 1):
        factors.append(optimizer.param_groups[0]["lr"])
        optimizer.step(), scheduler.step()
    return {"name": name, "warmup_steps": warmup, "steps": steps, "factors": factors}


def make(original):
    clock = _Clock()
    original.schedulers.time = clock
    original.engine.time = clock
    ramps = [_batch_sizes(original, clock, 8192, 128, 0.6), _batch_sizes(original, clock, 256, 32, 0.6),
             _batch_sizes(original, clock, 100, 32, 0.5)]
    warmups = []
    for warmup, steps in ((0, 10), (3, 30), (10, 40)):
        warmups.append(_warmup("cosine", transformers.get_cosine_schedule_with_warmup, warmup, steps,
                               num_training_steps=steps))
        warmups.append(_warmup("linear", transformers.get_linear_schedule_with_warmup, warmup, steps,
                               num_training_steps=steps))
        warmups.append(_warmup("constant", transformers.get_constant_schedule_with_warmup, warmup, steps))
    write_json("schedules.json", {
        "about": "one_cycle: the original's budget-triangle2 at used fractions t of the budget. batch_ramp: sequences "
                 "a step at t, by the original's float arithmetic and by exact integers. warmup: transformers' factors "
                 "for steps 0 .. steps (the factor of index k is used by step k + 1).",
        "made_with": versions(), "one_cycle": _learning_rates(original, clock), "batch_ramp": ramps, "warmup": warmups})
