"""`talk`: a portrait and a recording become a video file."""

import argparse
import time
from dataclasses import dataclass, field, replace
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from ..errors import FaceError, OutputError, SettingsError
from . import values
from .direction import directed, keep_take, with_codebook
from .direction_options import Direction, add_direction_options, check_direction, direction_of
from .faults import FACE_BOX, face_fault
from .files import same_file, state_folder
from .performance import profiled, seconds_line
from .photograph_options import add_photograph_options, refuse_photograph_options
from .progress import Forecast, StageBars

if TYPE_CHECKING:
    from ..face.finder import FaceDetector
    from ..models.model_set import ModelSet
    from ..pipeline import TalkSettings
    from ..types import CropRecord, FaceRegions, Portrait

Value = TypeVar("Value")

BOX_OPTION = f"--face-box {' '.join(FACE_BOX)}"
BUNDLED_WEIGHTS = Path(__file__).parent.parent / "weights" / "demo"
_OTHER_WEIGHTS = (
    "Take a portrait of the kind they know (the bundled ones: a frame of what `synthesize` draws), or other --weights."
)
LARGEST_SIDE = 1024
"""Pixels. A video of a whole photograph as the camera took it would play nowhere and take minutes to encode."""


@dataclass(frozen=True)
class TalkJob:
    """What `talk` was asked for. None: as the weights' own record says (grid, steps, window, overlap, motion,
    resolution).
    """

    portrait: Path
    audio: Path
    out: Path
    weights: Path | None = None
    device: str = "auto"
    direction: Direction = field(default_factory=Direction)
    lip_strength: float = 1.0
    emotion_strength: float | None = None
    lip_guidance: float | None = None
    picture_guidance: float | None = None
    no_interpolation: bool = False
    seed: int = 0
    grid: str | None = None
    steps: int | None = None
    window: int | None = None
    overlap: int | None = None
    face_box: tuple[float, float, float, float] | None = None
    crop: bool = False
    size: int = LARGEST_SIDE
    resolution: int | None = None
    detail: float = 1.0
    resume: bool = True
    quiet: bool = False


