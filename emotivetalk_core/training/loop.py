"""The loop that every stage trains in. It knows nothing of what is trained: a stage hands over its samples and its
phases, each an objective with an optimiser of its own.

It shares each batch out among the processes, sums gradients over parts and processes, keeps a running mean of the
weights, validates on clips that are held out, logs, and saves. Stopped at any moment, it goes on to the very weights
of a run that was not.
"""

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..device import autocast
from ..errors import NumericalError, SettingsError
from ..processes import Processes
from .checkpoints import Checkpoints
from .log import Entry, Meter, TrainingLog, is_finite, thin_curve
from .parallel import OPTIMISERS, RECOMPUTATIONS, SHARDINGS, Outcome, Phase, Spread, build_optimiser, own_part
from .ranges import above_zero, at_least, shares
from .samples import Batches, Sample, Samples, to_device

OnStep = Callable[[str, int, int, dict[str, float]], None]
_SHOW_SECONDS, _LOG_SECONDS = 1.0, 10.0
_VALIDATIONS = 20  # in a whole training


@dataclass(frozen=True)
class LoopSettings:
    """What a recipe says of a stage's training.

    steps: how many in all · batch: samples of a step, over all processes · learning_rate: the peak · warmup: steps of
    linear rise, then a cosine down to a tenth · average: decay of the running mean of the weights (0 = none) ·
    optimiser: adamw or adamw8bit · validation_samples: how many held-out ones are asked twenty times in a training ·
    piece: how many samples a process computes at once at most, where that is a matter of memory (0 = its whole share).
    """

    steps: int
    batch: int
    learning_rate: float = 1e-4
    warmup: int = 50
    average: float = 0.0
    optimiser: str = "adamw"
    validation_samples: int = 32
    piece: int = 0

    def __post_init__(self) -> None:
        above_zero(self, "steps", "batch", "learning_rate")
        at_least(0, self, "warmup", "validation_samples", "piece")
        shares(self, "average")
        if self.optimiser not in OPTIMISERS:
            raise SettingsError(f"There is no optimiser {self.optimiser!r}; choose one of {', '.join(OPTIMISERS)}.")


@dataclass(frozen=True)
class Engine:
    """How a training is computed, which changes its results by no more than rounding.

    device, processes: where · sharding: none, fsdp or hsdp, where there are several processes · parts: in how many
    pieces each process computes its share of a batch at least · recompute: activations in the backward pass, for less
    memory, see parallel.RECOMPUTATIONS ·
    compile: by torch.compile · precision: see device.autocast · save_minutes: between two checkpoints · loaders:
    processes that draw the samples, 0 for a thread of this one.
    """

    device: torch.device = torch.device("cpu")
    processes: Processes = Processes()
    sharding: str = "none"
    parts: int = 1
    recompute: str = "none"
    compile: bool = False
    precision: str = "auto"
    save_minutes: float = 10.0
    loaders: int = 0

    def __post_init__(self) -> None:
        at_least(0, self, "loaders")
        if self.sharding not in SHARDINGS:
            raise SettingsError(f"There is no sharding {self.sharding!r}; choose one of {', '.join(SHARDINGS)}.")
        if self.recompute not in RECOMPUTATIONS:
            raise SettingsError(
                f"Nothing can be recomputed as {self.recompute!r}; choose one of {', '.join(RECOMPUTATIONS)}."
            )
        autocast(self.device, self.precision)  # refuses a precision that is unknown


