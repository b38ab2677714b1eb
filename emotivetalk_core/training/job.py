"""What every stage is given beside its own settings: the networks' sizes, the data, and where and how it runs."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from ..device import autocast
from ..errors import InputError, SettingsError
from ..layers.attention_functions import AttentionFunction, matrix_product, scaled_dot_product
from ..models.presets import ModelPreset
from ..weight_files.checkpoint import (
    Config,
    DataclassInstance,
    Network,
    load_network,
    read_metadata,
    save_checkpoint,
)
from .loop import Engine, LoopSettings, OnStep, TrainingLoop
from .parallel import Phase, whole_state
from .samples import Samples
from .source import Source, stated

OF_THE_DATA = "as the data allows, see the record"
"""The licence of weights that were trained on data with a licence of its own."""

LICENCE = "Apache-2.0"
START = "start/"
"""How names of files begin that a training is given, in a folder of their own."""


class MakeSamples(Protocol):
    def __call__(self, *, held_out: bool) -> Samples: ...


def provenance_of(folders: Sequence[Path]) -> dict[str, Any]:
    """What a file says of the data that it was made of: its digest, and licence and consent as they were stated."""
    said = [each for folder in folders if (each := stated(folder))]
    return {"digest": Source.open(*folders).digest, "stated": said}


@dataclass(frozen=True)
class Job:
    """recipe: its name · folder: the weights folder being filled; `folder/training` holds data, checkpoints and logs,
    and can be deleted afterwards · data: folders of clips, beside which `features` collects what networks say of them ·
    start: the folder of weights that a training begins with, whose files are called `start/NAME`.
    """

    recipe: str
    preset: ModelPreset
    folder: Path
    data: tuple[Path, ...]
    engine: Engine
    seed: int
    on_step: OnStep | None = None
    start: Path | None = None

    @property
    def work(self) -> Path:
        return self.folder / "training"

    @property
    def features(self) -> Path:
        return self.work / "features"

    @property
    def device(self) -> torch.device:
        return self.engine.device

    @property
    def attention(self) -> AttentionFunction:
        """Attention as two matrix products on the CPU, where the fused form's backward pass in bfloat16 is many times
        slower.
        """
        return matrix_product if self.device.type == "cpu" else scaled_dot_product

    def source(self) -> Source:
        """The data as it lies there now."""
        return Source.open(*self.data, self.features)

    def weights(self, name: str) -> Path:
        """The file of a network: of this folder, of `start/…`, or a path that ends in .safetensors."""
        if name.endswith(".safetensors"):
            return Path(name)
        folder, inside = (self.start, name.removeprefix(START)) if name.startswith(START) else (self.folder, name)
        return (folder or self.folder / START) / f"{inside}.safetensors"

    @property
    def provenance(self) -> dict[str, Any]:
        """What every trained file says: by which recipe, of which data, and what was stated of it."""
        return {"recipe": self.recipe, "data": provenance_of(self.data)}

    def licensed(self, start: str) -> str:
        """The licence of weights that began with some under the licence `start`."""
        parts = [start] * (start != LICENCE) + [OF_THE_DATA] * bool(self.provenance["data"]["stated"])
        return "; ".join(parts) or LICENCE

    @property
    def lowers_precision(self) -> bool:
        """Whether the training computes in a shorter format than its weights have."""
        return not isinstance(self.autocast(), contextlib.nullcontext)

    def autocast(self) -> contextlib.AbstractContextManager:
        return autocast(self.device, self.engine.precision)

    def load(
        self,
        name: str,
        kind: str,
        build: Callable[..., Network],
        config: type[Config],
        *,
        expected: DataclassInstance | None = None,
        grown: Callable[[Network], Network] = lambda network: network,
    ) -> Network:
        """The network in a weights file: `name` is one of this folder, or a path that ends in .safetensors.

        expected: the config that it must have · grown: what is made of it first. SettingsError where the file is
        missing or of other widths.
        """
        path = self.weights(name)
        if not path.is_file():
            raise SettingsError(
                f"{path} does not exist, and a stage starts from it; train the stage that makes it, or name another "
                "file."
            )
        network = grown(load_network(path, kind, build, config, self.device))
        found: Any = network.config
        if expected is not None and found != expected:
            mine, its = asdict(expected), asdict(found)
            differing = next(key for key in mine if mine[key] != its.get(key))
            raise SettingsError(
                f"{path} has {differing} {its.get(differing)}, but the recipe's preset has {mine[differing]}; give "
                "weights of the preset's own widths."
            )
        return network

    def licence(self, start: str, kind: str) -> str:
        """That of the weights which a network begins with; this project's where it begins with nothing."""
        return read_metadata(self.weights(start), kind).get("licence", LICENCE) if start else LICENCE

    def train(
        self,
        name: str,
        phases: Mapping[str, Phase],
        settings: LoopSettings,
        make_samples: MakeSamples,
        made_by: DataclassInstance | None = None,
        *,
        watch: Callable[[int], None] | None = None,
        watch_times: int = 0,
    ) -> dict[str, Any]:
        """Run a stage's loop and return its record. make_samples is asked for the held-out ones too; where it has none
        (InputError), nothing is validated.

        made_by: the stage's settings, which a checkpoint has to agree with · watch, watch_times: as TrainingLoop's.
        """
        samples = make_samples(held_out=False)
        try:
            held_out = make_samples(held_out=True) if settings.validation_samples else None
        except InputError:
            held_out = None
        described = {"recipe": self.recipe, "preset": asdict(self.preset)}
        if made_by is not None:
            described["stage"] = asdict(made_by)
        loop = TrainingLoop(
            name,
            self.work,
            phases,
            settings,
            self.engine,
            self.seed,
            made_by=described,
            on_step=self.on_step,
            watch=watch,
            watch_times=watch_times,
        )
        return loop.run(samples, held_out)

    def save(
        self,
        name: str,
        kind: str,
        network: nn.Module,
        config: DataclassInstance,
        record: Mapping[str, Any],
        *,
        half: bool = False,
        defaults: DataclassInstance | None = None,
        after: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]] | None = None,
        licence: str = LICENCE,
    ) -> None:
        """Write a network's weights, gathered from all processes; half: in float16, which loading widens again · after:
        what is made of them before they are written · licence: of weights that begin with others'.

        Their record says by which recipe, of which data, and what was stated of it: licence and consent. Weights made
        of such data have no licence of ours.
        """
        state = whole_state(network)
        state = after(state) if after else state
        if self.engine.processes.first:
            tensors = {key: value.half() if half else value for key, value in state.items()}
            full_record = {**record, **self.provenance}
            licence = self.licensed(licence)
            save_checkpoint(self.weights(name), kind, tensors, config, full_record, defaults=defaults, licence=licence)
        self.engine.processes.wait()
