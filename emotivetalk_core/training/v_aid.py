"""Stage 4: V-AID (EmotiveTalk §3.2, eq. 4-8): the audio-lip projector, Di-CTE, and the CLUB estimator that keeps
their outputs apart.

One main step with the estimator at rest, then `ESTIMATOR_STEPS` of the estimator on detached latents. Afterwards both
are frozen.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..audio.feature_windows import feature_windows
from ..diffusion.dicte_schedule import TRAINING_STEPS, add_noise
from ..models.checkpoint import load_network, save_checkpoint
from ..models.club import CLUBSample
from ..models.dicte import DiCTE, DiCTEConfig
from ..models.lip_projector import LipProjector, LipProjectorConfig
from ..models.presets import DEMO
from .features import audio_features, cached, speech_features, still_features, vision_features
from .loop import TrainingLoop, step_optimiser
from .losses import expression_loss, lip_loss, v_aid_loss
from .stage import Stage
from .undrawn import undrawn_latents

ESTIMATOR_STEPS = 5
LIP_FRAMES = 48  # of each clip's 220 that one step asks of the projector: enough negatives, a quarter of the work
KNOWN_PREFIX = 0.8  # share of clips whose first frames are given clean (§6.4, "randomly cat … 0.8")
DROP_EMOTION = 0.1
RECUT = 0.5
"""Share of clips that are pieced together from several, so that the emotion changes on the way: e_cond is then that of
each piece. The paper's e_cond is one for a whole clip; a timeline of emotions needs a network that has met changes.
[we]
"""
PIECE_FRAMES, FADE_FRAMES = (12, 120), 12  # lengths of such pieces; the longest change from one to the next
ENDED = 0.3  # share of clips that end early and hold their last audio, as the sampler fills up a short speech
CLUB_WEIGHT = 1 / DEMO.dicte.expression_dim
"""The paper's weight of 1 is beside a squared norm, a sum over channels; our losses are means over them."""


@dataclass(frozen=True)
class Batch:
    """audio [b, n, 10, c] · lip [b, n, lip] · expression [b, n, e] · identity [b, d] · emotion [b, n, e], e_cond of
    each frame · counts [b, n]: 1 where a frame is of the clip, 0 after its end.
    """

    audio: torch.Tensor
    lip: torch.Tensor
    expression: torch.Tensor
    identity: torch.Tensor
    emotion: torch.Tensor
    counts: torch.Tensor


def train_v_aid(stage: Stage) -> None:
    """Writes lip_projector.safetensors and dicte.safetensors."""
    settings = stage.settings
    torch.manual_seed(settings.seed)
    projector = LipProjector(DEMO.lip_projector, attention=stage.attention).to(stage.device)
    dicte = DiCTE(DEMO.dicte, attention=stage.attention).to(stage.device)
    club = CLUBSample(DEMO.lip_projector.lip_dim, DEMO.dicte.expression_dim, 128).to(stage.device)
    main = torch.optim.AdamW([*projector.parameters(), *dicte.parameters()], lr=1e-4, weight_decay=0.01)
    estimator = torch.optim.Adam(club.parameters(), lr=1e-4)
    estimator.param_groups[0]["rate_scale"] = 1e-4 / settings.v_aid.learning_rate
    talks = Talks(stage)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        batch = pieced_together(talks.draw(settings.v_aid_batch, generator), generator)
        shown = cut_short(batch, generator)
        with stage.autocast():
            start = int(torch.randint(batch.lip.shape[1] - LIP_FRAMES + 1, (1,), generator=generator))
            frames = slice(start, start + LIP_FRAMES)
            lip = projector(batch.audio[:, frames]).float()  # [b, LIP_FRAMES, lip]
            expression, known = estimate_expression(dicte, shown, generator)
        true_lip = batch.lip[:, frames]
        lip_part = lip_loss(lip, true_lip)
        expression_part = expression_loss(expression, batch.expression, torch.maximum(known, 1 - shown.counts))
        club.eval()
        pairs = lip.flatten(0, 1), expression[:, frames].flatten(0, 1)
        bound = club(*pairs)
        step_optimiser(
            v_aid_loss(lip_part, expression_part, bound.clamp_min(0), CLUB_WEIGHT), main
        )  # no information is less than none
        club.train()
        frozen = tuple(part.detach() for part in pairs)
        for _repeat in range(ESTIMATOR_STEPS):
            fit = club.learning_loss(*frozen)
            step_optimiser(fit, estimator)
        return {
            "lip": lip_part.detach(),
            "expression": expression_part.detach(),
            "club": bound.detach(),
            "estimator": fit.detach(),
            "lip_error": (lip.detach() - true_lip).square().mean(),
        }

    modules = {"projector": projector, "dicte": dicte, "club": club}
    optimisers = {"main": main, "estimator": estimator}
    loop = TrainingLoop("v_aid", stage.states, modules, optimisers, settings.v_aid, settings.seed, stage.on_step)
    record = loop.run(step)
    save_checkpoint(stage.weights("lip_projector"), "lip_projector", projector, DEMO.lip_projector, record)
    save_checkpoint(stage.weights("dicte"), "dicte", dicte, DEMO.dicte, record)