def add_verb(verbs: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = verbs.add_parser(
        "talk",
        help="make a portrait speak a recording",
        description="Make a portrait speak a recording. Defaults marked * come with the weights.",
    )
    parser.add_argument("--portrait", type=Path, required=True, metavar="FILE", help="a picture with a face")
    parser.add_argument("--audio", type=Path, required=True, metavar="FILE", help="a recording, or a video with sound")
    parser.add_argument("--out", type=Path, default=Path("talk.mp4"), metavar="FILE", help="the video (talk.mp4)")
    add_direction_options(parser)
    parser.add_argument(
        "--lip-strength", type=values.lip_strength, default=1.0, help="how far the mouth moves: 0 to 2 (1)"
    )
    add_photograph_options(parser)
    parser.add_argument(
        "--face-box",
        type=values.coordinate,
        nargs=4,
        metavar=FACE_BOX,
        help="the face, forehead to chin, in pixels: left, top, right, bottom; without it the largest face found",
    )
    parser.add_argument("--crop", action="store_true", help="only the square around the face, not the whole picture")
    parser.add_argument(
        "--size", type=values.side, default=LARGEST_SIDE, help=f"largest side of the video in pixels ({LARGEST_SIDE})"
    )
    parser.add_argument(
        "--resolution",
        type=values.resolution,
        help="side of the square around the face as it is drawn, a multiple of 64 such as 512 or 1024 (*)",
    )
    parser.add_argument(
        "--detail",
        type=values.detail,
        default=1.0,
        help="how much of the portrait's own detail is kept where nothing moves: 0 to 1 (1)",
    )
    add_sampling_options(parser)
    parser.set_defaults(run=run)


def add_sampling_options(parser: argparse.ArgumentParser) -> None:
    """The options that `demo` shares."""
    parser.add_argument("--steps", type=values.steps, help="denoising steps (*)")
    parser.add_argument("--grid", choices=("karras", "ays"), help="how the noise levels are spaced (*)")
    parser.add_argument("--window", type=values.window, help="frames that are denoised together (*)")
    parser.add_argument("--overlap", type=values.overlap, help="frames that neighbouring windows share (*)")
    parser.add_argument("--seed", type=values.seed, default=0, help="the same seed gives the same video (0)")
    parser.add_argument("--weights", type=Path, metavar="DIR", help="a weights folder; without it the bundled one")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps (auto)")
    parser.add_argument(
        "--no-resume",
        action="store_true",
        help="keep nothing on disk of an unfinished video; otherwise the same command goes on where it was stopped",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    parser.add_argument("--profile", action="store_true", help="a table of where the time went; it takes longer itself")


def run(arguments: argparse.Namespace) -> None:
    with profiled(arguments.profile):
        make_video(job_of(arguments))


def job_of(arguments: argparse.Namespace) -> TalkJob:
    return TalkJob(
        portrait=arguments.portrait,
        audio=arguments.audio,
        out=arguments.out,
        weights=arguments.weights,
        device=arguments.device,
        direction=direction_of(arguments),
        lip_strength=arguments.lip_strength,
        emotion_strength=arguments.emotion_strength,
        lip_guidance=arguments.lip_guidance,
        picture_guidance=arguments.picture_guidance,
        no_interpolation=arguments.no_interpolation,
        seed=arguments.seed,
        grid=arguments.grid,
        steps=arguments.steps,
        window=arguments.window,
        overlap=arguments.overlap,
        face_box=tuple(arguments.face_box) if arguments.face_box else None,
        crop=arguments.crop,
        size=arguments.size,
        resolution=arguments.resolution,
        detail=arguments.detail,
        resume=not arguments.no_resume,
        quiet=arguments.quiet,
    )


def make_video(job: TalkJob) -> None:
    """Everything that can be wrong is found before the first step is sampled; then frames stream into the file."""
    began = time.monotonic()
    from ..audio.files import read_recording
    from ..audio.mixing import mix_down
    from ..face.compose import paste_back_stream
    from ..face.detail import at_own_resolution, unfamiliar
    from ..face.head_turn import box_of_mask
    from ..face.portrait import read_portrait
    from ..face.regions import crop_square
    from ..models.photograph_set import is_photograph_folder
    from ..pipeline import DECODING, VIDEO, prepare_conditions, render, unfinished_film
    from ..sampling.estimate import memory_words, plan
    from ..video.writer import LAYOUTS, VideoWriter, check_output

    direction = job.direction
    if not direction.plot_only:
        check_output(job.out)
    check_direction(direction)
    spare_the_inputs(job)
    if job.weights is not None and is_photograph_folder(job.weights):
        from .photograph import make_photograph_video

        make_photograph_video(job)
        return
    refuse_photograph_options(job)
    recording = read_recording(job.audio)
    portrait = read_portrait(job.portrait)
    models = with_codebook(direction, load_models(job.weights, job.device))
    settings = talk_settings(job, models)
    regions = find_face(job, portrait, models)
    speech = recording.speech()
    for note in filter(None, (*recording.notes, speech.note)):
        print(f"note: {job.audio}: {note}")
    if regions.note:
        print(f"note: {job.portrait}: {regions.note} ({BOX_OPTION})")
    settings = directed(direction, models, settings, speech, regions, quiet=job.quiet)
    if direction.plot_only:
        return
    drawn = regions.crop.shape[-1]
    if job.resolution not in (None, drawn):
        print(f"note: these weights draw faces at {drawn} pixels only; what moves is enlarged to {job.resolution}.")
    portrait, record = scaled_picture(portrait, regions.record, None if job.crop else job.size)
    side = job.resolution or drawn if job.crop else record.side
    width, height = (side, side) if job.crop else (record.picture_width, record.picture_height)
    labels = {VIDEO: f"{VIDEO}, {plan(speech.frames, settings.video)}"}
    needed = check_memory(models, settings, speech.frames, regions.crop.shape[-1])
    sound = recording.waveform
    if len(sound) not in LAYOUTS:
        sound = mix_down(sound, recording.layout)[0][None]
    disk, keep = check_room(job, width, height, speech.frames, len(sound), drawn)
    with (
        VideoWriter(job.out, width=width, height=height, audio=sound, audio_rate=recording.rate) as video,
        StageBars(labels, hidden=job.quiet, since=began) as bars,
    ):
        bars("reading", 3, 3)
        costs = f"about {memory_words(needed)} of memory, {memory_words(disk)} of disk"
        bars.tell(f"{speech.frames} frames, {plan(speech.frames, settings.video)}; {costs}")
        if job.resume and not keep:
            bars.say(
                f"note: {state_folder()}: there is no room to keep what is done; if it is stopped, it begins again."
            )
        conditions = prepare_conditions(models, speech, regions, settings, bars)
        keep_take(direction, conditions, settings, (job.weights or BUNDLED_WEIGHTS).name)
        if conditions.portrait is not None and conditions.still is not None:
            note = unfamiliar(conditions.portrait[None], conditions.still[None])
            if note:
                bars.say(f"note: {job.portrait}: {note} {_OTHER_WEIGHTS}")
        unfinished = unfinished_film(state_folder(), models, conditions, settings) if keep else None
        resumed = unfinished is not None and unfinished.begun
        if resumed:
            bars.tell("This video was stopped before and goes on where it was; --no-resume begins again.")
        forecast = Forecast(bars, {VIDEO: "windows", DECODING: "frames"}, resumed=resumed)
        chunks = render(models, conditions, settings, forecast, unfinished)
        if side != drawn:
            sharp = at_own_resolution(
                (frame for chunk in chunks for frame in chunk),
                repeat(crop_square(portrait.pixels, record, side)),
                regions.crop,
                amount=settings.detail,
                head_pose=settings.head_pose,
                face_box=box_of_mask(regions.face_mask),
            )
            chunks = (frame[None] for frame in sharp)
        if not job.crop:
            chunks = paste_back_stream(chunks, portrait, record)
        for frames in chunks:
            video.write(frames)
    if unfinished is not None:
        unfinished.finish()
    print(seconds_line(bars.seconds))
    print(f"{video.frames} frames, {video.frames / 25:.2f} s, {width}x{height}: {job.out.resolve()}")


def load_models(weights: Path | None, device: str) -> "ModelSet":
    """The models of a weights folder, or of the bundled one, on the chosen device."""
    from ..device import pick_device, pick_dtype, pick_picture_dtype
    from ..models.model_set import load_model_set

    place = pick_device(device)
    return load_model_set(weights or BUNDLED_WEIGHTS, place, pick_dtype(place), picture_dtype=pick_picture_dtype(place))


def talk_settings(job: TalkJob, models: "ModelSet") -> "TalkSettings":
    """The weights' own settings with what the user chose in their place; faults are raised here, before any work."""
    from ..pipeline import default_settings

    own = default_settings(models, drawn_size(job, models))
    overlap = job.overlap
    if overlap is None and job.window is not None:
        overlap = min(own.video.overlap, job.window // 2)  # a shorter window alone is no contradiction
    video = replace(
        own.video,
        steps=_chosen(job.steps, own.video.steps),
        grid=_chosen(job.grid, own.video.grid),
        window=_chosen(job.window, own.video.window),
        overlap=_chosen(overlap, own.video.overlap),
        seed=job.seed,
    )
    return replace(
        own,
        lip_strength=job.lip_strength,
        detail=job.detail,
        motion_bucket=_chosen(job.direction.motion, own.motion_bucket),
        video=video,
    )


def check_memory(models: "ModelSet", settings: "TalkSettings", frames: int, size: int) -> float:
    """Bytes that a video of so many frames of size x size pixels takes, weights included. SettingsError where the
    device has less in all, with a window that would fit.
    """
    from ..device import total_memory
    from ..models.vae import chunk_memory
    from ..sampling.estimate import memory_words, window_memory

    vae = models.vae
    networks = (models.speech_encoder, models.lip_projector, models.motion_encoder, models.dicte, models.ethd, vae)
    weights = sum(parameter.nbytes for network in networks for parameter in network.parameters())
    places = (size // vae.config.pixels_per_latent) ** 2
    window = min(settings.video.window, frames) * settings.video.windows_per_batch
    sampling = window_memory(models.ethd.config, window, places, vae.dtype.itemsize)
    there = total_memory(models.device)
    if there is not None and weights + sampling > there:
        fitting = int(window * max(there - weights, 0) / sampling)
        way_out = f"give --window {fitting} or less" if fitting else "take another --device"
        raise SettingsError(
            f"A window of {window} frames of {size} x {size} pixels takes about {memory_words(weights + sampling)} of "
            f"memory with the weights, but {models.device} has {memory_words(there)} in all; {way_out}."
        )
    return weights + max(sampling, chunk_memory(vae.config, size, size, vae.dtype))


def check_room(job: TalkJob, width: int, height: int, frames: int, channels: int, size: int) -> tuple[float, bool]:
    """Bytes of disk that the video takes, and whether there is room for what is kept of it until it is whole, frames of
    size x size pixels. OutputError where the video itself has no room.
    """
    from ..sampling.estimate import check_disk, film_bytes, room_to_keep

    needed = film_bytes(width, height, frames, channels)
    check_disk(job.out.absolute().parent, needed, "choose another disk with --out, or make it smaller with --size")
    return needed, job.resume and room_to_keep(state_folder(), needed, size, frames)


def _chosen(choice: Value | None, default: Value) -> Value:
    return default if choice is None else choice


def find_face(job: TalkJob, portrait: "Portrait", models: "ModelSet") -> "FaceRegions":
    """The talking crop; a fault names the picture and the option that gives the face's place."""
    from ..face.regions import CROP_FACTOR

    finder = models.face_finder.find if models.face_finder is not None else None
    return found_face(job, portrait, finder, drawn_size(job, models), CROP_FACTOR)


def found_face(
    job: TalkJob, portrait: "Portrait", finder: "FaceDetector | None", size: int, crop_factor: float
) -> "FaceRegions":
    """As `find_face`, with another finder, size or framing."""
    from ..face.regions import face_regions

    try:
        return face_regions(portrait, box=job.face_box, detector=finder, size=size, crop_factor=crop_factor)
    except FaceError as error:
        fault = face_fault(job.portrait, error, f"say where it is with {BOX_OPTION}, in pixels")
        named = "" if BOX_OPTION in str(fault) else f" ({BOX_OPTION})"
        raise FaceError(f"{str(fault).rstrip('.')}{named}.") from error


def drawn_size(job: TalkJob, models: "ModelSet") -> int:
    """Side of the square that the weights draw: the one asked for where they can, else their own."""
    from ..models.presets import draws_at

    size = job.resolution or models.picture_size
    return size if draws_at(models.defaults, size) else models.picture_size


def scaled_picture(portrait: "Portrait", record: "CropRecord", largest: int | None) -> tuple["Portrait", "CropRecord"]:
    """The picture that the video shows, no side longer than `largest` where that is given, and where the crop lies in
    it.
    """
    from torch.nn.functional import interpolate

    from ..face.regions import flatten_alpha

    pixels = flatten_alpha(portrait)  # a video has no transparency
    scale = 1 if largest is None else largest / max(pixels.shape[-2:])
    if scale >= 1:
        return replace(portrait, pixels=pixels, alpha=None), record
    height, width = (max(1, round(side * scale)) for side in pixels.shape[-2:])
    pixels = interpolate(pixels[None], size=(height, width), mode="bicubic", antialias=True)[0].clamp(0, 1)
    record = replace(
        record,
        left=round(record.left * scale),
        top=round(record.top * scale),
        side=round(record.side * scale),
        picture_width=width,
        picture_height=height,
    )
    return replace(portrait, pixels=pixels, alpha=None), record


def spare_the_inputs(job: TalkJob) -> None:
    """OutputError where what is written would replace what it is made from."""
    inputs = [job.portrait, job.audio, *job.direction.inputs]
    for out in (job.out, *job.direction.outputs):
        for given in inputs:
            if same_file(given, out):
                what = "the video would replace what it is made from; choose another name with --out"
                if out is not job.out:
                    what = "this would replace what the video is made from; choose another name for it"
                raise OutputError(f"{out}: {what}.")
