"""What frozen networks say of the clips, computed once: fields beside those that the clips came with.

Streamed to disk shard by shard, each process its own share of them; stopped at any moment, the rest is made next time.
"""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import torch

from ..audio.feature_windows import FEATURES_PER_FRAME, feature_windows
from ..face.crops import pictures
from ..face.head_turn import turn_head
from ..models.dicte import DiCTE, DiCTEConfig
from ..models.lip_projector import LipProjector, LipProjectorConfig
from ..models.motion_encoder import MotionEncoder, MotionEncoderConfig
from ..models.speech_encoder import SpeechEncoder
from ..models.vae import encode_modes
from ..models.vae_checkpoint import load_vae
from ..models.wav2vec2 import SpeechEncoderConfig
from .estimate import chances_of, estimate_expression
from .faces import check_size, encoder_faces, latents_field, sized
from .job import Job
from .samples import keyed_generator, to_device
from .source import Clip, Source, check_latents
from .source_writer import SourceWriter, WrittenClip, write_shard
from .surroundings import as_recorded

BATCH = 64
_ROWS = 1024  # of the clips in a shard, together

Fields = Mapping[str, torch.Tensor]
Compute = Callable[[Clip], Fields]


def add_fields(
    job: Job, shards: str, clips: Iterable[Clip], names: Sequence[str], prepare: Callable[[], Compute]
) -> None:
    """Write the fields `names` of those clips that lack one, by what `prepare` returns; it is called where any does.

    shards: the beginning of the shards' names, a stage's own.
    """
    missing = [clip for clip in clips if not all(name in clip.fields for name in names)]
    processes = job.engine.processes
    if missing:
        writer = SourceWriter(job.features, f"index-{shards}-{processes.rank}")
        compute = prepare()
        groups = _grouped(missing)[processes.rank :: processes.count]
        for done, group in enumerate(groups, 1):
            with torch.inference_mode():
                written = [
                    WrittenClip(clip.id, {name: value.half() for name, value in compute(clip).items()})
                    for clip in group
                ]
            name = f"{shards}-{zlib.crc32(''.join(clip.id for clip in group).encode()):08x}.safetensors"
            writer.add(write_shard(job.features, name, written))
            if job.on_step is not None:
                job.on_step(f"features: {shards}", done, len(groups), {})
    processes.wait()


def forget_fields(job: Job, *shards: str) -> None:
    """Removes what `add_fields` wrote under names that begin so, lists before shards; other processes wait."""
    if job.engine.processes.first:
        for start in shards:
            for file in (*job.features.glob(f"index-{start}-*"), *job.features.glob(f"{start}-*")):
                file.unlink()
    job.engine.processes.wait()


def _grouped(clips: Sequence[Clip]) -> list[list[Clip]]:
    groups: list[list[Clip]] = []
    rows = _ROWS
    for clip in clips:
        if rows >= _ROWS:
            groups.append([])
            rows = 0
        groups[-1].append(clip)
        rows += clip.frames
    return groups


def over_pictures(
    source: Source,
    clip: Clip,
    read: Callable[[torch.Tensor], torch.Tensor],
    device: torch.device,
    last: int | None = None,
) -> torch.Tensor:
    """What `read` makes of a clip's pictures [b, 3, s, s] in batches: [n, …] on the CPU; last: of the first ones
    only.
    """
    frames = min(clip.rows("pictures"), last or clip.frames)
    return torch.cat(
        [
            read(pictures(source.read(clip, "pictures", start, min(start + BATCH, frames)).numpy(), device))
            .float()
            .cpu()
            for start in range(0, frames, BATCH)
        ]
    )


def add_latents(job: Job, kinds: Sequence[str], last: int | None = None, size: int = 0) -> None:
    """latents: unscaled VAE modes of all pictures, or of the first `last` of each clip; size: of the pictures, 0 for
    the preset's. Beside latents of another size they are called `latents_SIDE`. Raises InputError where the data came
    with those of another autoencoder.
    """
    source = job.source()
    size = size or job.preset.sampling.size
    side = size // job.preset.vae.pixels_per_latent
    check_latents(job.data, job.weights("vae"))

    def prepare() -> Compute:
        encode = _encode(job)

        def compute(clip: Clip) -> Fields:
            check_size(clip, size)
            read = over_pictures(source, clip, lambda faces: encode(sized(faces, size)), job.device, last)
            return {latents_field(clip, side): read}

        return compute

    for name in ("latents", f"latents_{side}"):
        clips = [clip for clip in _of_kinds(source, kinds, "pictures") if latents_field(clip, side) == name]
        add_fields(job, name.replace("_", "-"), clips, [name], prepare)


def add_guides(job: Job, kinds: Sequence[str]) -> None:
    """guides: latents of the clip's first portrait, its head turned as in each frame that has latents."""
    source = job.source()

    def prepare() -> Compute:
        encode = _encode(job)

        def compute(clip: Clip) -> Fields:
            portrait = source.portraits(clip)[0]
            frames = clip.rows("latents")
            moves = relative_pose(source.read(clip, "pose", 0, frames), source.read(portrait, "pose", 0, 1)).to(
                job.device
            )
            picture = pictures(source.read(portrait, "pictures", 0, 1).numpy(), job.device)
            box = source.read(portrait, "face_box", 0, 1).to(job.device)
            guides = []
            for part in moves.split(BATCH):
                with job.autocast():
                    guides.append(encode(turn_head(picture, box, part).clamp(0, 1)).float().cpu())
            return {"guides": torch.cat(guides)}

        return compute

    clips = [
        clip
        for clip in _of_kinds(source, kinds, "latents", "pose")
        if {"pose", "face_box", "pictures"} <= source.portraits(clip)[0].fields.keys()
    ]
    add_fields(job, "guides", clips, ["guides"], prepare)


