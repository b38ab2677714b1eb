"""The loop every training stage runs in: seeded per step, logged, saved often enough that a kill loses a minute at
most.

It knows nothing of what is trained: a stage hands over its modules, its optimisers and a function that does one step.
State is kept in safetensors (tensors) with a JSON header (step, curve, settings), never pickled, and replaced in one
move.
"""

import dataclasses
import json
import math
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from ..errors import WeightsError


@dataclasses.dataclass(frozen=True)
class LoopSettings:
    """steps: how many in all · learning_rate: the peak, Adam · warmup: steps of linear rise, then a cosine down to a
    tenth · average: decay of the running mean of the weights (0 = none) · save_seconds: time between two saves.
    """

    steps: int
    learning_rate: float = 1e-4
    warmup: int = 50
    average: float = 0.0
    save_seconds: float = 60.0


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Linear warm-up, then half a cosine from the peak to a tenth of it."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


class RunningMean:
    """Exponential mean of a module's parameters: steadier than the last step of a short training."""

    def __init__(self, module: nn.Module, decay: float):
        self.module = module
        self.decay = decay
        self.values = {name: p.detach().clone() for name, p in module.named_parameters()}

    def update(self, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, parameter in self.module.named_parameters():
            self.values[name].lerp_(parameter.detach(), 1 - decay)

    def copy_to_module(self) -> None:
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                parameter.copy_(self.values[name])


class TrainingLoop:
    """Runs `step_function(step, generator) -> {name: loss tensor or float}`; the loss named "total" of each optimiser
    is the stage's own business: the function does its backward passes, the loop steps the optimisers named in the
    result's order.

    modules: what is saved (all parameters and buffers). optimisers: Adam-like, one per name. Resumes from
    `folder/<name>.state`.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        modules: Mapping[str, nn.Module],
        optimisers: Mapping[str, torch.optim.Optimizer],
        settings: LoopSettings,
        seed: int = 0,
        on_step: Callable[[str, int, int, dict[str, float]], None] | None = None,
    ):
        self.name, self.folder, self.settings, self.seed, self.on_step = name, folder, settings, seed, on_step
        self.modules, self.optimisers = dict(modules), dict(optimisers)
        self.means = {k: RunningMean(m, settings.average) for k, m in self.modules.items()} if settings.average else {}
        self.step = 0
        self.seconds = 0.0
        self.curve: list[dict[str, float]] = []
        self.state_file = folder / f"{name}.state"
        folder.mkdir(parents=True, exist_ok=True)
        if self.state_file.exists():
            self._restore()

    def run(self, step_function: Callable[[int, torch.Generator], Mapping[str, torch.Tensor | float]]) -> dict:
        """Trains to the last step; returns the record that goes into the weights' metadata: steps, seconds, curve."""
        saved = shown = started = time.monotonic()
        sums: dict[str, float] = {}
        count = 0
        while self.step < self.settings.steps:
            rate = learning_rate(self.step, self.settings)
            for optimiser in self.optimisers.values():
                for group in optimiser.param_groups:
                    group["lr"] = rate * group.get("rate_scale", 1.0)
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.step)
            losses = step_function(self.step, generator)
            self.step += 1
            for mean in self.means.values():
                mean.update(self.step)
            for key, value in losses.items():
                sums[key] = sums.get(key, 0.0) + float(value)
            count += 1
            now = time.monotonic()
            if now - shown > 10 or self.step == self.settings.steps:
                entry = {key: round(value / count, 5) for key, value in sums.items()}
                if not all(math.isfinite(v) for v in entry.values()):
                    raise WeightsError(
                        f"training of {self.name} diverged at step {self.step}: {entry}; "
                        "lower its learning rate and resume"
                    )
                self.seconds += now - started
                started = shown = now
                entry = {"step": self.step, "seconds": round(self.seconds, 1), **entry}
                self.curve.append(entry)
                with open(self.folder / f"{self.name}.log.jsonl", "a") as log:
                    log.write(json.dumps(entry) + "\n")
                if self.on_step is not None:
                    self.on_step(self.name, self.step, self.settings.steps, entry)
                sums, count = {}, 0
            if now - saved > self.settings.save_seconds:
                self.save()
                saved = now
        self.save()
        for mean in self.means.values():
            mean.copy_to_module()
        return {
            "stage": self.name,
            "steps": self.step,
            "seconds": round(self.seconds, 1),
            "curve": thin_curve(self.curve),
        }

    def save(self) -> None:
        """Writes the whole state beside the old one, then replaces it in one move."""
        tensors: dict[str, torch.Tensor] = {}
        for name, module in self.modules.items():
            tensors.update({f"module/{name}/{k}": v for k, v in module.state_dict().items()})
        for name, mean in self.means.items():
            tensors.update({f"mean/{name}/{k}": v for k, v in mean.values.items()})
        for name, optimiser in self.optimisers.items():
            for index, state in optimiser.state_dict()["state"].items():
                tensors.update({f"optimiser/{name}/{index}/{k}": torch.as_tensor(v) for k, v in state.items()})
        header = {"step": self.step, "seconds": self.seconds, "curve": self.curve}
        temporary = self.state_file.with_suffix(".state.part")
        save_file(
            {k: v.detach().cpu().contiguous().clone() for k, v in tensors.items()},
            temporary,
            {"loop": json.dumps(header)},
        )
        os.replace(temporary, self.state_file)

    def _restore(self) -> None:
        with safe_open(str(self.state_file), "pt") as file:
            header = json.loads(file.metadata()["loop"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        self.step, self.seconds, self.curve = header["step"], header["seconds"], header["curve"]
        for name, module in self.modules.items():
            module.load_state_dict(_under(tensors, f"module/{name}/"))
        for name, mean in self.means.items():
            for key, value in _under(tensors, f"mean/{name}/").items():
                mean.values[key].copy_(value)
        for name, optimiser in self.optimisers.items():
            state: dict[int, dict[str, torch.Tensor]] = {}
            for key, value in _under(tensors, f"optimiser/{name}/").items():
                index, field = key.split("/")
                state.setdefault(int(index), {})[field] = value
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _under(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {key[len(prefix) :]: value for key, value in tensors.items() if key.startswith(prefix)}


def thin_curve(curve: list[dict[str, float]], points: int = 40) -> list[dict[str, float]]:
    """At most `points` entries of a loss curve, evenly spread, the last one kept: what a checkpoint's metadata can
    carry.
    """
    if len(curve) <= points:
        return curve
    return [curve[round(i * (len(curve) - 1) / (points - 1))] for i in range(points)]


def step_optimiser(loss: torch.Tensor, optimiser: torch.optim.Optimizer, clip: float = 1.0) -> None:
    """Backward, clip the gradient's norm, step."""
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], clip)
    optimiser.step()
