"""From latents to a video file, chunk by chunk, so that a clip's length costs disk and no memory."""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import comfy.utils
import folder_paths
import torch
from comfy_api.latest import InputImpl, io

from ..emotivetalk_core.audio.mixing import mix_down
from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.face.close_up import eyes_and_mouth
from ..emotivetalk_core.face.compose import check_picture, paste_back_stream
from ..emotivetalk_core.face.detail import at_own_resolution
from ..emotivetalk_core.face.head_turn import box_of_mask
from ..emotivetalk_core.face.regions import crop_square, flatten_alpha, regions_again
from ..emotivetalk_core.models.face_finder import FaceFinder
from ..emotivetalk_core.photograph_pipeline import sampled_frames
from ..emotivetalk_core.sampling.estimate import (
    check_disk,
    film_bytes,
    forecast_words,
    memory_words,
    room_to_keep,
    time_words,
)
from ..emotivetalk_core.sampling.unfinished import UnfinishedFilm, as_kept
from ..emotivetalk_core.types import FRAMES_PER_SECOND, FaceRegions, HeadPose, Portrait
from ..emotivetalk_core.video.writer import VideoWriter, kept_layout
from .decoding import LIPS, STILL_FACE, CropFrames, motions_of
from .ethd import check_head_pose, check_one
from .layouts import portrait_of, speech_of
from .notes import HIDDEN, show, ui_notes
from .sockets import CATEGORY, TRANSPARENCY_INPUT, CropSocket, HeadPoseSocket, detail_input
from .temporary import TemporaryPath
from .unfinished import STATE, unfinished_film, unfinished_folder
from .vae import ClipVAE

AS_SAMPLED, DOUBLED = "25, as sampled", "12.5, doubled"