def relative_pose(pose: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Poses [..., 6] of heads seen from that of their portrait [..., 6], as in types.HeadPose."""
    relative = pose - reference
    relative[..., 5] = pose[..., 5] / reference[..., 5]
    return relative.float()


def add_readings(job: Job, kinds: Sequence[str]) -> None:
    """lip, expression and identity of all pictures, by the motion encoder; where a drawn twin does the same, it reads
    the twin, whom it knows better.
    """
    source = job.source()

    def prepare() -> Compute:
        encoder = job.load("motion_encoder", "motion_encoder", MotionEncoder, MotionEncoderConfig)

        def read(faces: torch.Tensor) -> torch.Tensor:
            with job.autocast():
                latents = encoder(faces)
            return torch.cat([latents.lip, latents.expression, latents.identity], -1)

        config = encoder.config
        widths = [encoder.config.lip_dim, encoder.config.expression_dim, encoder.config.trunk_dim]

        def compute(clip: Clip) -> Fields:
            starts = range(0, clip.frames, BATCH)
            ends = [min(start + BATCH, clip.frames) for start in starts]
            seen = "twin" if "twin" in clip.fields else "pictures"
            faces = (encoder_faces(source, clip, *frames, config, job.device, seen) for frames in zip(starts, ends))
            parts = torch.cat([read(each).float().cpu() for each in faces]).split(widths, -1)
            return dict(zip(("lip", "expression", "identity"), (part.contiguous() for part in parts)))

        return compute

    add_fields(job, "readings", _of_kinds(source, kinds, "pictures"), ["lip", "expression", "identity"], prepare)


def add_speech(job: Job, kinds: Sequence[str], recorded: int = 0) -> None:
    """speech: the speech encoder's features, two for each frame; recorded: as many more times in other surroundings
    (training/surroundings.py), as speech_1 and so on.
    """
    source = job.source()

    def prepare() -> Compute:
        encoder = job.load("speech_encoder", "speech_encoder", SpeechEncoder, SpeechEncoderConfig)

        def compute(clip: Clip) -> Fields:
            samples, said = source.read(clip, "samples").float(), {}
            for version, name in enumerate(names):
                rng = np.random.default_rng([job.seed, zlib.crc32(clip.id.encode()), version])
                sound = torch.from_numpy(as_recorded(rng, samples.numpy())) if version else samples
                said[name] = _resampled(encoder(sound[None].to(job.device))[0], clip.frames).cpu()
            return said

        return compute

    names = ["speech", *(f"speech_{version}" for version in range(1, recorded + 1))]
    add_fields(job, "speech", _of_kinds(source, kinds, "samples"), names, prepare)


def _resampled(features: torch.Tensor, frames: int) -> torch.Tensor:
    """Exactly two features for each frame, so that any piece of a clip can be cut out."""
    length = frames * FEATURES_PER_FRAME
    if len(features) == length:
        return features
    return torch.nn.functional.interpolate(features.T[None], size=length, mode="linear", align_corners=False)[0].T


def windows(source: Source, clip: Clip, start: int, stop: int, name: str = "speech") -> torch.Tensor:
    """A_w of frames start…stop of a clip: [stop - start, 10, c], of the field `name`. Neighbours that a clip has are
    heard.
    """
    context = 2  # frames on either side that a window reaches
    first, last = max(0, start - context), min(clip.frames, stop + context)
    features = source.read(clip, name, first * FEATURES_PER_FRAME, last * FEATURES_PER_FRAME).float()
    return feature_windows(features, last - first)[start - first : stop - first]


def add_heard(job: Job, kinds: Sequence[str]) -> None:
    """lip_heard = l_a and expression_heard = e_a, as the frozen V-AID says them (the estimate from a random t, so that
    it stays with the frames it is to drive), for the ETHD stage. Longer clips are heard in pieces.
    """
    source = job.source()

    def prepare() -> Compute:
        projector = job.load("lip_projector", "lip_projector", LipProjector, LipProjectorConfig)
        dicte = job.load("dicte", "dicte", DiCTE, DiCTEConfig)

        def compute(clip: Clip) -> Fields:
            generator = keyed_generator(job.seed, zlib.crc32(clip.id.encode()))
            identity = source.read(source.portraits(clip)[0], "identity", 0, 1).float().to(job.device)
            lips, expressions = [], []
            for start in range(0, clip.frames, dicte.config.tokens):
                stop = min(start + dicte.config.tokens, clip.frames)
                audio = windows(source, clip, start, stop)[None].to(job.device)
                expression = source.read(clip, "expression", start, stop).float()[None].to(job.device)
                chances = to_device(chances_of(dicte.config, stop - start, generator), job.device)
                emotion = expression[:, :1].expand_as(expression)
                estimate, _ = estimate_expression(dicte, audio, expression, identity, emotion, chances)
                lips.append(projector(audio)[0].cpu())
                expressions.append(estimate[0].cpu())
            return {"lip_heard": torch.cat(lips), "expression_heard": torch.cat(expressions)}

        return compute

    clips = [
        clip
        for clip in _of_kinds(source, kinds, "speech", "expression")
        if "identity" in source.portraits(clip)[0].fields
    ]
    add_fields(job, "heard", clips, ["lip_heard", "expression_heard"], prepare)


def _encode(job: Job) -> Callable[[torch.Tensor], torch.Tensor]:
    vae = load_vae(job.weights("vae"), job.device)

    def encode(faces: torch.Tensor) -> torch.Tensor:
        with job.autocast():
            return encode_modes(vae, faces)

    return encode


def _of_kinds(source: Source, kinds: Sequence[str], *fields: str) -> list[Clip]:
    return [clip for kind in kinds for clip in source.clips(kind, *fields, held_out=None)]