def learning_rate(step: int, settings: LoopSettings) -> float:
    """Linear warm-up, then half a cosine from the peak to a tenth of it."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    progress = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return settings.learning_rate * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


class TrainingLoop:
    """phases: in the order in which a step runs them; the second learns from what the first hands on.

    folder: for the log and the checkpoints, from the last of which it goes on · made_by: what such a checkpoint must
    agree with, plain values; only a learning rate may be another · watch: is called with the step so many times in a
    training, to look at the weights, at their running mean where that is whole. Raises SettingsError where a batch
    cannot be shared out or a checkpoint is of other settings.
    """

    def __init__(
        self,
        name: str,
        folder: Path,
        phases: Mapping[str, Phase],
        settings: LoopSettings,
        engine: Engine,
        seed: int = 0,
        *,
        made_by: Mapping[str, Any] | None = None,
        on_step: OnStep | None = None,
        watch: Callable[[int], None] | None = None,
        watch_times: int = 0,
    ) -> None:
        self._watch, self._watch_every = watch, max(1, settings.steps // watch_times) if watch_times else 0
        self.name, self.settings, self.engine, self.seed = name, settings, engine, seed
        self.phases, self.on_step = dict(phases), on_step if engine.processes.first else None
        processes = engine.processes.count
        self._parts = max(engine.parts, -(-settings.batch // (processes * settings.piece)) if settings.piece else 1)
        shares = processes * self._parts
        if settings.batch % shares:
            raise SettingsError(
                f"A batch of {settings.batch} cannot be shared out evenly by {processes} processes in "
                f"{self._parts} parts each; give {name} a batch that is a multiple of {shares}."
            )
        choices = {"sharding": engine.sharding, "recompute": engine.recompute, "compile": engine.compile}
        self._spread = {
            key: Spread(phase, engine.processes, engine.device, **choices) for key, phase in self.phases.items()
        }
        self._optimisers = {
            key: build_optimiser(settings.optimiser, phase, self._spread[key], settings.learning_rate)
            for key, phase in self.phases.items()
        }
        self._learning = {
            f"{key}.{name}": parameter
            for key, spread in self._spread.items()
            for name, parameter in spread.parameters.items()
        }
        self._means: dict[str, torch.Tensor] = {}
        if settings.average:
            self._means = {name: parameter.detach().clone() for name, parameter in self._learning.items()}
        self.step, self.seconds = 0, 0.0
        self._began = time.monotonic()
        self.log = TrainingLog(name, folder, enabled=engine.processes.first)
        self.checkpoints = Checkpoints(folder / "checkpoints" / name, engine.processes)
        self._made_by = json.loads(json.dumps({"settings": asdict(settings), "seed": seed, **(made_by or {})}))
        if self.checkpoints.newest() is not None:
            self._restore()
        self.log.go_on_from(self.step)

    def run(self, samples: Samples, held_out: Samples | None = None) -> dict[str, Any]:
        """Train to the last step; returns the record that goes into the weights' metadata: steps, seconds, curve.

        Afterwards the objectives hold the running mean. Raises NumericalError where it diverges.
        """
        settings, processes = self.settings, self.engine.processes
        share = (processes.rank, processes.count, self._parts)
        batches = Batches(samples, self.seed, settings.batch, *share)
        meter = Meter()
        self._began = shown = logged = saved = time.monotonic()
        pinned = self.engine.device.type == "cuda"
        for parts in batches.ahead(self.step, settings.steps, self.engine.loaders, pinned=pinned):
            meter.add(self._take(parts), settings.batch)
            self.step += 1
            last, now = self.step == settings.steps, time.monotonic()
            if self.on_step is not None and (last or now - shown > _SHOW_SECONDS):
                self.on_step(self.name, self.step, settings.steps, meter.read())
                shown = now
            validate = held_out is not None and (last or self.step % max(1, settings.steps // _VALIDATIONS) == 0)
            save = last or self._agreed(now - saved > 60 * self.engine.save_minutes)
            if save or validate or self._agreed(now - logged > _LOG_SECONDS):
                self._log(meter.finish(), self._validated(held_out) if held_out is not None and validate else {})
                logged = now
            if self._watch is not None and self._watch_every and (last or self.step % self._watch_every == 0):
                self._look(self._watch)
            if save:
                self._save()
                saved = time.monotonic()
        for key, mean in self._means.items():
            own_part(self._learning[key].detach()).copy_(own_part(mean))
        curve = thin_curve(self.log.curve)
        return {"stage": self.name, "steps": self.step, "seconds": round(self.seconds, 1), "curve": curve}

    def _take(self, parts: list[Sample]) -> dict[str, torch.Tensor]:
        """One step: every phase's gradients over all parts and processes, and its optimiser. Returns the figures."""
        # chance inside of a network, where there is any, depends on the step and not on what ran before it
        torch.manual_seed(hash((self.seed, self.step, self.engine.processes.rank)) % 2**63)
        rate = learning_rate(self.step, self.settings)
        figures: dict[str, torch.Tensor] = {}
        batches: list[Sample] = [to_device(part, self.engine.device) for part in parts]
        for key, phase in self.phases.items():
            spread, optimiser = self._spread[key], self._optimisers[key]
            spread.objective.train()
            for group in optimiser.param_groups:
                group["lr"] = rate * group["rate_scale"]
            outcomes: list[Outcome] = []
            for _ in range(phase.repeats):
                optimiser.zero_grad(set_to_none=True)
                outcomes = [self._backward(spread, batch, last=batch is batches[-1]) for batch in batches]
                spread.clip_gradients(phase.clip)
                optimiser.step()
            for name in outcomes[0].figures:
                figures[name] = torch.stack([outcome.figures[name].detach() for outcome in outcomes]).mean()
            batches = [dict(outcome.handed or {}) for outcome in outcomes]
        decay = min(self.settings.average, (2 + self.step) / (11 + self.step))  # a mean of few steps forgets faster
        if self._means:
            means = [own_part(mean) for mean in self._means.values()]
            now = [own_part(self._learning[name].detach()) for name in self._means]
            torch._foreach_lerp_(means, now, 1 - decay)  # a card would wait for a call for each weight
        return figures

    def _backward(self, spread: Spread, batch: Sample, *, last: bool) -> Outcome:
        with contextlib.nullcontext() if last else spread.unsummed():
            outcome = spread(batch)
            (outcome.loss / self._parts).backward()
        return outcome

    def _look(self, watch: Callable[[int], None]) -> None:
        """Lets a watcher look at the running mean; at the weights themselves where they are sharded, and then every
        process has to compute with it.
        """
        sharded = any(spread.sharded for spread in self._spread.values())
        means = {} if sharded else self._means
        if sharded or self.engine.processes.first:
            self._exchange(means)
            watch(self.step)
            self._exchange(means)
        self.engine.processes.wait()

    def _exchange(self, means: Mapping[str, torch.Tensor]) -> None:
        """The weights take the means' place, and the other way about; nothing is copied."""
        for name, mean in means.items():
            parameter = self._learning[name]
            parameter.data, mean.data = mean.data, parameter.data

    @torch.no_grad()
    def _validated(self, held_out: Samples) -> Entry:
        """The figures of the same held-out samples every time, as `validation/NAME`."""
        processes, wanted = self.engine.processes, self.settings.validation_samples
        batch = min(self.settings.batch, max(wanted, processes.count) // processes.count * processes.count)
        if self.settings.piece:
            batch = min(batch, self.settings.piece * processes.count)
        batches = Batches(held_out, self.seed + 1, batch, processes.rank, processes.count, 1)
        meter = Meter()
        for number in range(max(1, wanted // batch)):
            (part,) = batches.of(number)
            given = to_device(part, self.engine.device)
            for spread in self._spread.values():
                spread.objective.eval()
                outcome = spread(given)
                meter.add(outcome.figures, batch)
                given = dict(outcome.handed or {})
        return {f"validation/{name}": value for name, value in meter.finish().items() if name != "samples_per_second"}

    def _log(self, entry: Entry, validation: Entry) -> None:
        """Raises NumericalError where a figure is no number: what is no longer sound is neither logged nor saved."""
        now = time.monotonic()
        self.seconds, self._began = self.seconds + now - self._began, now
        if not is_finite(entry):
            last_good = self.checkpoints.newest()
            raise NumericalError(
                f"Training of {self.name} diverged by step {self.step}; lower its learning_rate and give the command "
                f"again: {f'it continues from {last_good}' if last_good else 'it has no checkpoint yet'}."
            )
        rate = learning_rate(self.step - 1, self.settings)
        head = {"step": self.step, "seconds": round(self.seconds, 1), "learning_rate": rate}
        self.log.write({**head, **entry, **validation})

    def _agreed(self, decision: bool) -> bool:
        return self.engine.processes.agree(decision, self.engine.device)

    def _save(self) -> None:
        tensors, numbers = self._state()
        record = {"step": self.step, "seconds": self.seconds, "numbers": numbers, "made_by": self._made_by}
        self.checkpoints.save(self.step, tensors, record)

    def _restore(self) -> None:
        record = self.checkpoints.record()
        change = first_difference(_lasting(record["made_by"]), _lasting(self._made_by))
        if change is not None:
            raise SettingsError(
                f"{self.checkpoints.newest()} was made with {change}; go on with the recipe that made it, give another "
                f"--out, or delete {self.checkpoints.folder} to start this stage over."
            )
        saved = self.checkpoints.shapes()
        for key, optimiser in self._optimisers.items():
            parameters = self._spread[key].parameters
            fill_state(optimiser, parameters.values())
            for name, parameter in parameters.items():
                fields = (f"optimiser/{key}/{name}/{field}" for field in optimiser.state[parameter])
                if not any(field in saved for field in fields):  # no batch has needed it yet
                    del optimiser.state[parameter]
        self.checkpoints.load(self._state()[0])
        self.step, self.seconds = record["step"], record["seconds"]
        for key, value in record["numbers"].items():
            phase, name, field = key.split("/")
            self._optimisers[phase].state[self._spread[phase].parameters[name]][field] = value

    def _state(self) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
        """All that a training is at this moment, as it lies in memory: tensors by name, and optimisers' own numbers."""
        tensors = {f"mean/{name}": mean for name, mean in self._means.items()}
        numbers: dict[str, float] = {}
        for key, spread in self._spread.items():
            tensors |= {f"network/{key}/{name}": value for name, value in spread.objective.state_dict().items()}
            for name, parameter in spread.parameters.items():
                for field, value in self._optimisers[key].state[parameter].items():
                    if isinstance(value, torch.Tensor):
                        tensors[f"optimiser/{key}/{name}/{field}"] = value
                    else:
                        numbers[f"{key}/{name}/{field}"] = value
        return tensors, numbers


def fill_state(optimiser: torch.optim.Optimizer, parameters: Iterable[nn.Parameter]) -> None:
    """Make the state that the optimiser makes at its first step, by one that changes nothing."""
    rates = [group["lr"] for group in optimiser.param_groups]
    for parameter in parameters:
        parameter.grad = torch.zeros_like(parameter)
    for group in optimiser.param_groups:
        group["lr"] = 0.0
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    for group, rate in zip(optimiser.param_groups, rates):
        group["lr"] = rate


def _lasting(made_by: Any) -> Any:
    """What a training's numbers are apart from the learning rate, which may be lowered on the way."""
    if not isinstance(made_by, dict):
        return made_by
    return {key: _lasting(value) for key, value in made_by.items() if key != "learning_rate"}


def first_difference(before: Any, now: Any, name: str = "") -> str | None:
    """Where two trees of plain values differ first, in words: "settings.steps 10, and it is 20 now"."""
    if isinstance(before, dict) and isinstance(now, dict):
        parts = (
            first_difference(before.get(key), now.get(key), f"{name}.{key}" if name else key)
            for key in {**before, **now}
        )
        return next((part for part in parts if part is not None), None)
    return None if before == now else f"{name} {json.dumps(before)}, and it is {json.dumps(now)} now"