class DecodeVideo(io.ComfyNode):
    """LATENT and AUDIO to a VIDEO of 25 frames per second."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkDecodeVideo",
            display_name="Decode to Video",
            category=f"{CATEGORY}/video",
            description="Decodes latents into a video with sound and writes it to disk as it goes, so a "
            "long clip needs no more memory than a short one. Save Video saves it for good; Get Video "
            "Components gives its frames.",
            search_aliases=["emotivetalk decode", "vae decode video", "streaming decode", "latent to video", "mp4"],
            hidden=HIDDEN,
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE from Load ETHD."),
                io.Latent.Input("latent", lazy=True, tooltip="The sampled latents, one per frame."),
                io.Audio.Input(
                    "audio", optional=True, tooltip="The speech that was encoded. Without it the video is silent."
                ),
                io.Image.Input(
                    "portrait_crop",
                    optional=True,
                    tooltip="The crop from Face Regions: restores the portrait's own detail wherever nothing "
                    "moves, and its colours everywhere.",
                ),
                HeadPoseSocket.Input(
                    "head_pose",
                    optional=True,
                    tooltip="The head pose you gave Condition Talking Face: detail and colours then move with "
                    "the head. Needs the crop record too.",
                ),
                CropSocket.Input(
                    "crop_record",
                    optional=True,
                    tooltip="From Face Regions: where the crop belongs in the picture, and where the head is "
                    "that turns.",
                ),
                detail_input(),
                io.Image.Input(
                    "picture",
                    optional=True,
                    tooltip="The picture you gave Face Regions: the talking face is pasted back into it as the "
                    "video is written, so even a large picture needs no more memory. Needs the crop record.",
                ),
                TRANSPARENCY_INPUT,
                io.Combo.Input(
                    "frame_rate",
                    options=[AS_SAMPLED, DOUBLED],
                    optional=True,
                    default=AS_SAMPLED,
                    advanced=True,
                    tooltip="25 for EmotiveTalk's own weights. DICE-Talk and Sonic sample 12.5 frames per "
                    "second: the frames in between are interpolated, and whatever lasts longer than the audio is "
                    "cut off.",
                ),
                io.Boolean.Input(
                    "resume",
                    default=True,
                    optional=True,
                    advanced=True,
                    tooltip="Keeps the crop's decoded frames on disk until the video is complete, so after a "
                    "crash or Cancel the same prompt continues from there. Off keeps nothing.",
                ),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def check_lazy_status(
        cls,
        latent: dict[str, torch.Tensor] | None = None,
        audio: dict[str, Any] | None = None,
        portrait_crop: torch.Tensor | None = None,
        crop_record: FaceRegions | None = None,
        picture: torch.Tensor | None = None,
        transparency: torch.Tensor | None = None,
        frame_rate: str = AS_SAMPLED,
        **others: Any,
    ) -> list[str]:
        """The host asks this before it samples, which may take hours: what cannot be pasted or written ends here."""
        if frame_rate == DOUBLED and audio is None:
            raise InputError(
                "Frames are doubled for as long as the audio lasts, but no audio is connected; connect it."
            )
        if portrait_crop is not None:
            check_one("portrait crop", portrait_crop)
        whole_picture(picture, crop_record, transparency)
        shown = portrait_crop if picture is None else picture
        if shown is not None and audio is not None:
            check_room(shown.shape[2], shown.shape[1], frames_of_sound(audio), audio)
        return ["latent"] if latent is None else []

    @classmethod
    def execute(
        cls,
        vae: Any,
        latent: dict[str, torch.Tensor],
        audio: dict[str, Any] | None = None,
        portrait_crop: torch.Tensor | None = None,
        head_pose: HeadPose | None = None,
        crop_record: FaceRegions | None = None,
        detail: float = 1.0,
        picture: torch.Tensor | None = None,
        transparency: torch.Tensor | None = None,
        frame_rate: str = AS_SAMPLED,
        resume: bool = True,
    ) -> io.NodeOutput:
        portrait = whole_picture(picture, crop_record, transparency)
        samples = latent["samples"]
        count = samples.shape[0]
        if frame_rate == DOUBLED:
            count = speech_of(audio).frames
            samples = samples[: sampled_frames(count)]
        if head_pose is not None:
            check_head_pose(head_pose, count)
        crops = CropFrames(
            vae,
            samples,
            count,
            half_rate=frame_rate == DOUBLED,
            portrait_crop=portrait_crop,
            crop_record=crop_record,
            head_pose=head_pose,
            detail=detail,
            still_face=latent.get(STILL_FACE),
        )
        height, width = (crops.height, crops.width) if portrait is None else portrait.pixels.shape[-2:]
        needed, (sound, said_of_sound) = check_room(width, height, count, audio), sound_of(audio, count)
        notes = [f"{count} frames of {width} x {height} pixels, about {memory_words(needed)} of disk space"]
        notes += said_of_sound
        keeps = resume and room_to_keep(unfinished_folder(), needed, max(crops.height, crops.width), count)
        if resume and not keeps:
            notes.append("there is no room to save decoded frames; if it is stopped, it starts from the beginning")
        ui = ui_notes(
            cls, [*notes, *([] if crops.seconds is None else [f"about {time_words(crops.seconds)} to decode them"])]
        )

        def tell(said: str) -> None:
            logging.info("EmotiveTalk: %s", said)
            show(cls, [*notes, said])

        def decoded(first: int) -> Iterator[torch.Tensor]:
            if first:
                tell(f"goes on after frame {first}, where it was stopped")
            return foretold(crops.chunks(first), first, count, tell)

        unfinished = None
        if keeps:
            makes = (samples, count, portrait_crop, crop_record, head_pose, float(detail), frame_rate)
            unfinished = unfinished_film(cls, "vae", str(vae.device), makes)
        chunks = map(as_kept, decoded(0))
        if unfinished is not None:
            chunks = unfinished.chunks(count, crops.height, decoded, crops.transfer, crops.device)
        frames = followed(chunks, count)
        motion = motions_of(latent, count, half_rate=frame_rate == DOUBLED)
        finish = finish_of(vae, motion, latent.get(LIPS), detail, head_pose)
        finder = vae.face_finder if isinstance(vae, ClipVAE) else None
        if crop_record is not None and finder is not None and not crop_record.drawn:
            # who made the record may have had no finder that tells
            crop_record = replace(crop_record, drawn=finder.is_drawn(crop_record.crop.float().cpu()))
        if portrait is not None and crop_record is not None:
            frames = pasted(frames, portrait, crop_record, finish)
        elif crops.unmoved is not None and (finish["retoucher"] or finish["close_ups"]):
            frames = finished_crops(frames, crops.unmoved[0], crop_record, finder, finish)
        path = TemporaryPath.new(".mp4")
        with VideoWriter(path, width=width, height=height, **sound) as writer:
            for chunk in frames:
                writer.write(chunk)
        for state in (unfinished, latent.get(STATE)):
            if isinstance(state, UnfinishedFilm):
                state.finish()
        return io.NodeOutput(InputImpl.VideoFromFile(path), ui=ui)


def check_room(width: int, height: int, frames: int, audio: dict[str, Any] | None) -> float:
    """Bytes of disk that the video takes. OutputError where there are fewer, here or where Save Video puts it."""
    needed = film_bytes(width, height, frames, 0 if audio is None else audio["waveform"].shape[1])
    for folder in (folder_paths.get_temp_directory(), folder_paths.get_output_directory()):
        check_disk(
            Path(folder), needed, "free some, make the picture smaller before Face Regions, or the speech shorter"
        )
    return needed


def followed(chunks: Iterator[torch.Tensor], count: int) -> Iterator[torch.Tensor]:
    """The chunks, with the host's progress bar at how many of `count` frames are written."""
    progress, done = comfy.utils.ProgressBar(count), 0
    for chunk in chunks:
        yield chunk
        done += len(chunk)
        progress.update_absolute(done, count)


