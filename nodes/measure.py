"""Figures of a finished video, so that two takes can be compared."""

import json
from collections.abc import Iterator
from typing import Any

import comfy.utils
import torch
from comfy_api.latest import io, ui

from ..emotivetalk_core.measuring.film import measure_film
from ..emotivetalk_core.measuring.picture import draw_measures
from ..emotivetalk_core.measuring.reading import read_film
from ..emotivetalk_core.models.face_finder import FaceFinder, FaceFinderConfig
from ..emotivetalk_core.models.face_probe import BUNDLED_PROBE, FaceProbe, FaceProbeConfig
from .hosted import load_hosted, to_host
from .layouts import frames_of, image_of, speech_of
from .notes import HIDDEN, ui_notes
from .sockets import CATEGORY
from .weights import BUNDLED


class MeasureVideo(io.ComfyNode):
    """IMAGE frames and AUDIO to figures and a plot."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkMeasureVideo",
            display_name="Measure Video",
            category=f"{CATEGORY}/video",
            description="Measures a finished video, from this pack or anywhere else: whether the mouth "
            "matches the sound, whether the face still looks like the portrait and is as sharp, and "
            "whether that gets worse towards the end. Measure two takes to compare them. Nothing is "
            "downloaded.",
            search_aliases=["emotivetalk metrics", "lip sync score", "quality", "compare takes", "benchmark", "drift"],
            hidden=HIDDEN,
            is_output_node=True,
            inputs=[
                io.Image.Input("images", tooltip="The frames of the video, from Get Video Components or VAE Decode."),
                io.Audio.Input("audio", tooltip="The sound of the video, from its beginning."),
                io.Float.Input(
                    "fps", default=25.0, min=1.0, max=480.0, step=0.01, tooltip="Frames per second of the video."
                ),
                io.Image.Input(
                    "portrait",
                    optional=True,
                    tooltip="The picture that the video was made from. Without it, the first frame with a face "
                    "is used instead.",
                ),
            ],
            outputs=[
                io.Image.Output(display_name="plot"),
                io.Float.Output(
                    display_name="sync",
                    tooltip="How well mouth opening and loudness match at the time offset where they match "
                    "best: 0 not at all, 1 exactly.",
                ),
                io.Float.Output(
                    display_name="lag", tooltip="That time offset: by how many seconds the mouth comes after the sound."
                ),
                io.Float.Output(
                    display_name="likeness", tooltip="How much the face looks like the portrait's: 1 is alike."
                ),
                io.Float.Output(
                    display_name="sharpness", tooltip="Fine detail in the face: 1 is as much as in the portrait."
                ),
                io.Float.Output(
                    display_name="likeness drift",
                    tooltip="Likeness in the last third of the video minus that in the first.",
                ),
                io.Float.Output(
                    display_name="sharpness drift",
                    tooltip="Sharpness in the last third of the video minus that in the first.",
                ),
                io.Float.Output(
                    display_name="colour drift",
                    tooltip="How much further the colour of the face is from the portrait's in the last third "
                    "than in the first; 2.3 is just visible.",
                ),
                io.String.Output(display_name="report", tooltip="All figures as JSON."),
            ],
        )

    @classmethod
    def execute(
        cls, images: torch.Tensor, audio: dict[str, Any], fps: float = 25.0, portrait: torch.Tensor | None = None
    ) -> io.NodeOutput:
        probe = load_hosted(BUNDLED_PROBE, "face_probe", FaceProbe, FaceProbeConfig)
        finder = load_hosted(BUNDLED / "demo" / "face_finder.safetensors", "face_finder", FaceFinder, FaceFinderConfig)
        speech = speech_of(audio)

        def film() -> Iterator[torch.Tensor]:
            return (frames_of(images[index : index + 1])[0] for index in range(images.shape[0]))

        progress = comfy.utils.ProgressBar(2 * images.shape[0])
        reading = read_film(
            film,
            fps,
            probe.loaded(),
            speech=speech,
            portrait=None if portrait is None else frames_of(portrait[:1])[0],
            detector=finder.loaded().find,
            on_step=lambda done: progress.update_absolute(done),
        )
        measures = measure_film(reading)
        plot = to_host(image_of(draw_measures(reading, measures, speech)[None]))
        figures = measures.plain()
        said = [note for note in (measures.note, speech.note) if note]
        shown = ui.PreviewImage(plot, cls=cls).as_dict() | (ui_notes(cls, said) or {})
        return io.NodeOutput(
            plot,
            measures.sync.correlation,
            measures.sync.lag / fps,
            measures.likeness.mean,
            measures.sharpness.mean,
            measures.likeness.drift,
            measures.sharpness.drift,
            measures.colour.drift,
            json.dumps(figures, indent=2),
            ui=shown,
        )
