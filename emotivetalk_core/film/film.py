"""From a request to a film: EmotiveTalk's figure 2 with its inputs read from files and its frames put into the picture.

    film = make_film(FilmRequest("face.png", "speech.wav", direction=Direction(emotion="happy 0.8")))
    film.save("talk.mp4")

What decides between EmotiveTalk's networks and those of its siblings is the weights folder alone.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch.nn.functional import interpolate

from ..audio.files import Recording, read_recording
from ..audio.mixing import mix_down
from ..device import pick_device, pick_dtype, pick_picture_dtype
from ..errors import FaceError, SettingsError
from ..face.compose import paste_back_stream
from ..face.portrait import read_portrait
from ..face.regions import face_regions, flatten_alpha, known_by
from ..models.model_set import ModelSet, load_model_set
from ..models.photograph_set import PhotographSet, is_photograph_folder, load_photograph_set
from ..processes import ALONE, Processes
from ..sampling.estimate import check_disk, film_bytes
from ..types import FRAMES_PER_SECOND, CropRecord, FaceRegions, Portrait
from ..video.writer import VideoWriter, kept_layout
from ..weight_files.bundled import BUNDLED_WEIGHTS
from .beside import beside
from .faults import face_fault
from .listener import READING, Listener
from .performance import EmotiveTalkPerformer, Performance, Performer
from .photograph_performance import PhotographPerformer
from .request import FilmRequest, PathLike
from .script import Script, read_script


@dataclass(frozen=True)
class Film:
    """A film that is ready to be sampled, of frames [3, height, width].

    Iterate over it for its frames, in chunks [k, 3, height, width], RGB in 0…1, 25 a second; or `save` it. Each of the
    two samples it anew. processes: those that sample it together, and all do the same with it; the first one alone has
    frames, and writes.
    """

    performance: Performance
    recording: Recording
    portrait: Portrait
    record: CropRecord
    frame_count: int
    script: Script
    listener: Listener
    processes: Processes = ALONE

    @property
    def request(self) -> FilmRequest:
        return self.script.request

    @property
    def width(self) -> int:
        return self.performance.size if self.request.crop else self.record.picture_width

    @property
    def height(self) -> int:
        return self.performance.size if self.request.crop else self.record.picture_height

    @property
    def seconds(self) -> float:
        return self.frame_count / FRAMES_PER_SECOND

    def __iter__(self) -> Iterator[torch.Tensor]:
        yield from self._composed(self._crops())
        self.performance.end()

    def save(self, path: PathLike, *, together: bool = True) -> Path:
        """Write it with its sound: .mp4, .mov, .mkv or .m4v. Nothing stands there before it is whole. OutputError where
        it cannot be written, or would overwrite what it is made from.

        together: whether frames are composed and encoded in a thread of their own while the next ones are decoded, by
        half of torch's threads; what is written is the same but for rounding.
        """
        where = Path(path)
        self.script.spare_the_inputs(where)
        if not self.processes.first:
            for _ in self._crops():
                pass
            return where
        sound, layout = self._sound()
        disk, spelled = film_bytes(self.width, self.height, self.frame_count, len(sound)), self.request.spelling
        check_disk(
            where.absolute().parent,
            disk,
            f"choose another disk with {spelled('out')}, or make it smaller with {spelled('size')}",
        )
        with VideoWriter(
            where,
            width=self.width,
            height=self.height,
            audio=sound,
            audio_rate=self.recording.rate,
            audio_layout=layout,
        ) as video:

            def write(crops: Iterator[torch.Tensor]) -> None:
                for chunk in self._composed(crops):
                    video.write(chunk)

            if together:
                with _half_the_threads() as by_half:
                    beside(self._crops(disk), lambda crops: write(by_half(crops)))
            else:
                write(self._crops(disk))
        self.performance.end()
        return where

    def _sound(self) -> tuple[torch.Tensor, str | None]:
        """All channels of the recording with their layout, or one, which is said, where AAC has no places for them."""
        sound, layout = self.recording.waveform, self.recording.layout
        if kept_layout(len(sound), layout) is None:
            said = f"the film has one channel of sound, because AAC has no layout for these {len(sound)}."
            self.listener.say(f"note: {self.request.audio}: {said}")
            sound, layout = mix_down(sound, layout)[0][None], None
        return sound, layout

    def _crops(self, disk: float = 0.0) -> Iterator[torch.Tensor]:
        """As they are decoded."""
        return self.performance.crops(self.listener, disk=disk, processes=self.processes)

    def _composed(self, crops: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
        """As they are to be seen."""
        crops = self.performance.finished(crops, self.portrait, self.record)
        return crops if self.request.crop else paste_back_stream(crops, self.portrait, self.record)


@contextmanager
def _half_the_threads() -> Iterator[Callable[[Iterator[torch.Tensor]], Iterator[torch.Tensor]]]:
    """What it gives passes items on to another thread, which from the first one on has half of torch's threads, for the
    other half of the cores is busy: more would wait for each other. Torch keeps the number for each thread, but for its
    products in float32, so it is set again at the end.
    """
    threads = torch.get_num_threads()

    def by_half(items: Iterator[torch.Tensor]) -> Iterator[torch.Tensor]:
        for item in items:
            torch.set_num_threads(max(1, threads // 2))
            yield item

    try:
        yield by_half
    finally:
        torch.set_num_threads(threads)


def make_film(
    request: FilmRequest, models: ModelSet | PhotographSet | None = None, listener: Listener | None = None
) -> Film:
    """Read what a request names, and find all that can be wrong with it, before anything is sampled.

    models: loaded before, in the place of those that the request names · listener: is told what goes on. Raises the
    errors of errors.py, each one sentence for whoever asked.
    """
    film = prepare_film(read_script(request), models, listener)
    if film is None:
        raise SettingsError(
            f"Only a plot was asked for ({request.spelling('plot_only')}), and it has been drawn; leave that option "
            "out to make a film."
        )
    return film


def prepare_film(
    script: Script,
    models: ModelSet | PhotographSet | None = None,
    listener: Listener | None = None,
    processes: Processes = ALONE,
) -> Film | None:
    """As `make_film`, of a script that was read before. None where a plot was all that was asked for, and is drawn.

    processes: those that will sample the film together; what is written beside it, the first one writes.
    """
    if not processes.first:
        alone = replace(script.direction, plot=None, save_take=None)
        script = replace(script, request=replace(script.request, resume=False, direction=alone))
    request, listener = script.request, listener or Listener()
    kind = performer_kind(request, models)
    kind.check(script)
    recording, portrait = read_recording(request.audio), read_portrait(request.portrait)
    if models is None:
        models = load_models(request.weights, request.device, request.resolution)
    performer = kind(script, models)
    regions = find_face(request, portrait, performer)
    speech = recording.speech()
    for note in filter(None, (*recording.notes, speech.note)):
        listener.say(f"note: {request.audio}: {note}")
    if regions.note:
        listener.say(f"note: {request.portrait}: {regions.note} ({request.spelling('face_box')})")
    performance = performer.direct(speech, regions, listener)
    if performance is None:
        return None
    listener(READING, 3, 3)  # only now, so that a fault stands alone on the screen
    portrait, record = scaled_picture(portrait, regions.record, None if request.crop else request.size)
    return Film(performance, recording, portrait, record, speech.frames, script, listener, processes)


def load_models(
    weights: PathLike | None = None, device: str = "auto", resolution: int | None = None
) -> ModelSet | PhotographSet:
    """The networks of a weights folder, or of the bundled one: EmotiveTalk's, or those of DICE-Talk or Sonic.

    device: auto, cpu, cuda or mps · resolution: of the films that they shall make, where the folder holds a backbone
    for that one beside its own, such as `ethd_1024.safetensors`. Raises WeightsError and SettingsError.
    """
    folder, place = BUNDLED_WEIGHTS if weights is None else Path(weights), pick_device(device)
    if is_photograph_folder(folder):
        return load_photograph_set(folder, place, pick_dtype(place))
    return load_model_set(folder, place, pick_dtype(place), picture_dtype=pick_picture_dtype(place), size=resolution)


def performer_kind(request: FilmRequest, models: ModelSet | PhotographSet | None) -> type[Performer]:
    """Whose weights were asked for."""
    folder = BUNDLED_WEIGHTS if request.weights is None else Path(request.weights)
    photograph = is_photograph_folder(folder) if models is None else isinstance(models, PhotographSet)
    return PhotographPerformer if photograph else EmotiveTalkPerformer


def find_face(request: FilmRequest, portrait: Portrait, performer: Performer) -> FaceRegions:
    """The talking crop. A FaceError names the picture, and the field that says where the face is."""
    where = request.spelling("face_box")
    try:
        regions = face_regions(
            portrait,
            box=request.face_box,
            detector=performer.find_faces,
            size=performer.size,
            crop_factor=performer.crop_factor,
        )
    except FaceError as error:
        fault = face_fault(Path(request.portrait), error, f"say where it is with {where}, in pixels")
        named = "" if where in str(fault) else f" ({where})"
        raise FaceError(f"{str(fault).rstrip('.')}{named}.") from error
    return regions if performer.picture_memory is None else known_by(performer.picture_memory, regions, portrait)


def scaled_picture(portrait: Portrait, record: CropRecord, largest: int | None) -> tuple[Portrait, CropRecord]:
    """The picture that the film shows, no side longer than `largest` where that is given, and where the crop lies in
    it.
    """
    pixels = flatten_alpha(portrait)  # a film has no transparency
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