def foretold(
    chunks: Iterator[torch.Tensor], first: int, count: int, tell: Callable[[str], None]
) -> Iterator[torch.Tensor]:
    """The chunks from frame `first` on; once one is written, `tell` hears how long the others will take."""
    began, done = time.monotonic(), first
    for number, chunk in enumerate(chunks):
        yield chunk
        done += len(chunk)
        if number == 0 and done < count:
            seconds = (time.monotonic() - began) / (done - first) * (count - done)
            tell(forecast_words(seconds, count - done, "frame"))


def whole_picture(
    picture: torch.Tensor | None, crop_record: FaceRegions | None, transparency: torch.Tensor | None
) -> Portrait | None:
    """The picture that the frames are pasted into, what is clear of it shown over grey, for a video is opaque; None
    where only the crop is wanted. InputError where it is not one picture, SettingsError where the crop is from another.
    """
    if picture is None:
        return None
    if crop_record is None:
        raise InputError(
            "A picture is connected, but no crop record, which says where in it the face belongs; connect that of Face "
            "Regions, or leave the picture out."
        )
    if picture.shape[0] != 1:
        raise InputError(
            f"{picture.shape[0]} pictures are connected, but the video shows one; connect the one that Face Regions "
            "had, or paste into a film with Paste Back."
        )
    portrait = portrait_of(picture, transparency)
    check_picture(portrait, crop_record.record)
    return Portrait(flatten_alpha(portrait))


def finish_of(
    vae: Any, motion: torch.Tensor | None, lips: torch.Tensor | None, detail: float, head_pose: HeadPose | None
) -> dict[str, Any]:
    """What `at_own_resolution` is told of every film: of the VAE's own weights, of the LATENT, and what was chosen."""
    ours = isinstance(vae, ClipVAE)
    return {
        "amount": detail,
        "head_pose": head_pose,
        "retoucher": vae.retoucher if ours else None,
        "close_ups": vae.close_up if ours else None,
        "motions": motion,
        "lip_mask": lips,
    }


def pasted(
    crops: Iterator[torch.Tensor], portrait: Portrait, regions: FaceRegions, finish: dict[str, Any]
) -> Iterator[torch.Tensor]:
    """Chunks of the crop's frames in the whole picture [k, 3, h, w], at the picture's own resolution."""
    record = regions.record
    sharp = at_own_resolution(
        (frame for chunk in crops for frame in chunk),
        repeat(crop_square(portrait.pixels, record, record.side)),
        regions.crop,
        face_box=box_of_mask(regions.face_mask),
        eyes_mouth=eyes_and_mouth(regions),
        **finish,
    )
    return paste_back_stream((frame[None] for frame in sharp), portrait, record)


def finished_crops(
    crops: Iterator[torch.Tensor],
    crop: torch.Tensor,
    record: FaceRegions | None,
    finder: FaceFinder | None,
    finish: dict[str, Any],
) -> Iterator[torch.Tensor]:
    """Chunks of the crop's frames [k, 3, h, w] after the networks that know the portrait have seen them beside the crop
    [1, 3, h, w]. Without a record, the finder looks for its eyes and mouth, where the head holds still.
    """
    frames = (frame for chunk in crops for frame in chunk)
    box = spots = None
    regions = record
    if record is None and finder is not None and finish["head_pose"] is None:
        regions = regions_again(finder, crop[0].float().cpu())
    if regions is not None:
        scale = crop.shape[-1] / regions.face_mask.shape[-1]
        box = None if record is None else box_of_mask(record.face_mask) * scale
        spots = eyes_and_mouth(regions)
        spots = None if spots is None else spots * scale
    sharp = at_own_resolution(frames, repeat(crop[0]), crop[0], face_box=box, eyes_mouth=spots, **finish)
    return (frame[None] for frame in sharp)


def frames_of_sound(audio: dict[str, Any]) -> int:
    """How many frames the AUDIO lasts."""
    return math.ceil(audio["waveform"].shape[-1] * FRAMES_PER_SECOND / int(audio["sample_rate"]))


def sound_of(audio: dict[str, Any] | None, frames: int) -> tuple[dict[str, Any], list[str]]:
    """What VideoWriter is told of the AUDIO's first recording, and what of it should be said. What lasts longer than
    the frames is left out.
    """
    if audio is None:
        return {}, []
    rate, notes = int(audio["sample_rate"]), []
    waveform = audio["waveform"][0, :, : round(frames * rate / FRAMES_PER_SECOND)]
    if kept_layout(len(waveform)) is None:
        notes.append(f"the video has one channel of sound, because AAC has no layout for these {len(waveform)}")
        waveform = mix_down(waveform)[0][None]
    return {"audio": waveform, "audio_rate": rate}, notes