class Talks:
    """The clips that V-AID learns from, drawn and undrawn ones in equal parts: the drawn ones are few, and alone they
    are learnt by heart.
    """

    def __init__(self, stage: Stage) -> None:
        self.device = stage.device
        self.audio, self.vision = audio_features(stage), vision_features(stage)
        self.heard, self.undrawn = speech_features(stage), undrawn_latents(stage)
        self.people = still_features(stage)["identity"]

    def draw(self, count: int, generator: torch.Generator) -> Batch:
        """Random clips. A drawn one comes with a random one of its portraits as x_ref, another with anyone's: who
        speaks has no say in what the drawn faces do.
        """
        drawn = (count + 1) // 2
        clips, portraits = self.vision["identity"].shape[:2]
        c = torch.randint(clips, (drawn,), generator=generator).numpy()
        r = torch.randint(portraits, (drawn,), generator=generator).numpy()
        s = torch.randint(len(self.heard), (count - drawn,), generator=generator).numpy()
        p = torch.randint(len(self.people), (count - drawn,), generator=generator).numpy()

        def both(seen: np.ndarray, unseen: np.ndarray) -> torch.Tensor:
            return torch.cat([_tensor(seen, self.device), _tensor(unseen, self.device)])

        frames = self.audio.shape[1]
        windows = [feature_windows(features, frames) for features in _tensor(self.heard[s], self.device)]
        expression = both(self.vision["expression"][c], self.undrawn["expression"][s])
        return whole_clips(
            audio=torch.cat([_tensor(self.audio[c], self.device), *(w[None] for w in windows)]),
            lip=both(self.vision["lip"][c], self.undrawn["lip"][s]),
            expression=expression,
            identity=both(self.vision["identity"][c, r], self.people[p]),
        )


def whole_clips(audio: torch.Tensor, lip: torch.Tensor, expression: torch.Tensor, identity: torch.Tensor) -> Batch:
    """Clips as they are: e_cond is the expression of the first frame (EmotiveTalk §6.4)."""
    emotion = expression[:, :1].expand_as(expression)
    return Batch(audio, lip, expression, identity, emotion, torch.ones_like(expression[..., 0]))


def pieced_together(batch: Batch, generator: torch.Generator) -> Batch:
    """A share RECUT of the clips [b] made of pieces of the batch's, each where it lay in time, with e_cond of each
    piece its first frame's. From piece to piece the expression and e_cond fade; sound and lips change at once.
    """
    clips, frames = batch.expression.shape[:2]
    audio, lip, expression, emotion = (
        values.clone() for values in (batch.audio, batch.lip, batch.expression, batch.emotion)
    )
    for clip in range(clips):
        if float(torch.rand(1, generator=generator)) >= RECUT:
            continue
        at = _between(*PIECE_FRAMES, generator)
        while at < frames:
            other, length = _between(0, clips, generator), _between(*PIECE_FRAMES, generator)
            fade = _between(1, FADE_FRAMES + 1, generator)
            rising = ((torch.arange(frames - at) + 1) / (fade + 1)).clamp(max=1)[:, None].to(expression)
            audio[clip, at:], lip[clip, at:] = batch.audio[other, at:], batch.lip[other, at:]
            expression[clip, at:] = torch.lerp(expression[clip, at:], batch.expression[other, at:], rising)
            emotion[clip, at:] = torch.lerp(emotion[clip, at:], batch.expression[other, at], rising)
            at += length
    return Batch(audio, lip, expression, batch.identity, emotion, batch.counts)


