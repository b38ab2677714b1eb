"""How the probe of faces (models/face_probe.py) learns, and what reads how heads stand.

They learn from heads that were drawn or rendered, never from generated frames, and share nothing with the networks they
judge. Their own errors on true pictures of unseen heads are measured and reported beside every figure they give.
"""

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from ..device import autocast
from ..face.crops import pictures
from ..models.face_probe import BUNDLED_PROBE, FaceProbe, FaceProbeConfig, load_probe
from ..models.head_pose_reader import HeadPoseReader, HeadPoseReaderConfig
from ..recipes.demo import RECIPE as DEMO_RECIPE
from ..recipes.drawn_heads import DrawnSettings, prepare_kind
from ..recipes.rendered_people import RenderedSettings, prepare_rendered_people
from ..synthesis.people.render import require_renderer
from ..training.loop import Engine, LoopSettings, OnStep, TrainingLoop
from ..training.parallel import Outcome, Phase
from ..training.samples import Sample, of_step, random_below
from ..training.source import Source
from ..training.trunk import augment
from ..weight_files.checkpoint import load_network, save_checkpoint

PROBE_LOOP = LoopSettings(steps=700, batch=32, learning_rate=1e-3, warmup=50, average=0.99, validation_samples=0)
PEOPLE_PROBE_LOOP = replace(PROBE_LOOP, steps=400)
"""Fewer steps, for it begins as the probe of drawn heads."""

PROBE_SEED = 5
"""Not the recipes': the probe shares nothing with the networks that it judges."""

PEOPLE = RenderedSettings(stills=400, stills_each=4, held_out_stills=0, picture=128, workers=2)
"""Whom the probe of both kinds learns from beside drawn heads: fewer than of those, for a person takes a fifth of a
second to set up, and a picture of one seven times as long as a drawing."""


def train_probes(
    data: Path,
    out: Path,
    *,
    heads: str = "drawn",
    loop: LoopSettings | None = None,
    drawn: DrawnSettings = DEMO_RECIPE.data,
    people: RenderedSettings = PEOPLE,
    on_step: OnStep | None = None,
) -> None:
    """Trains the probe of drawn heads on the stills in `data`, the folder `training/data` of a demo training, and
    writes it to `out`; for heads "rendered" the one that reads both kinds: it begins as the bundled probe of drawn ones
    and learns from people in `data/people`, too.

    What is not there yet is drawn and rendered first. Training can be stopped and goes on from `data/probe`, or from
    `data/people/probe`. Raises SettingsError where people cannot be rendered.
    """
    both = heads == "rendered"
    if both:
        require_renderer()
    prepare_kind("stills", data, DEMO_RECIPE.seed, drawn, on_step)
    place = data / "people" if both else data
    if both:
        prepare_rendered_people(place, PROBE_SEED, people, on_step, kinds=("stills",))
    loop = loop or (PEOPLE_PROBE_LOOP if both else PROBE_LOOP)
    engine = Engine(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    torch.manual_seed(PROBE_SEED)
    probe = load_probe(BUNDLED_PROBE).requires_grad_(True) if both else FaceProbe(FaceProbeConfig())
    objective = Probing(probe, functools.partial(autocast, engine.device))
    samples = StillPairs([Source.open(source) for source in dict.fromkeys((data, place))], loop.batch)
    training = TrainingLoop(
        "probe", place / "probe", {"main": Phase(objective, decay=0.02)}, loop, engine, PROBE_SEED, on_step=on_step
    )
    record = training.run(samples)
    state = probe.state_dict()
    if both:
        record["heads"] = "drawn and rendered, from the probe of drawn ones"
        state = {name: value.half() for name, value in state.items()}  # half the size; loading widens it again
    save_checkpoint(out, "face_probe", state, probe.config, record)


class StillPairs:
    """Two faces of one person, softened as generated frames are; the samples of one step show as many people, of the
    sources in turn."""

    def __init__(self, sources: Sequence[Source], batch: int) -> None:
        self._batch = batch
        fields = ("stills", "pictures", "mouth", "action_units", "emotion")
        self._sets = [(source, source.some_clips(*fields)) for source in sources]

    def draw(self, step: int, index: int, generator: torch.Generator) -> Sample:
        source, clips = self._sets[index % len(self._sets)]
        people = torch.randperm(len(clips), generator=of_step(PROBE_SEED, step))
        clip = clips[people[index % self._batch // len(self._sets) % len(people)]]
        each = clip.rows("pictures")
        first = random_below(each, generator)
        second = (first + 1 + random_below(each - 1, generator)) % each
        read = {
            name: torch.cat([source.read(clip, name, k, k + 1) for k in (first, second)])
            for name in ("pictures", "mouth", "action_units", "emotion")
        }
        faces = pictures(read["pictures"].numpy(), torch.device("cpu"))
        return {
            "faces": soften(augment(faces, generator), generator)[None],
            "opening": read["mouth"][None, :, 0],
            "action_units": read["action_units"][None],
            "emotion": read["emotion"].long()[None],
        }


class Probing(nn.Module):
    """All that the probe reads. Identities: the pairs of one person are told apart from all other pairs (InfoNCE)."""

    def __init__(self, probe: FaceProbe, autocast: Callable[[], contextlib.AbstractContextManager]) -> None:
        super().__init__()
        self.probe, self._autocast = probe, autocast

    def forward(self, batch: Mapping[str, torch.Tensor]) -> Outcome:
        # all first faces, then all second ones
        flat = {name: values.transpose(0, 1).flatten(0, 1) for name, values in batch.items()}
        with self._autocast():
            read = self.probe(flat["faces"])
        opening = F.mse_loss(read.opening.float(), flat["opening"])
        units = F.mse_loss(read.action_units.float(), flat["action_units"])
        emotion = F.cross_entropy(read.emotion.float(), flat["emotion"], label_smoothing=0.05)
        first, second = read.identity.float().chunk(2)
        similarity = first @ second.T / 0.07
        target = torch.arange(len(first), device=first.device)
        person = (F.cross_entropy(similarity, target) + F.cross_entropy(similarity.T, target)) / 2
        figures = {"opening": opening, "units": units, "emotion": emotion, "identity": person}
        return Outcome(20 * opening + 10 * units + emotion + person, figures)


def soften(faces: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Half of the pictures lose detail: shrunk to 64…112 pixels and enlarged again, all to the same size."""
    size = int(torch.randint(64, 113, (1,), generator=generator))
    soft = F.interpolate(F.interpolate(faces, size=(size, size), mode="area"), size=faces.shape[-2:], mode="bilinear")
    chosen = torch.rand(faces.shape[0], 1, 1, 1, generator=generator).to(faces.device) < 0.5
    return torch.where(chosen, soft, faces)


def load_head_probe(path: Path) -> Callable[[torch.Tensor], np.ndarray]:
    """What reads how heads stand: frames [n, 3, s, s] in 0…1 -> [n, 6] as types.HeadPose, from no portrait's zero.

    A network of the generator's own kind, but another one: its weights come from another seed and drive nothing.
    """
    network = load_network(path, path.stem, HeadPoseReader, HeadPoseReaderConfig)

    @torch.no_grad()
    def read(frames: torch.Tensor) -> np.ndarray:
        return torch.cat([network(part) for part in frames.split(64)]).numpy()

    return read