def cut_short(batch: Batch, generator: torch.Generator) -> Batch:
    """A share ENDED of the clips cut off somewhere, what is heard and asked for held from there."""
    audio, emotion, counts = batch.audio.clone(), batch.emotion.clone(), batch.counts.clone()
    for clip in range(len(audio)):
        if float(torch.rand(1, generator=generator)) < ENDED:
            end = _between(PIECE_FRAMES[0], audio.shape[1], generator)
            audio[clip, end:], emotion[clip, end:] = audio[clip, end - 1].clone(), emotion[clip, end - 1].clone()
            counts[clip, end:] = 0
    return replace(batch, audio=audio, emotion=emotion, counts=counts)


def _between(low: int, high: int, generator: torch.Generator) -> int:
    return int(torch.randint(low, high, (1,), generator=generator))


def _tensor(values: np.ndarray, device: torch.device) -> torch.Tensor:
    return torch.from_numpy(values.astype(np.float32)).to(device)


def estimate_expression(dicte: DiCTE, batch: Batch, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """One denoising of e_v from a random t (eq. 7): the x0 estimate [b, n, e], which is the e_bar_a of training, and
    the known mask [b, n].

    The known prefix goes in clean, as the sampler hands it over.
    """
    count, frames = batch.expression.shape[:2]
    device = batch.expression.device
    t = torch.randint(TRAINING_STEPS, (count,), generator=generator).to(device)
    noise = torch.randn(batch.expression.shape, generator=generator).to(device)
    known = torch.zeros(count, frames, device=device)
    known[:, : dicte.config.prefix] = (torch.rand(count, 1, generator=generator) < KNOWN_PREFIX).float().to(device)
    noisy = torch.where(known[..., None] > 0, batch.expression, add_noise(batch.expression, t, noise))
    dropped = (torch.rand(count, generator=generator) < DROP_EMOTION).to(device)
    estimate = dicte(noisy, t, batch.audio, batch.identity, batch.emotion, known, emotion_dropped=dropped)
    return estimate.float(), known


def audio_latents(stage: Stage) -> dict[str, np.ndarray]:
    """What the frozen V-AID says of every clip, for the ETHD stage: lip [c, n, lip] = l_a and expression [c, n, e] =
    e_a (the estimate from a random t, so that it stays with the frames it is to drive).
    """
    projector = load_network(
        stage.weights("lip_projector"), "lip_projector", LipProjector, LipProjectorConfig, stage.device
    )
    dicte = load_network(stage.weights("dicte"), "dicte", DiCTE, DiCTEConfig, stage.device)
    audio, vision = audio_features(stage), vision_features(stage)
    generator = torch.Generator().manual_seed(stage.settings.seed)

    def lips() -> np.ndarray:
        with torch.inference_mode():
            return np.stack([projector(_tensor(a, stage.device)).cpu().numpy().astype(np.float16) for a in audio])

    def expressions() -> np.ndarray:
        found = []
        with torch.inference_mode():
            for c in range(len(audio)):
                parts = (
                    audio[c : c + 1],
                    vision["lip"][c : c + 1],
                    vision["expression"][c : c + 1],
                    vision["identity"][c : c + 1, 0],
                )
                clip = whole_clips(*(_tensor(part, stage.device) for part in parts))
                estimate, _ = estimate_expression(dicte, clip, generator)
                found.append(estimate[0].cpu().numpy().astype(np.float16))
        return np.stack(found)

    folder = stage.states / "features"
    return {
        "lip": cached(folder / "lip_from_audio.npy", lips),
        "expression": cached(folder / "expression_from_audio.npy", expressions),
    }
