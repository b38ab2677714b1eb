"""From latents to a video file, chunk by chunk, so that a clip's length costs disk and no memory."""

import uuid
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import comfy.utils
import folder_paths
import torch
from comfy_api.latest import InputImpl, io

from ..emotivetalk_core.errors import InputError
from ..emotivetalk_core.face.compose import check_picture, paste_back_stream
from ..emotivetalk_core.face.detail import DetailTransfer, at_own_resolution
from ..emotivetalk_core.face.head_turn import box_of_mask, turn_head
from ..emotivetalk_core.face.regions import crop_square, flatten_alpha
from ..emotivetalk_core.models.vae import frames_at_once
from ..emotivetalk_core.photograph_pipeline import sampled_frames
from ..emotivetalk_core.types import FRAMES_PER_SECOND, FaceRegions, HeadPose, Portrait
from ..emotivetalk_core.video.frame_rate import doubled
from ..emotivetalk_core.video.writer import VideoWriter
from .ethd import check_head_pose, check_one
from .layouts import frames_of, portrait_of, speech_of
from .sockets import CATEGORY, TRANSPARENCY_INPUT, CropSocket, HeadPoseSocket, detail_input
from .vae import ClipVAE

AS_SAMPLED, DOUBLED = "25, as sampled", "12.5, doubled"

STILL_FRAMES = 9
"""Of the clip that stands still, whose middle shows what another VAE makes of the portrait: a frame with fewer
neighbours does not come out as those of a video do.
"""


class DecodeVideo(io.ComfyNode):
    """LATENT and AUDIO to a VIDEO of 25 frames per second."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="EmotiveTalkDecodeVideo",
            display_name="Decode to Video",
            category=f"{CATEGORY}/video",
            description="Turns latents into a video with sound, and writes it to disk while it decodes: a long clip "
            "takes no more memory than a short one. Save Video keeps it; Get Video Components gives its frames.",
            search_aliases=["emotivetalk decode", "vae decode video", "streaming decode", "latent to video", "mp4"],
            inputs=[
                io.Vae.Input("vae", tooltip="The VAE from Load ETHD."),
                io.Latent.Input("latent", lazy=True, tooltip="The sampled latents, one for each frame."),
                io.Audio.Input(
                    "audio", optional=True, tooltip="The speech, as it was encoded. Without it the video is silent."
                ),
                io.Image.Input(
                    "portrait_crop",
                    optional=True,
                    tooltip="The crop from Face Regions: gives back the portrait's own detail wherever nothing moves, "
                    "and its colours everywhere.",
                ),
                HeadPoseSocket.Input(
                    "head_pose",
                    optional=True,
                    tooltip="The head pose that Condition Talking Face was given: detail and colours then move with "
                    "the head. Needs the crop record too.",
                ),
                CropSocket.Input(
                    "crop_record",
                    optional=True,
                    tooltip="From Face Regions: tells where the crop belongs in the picture, and where the head is "
                    "that is turned.",
                ),
                detail_input(),
                io.Image.Input(
                    "picture",
                    optional=True,
                    tooltip="The picture that was given to Face Regions: the talking face is pasted back into it while "
                    "the video is written, so that even a large picture takes no more memory. Needs the crop record.",
                ),
                TRANSPARENCY_INPUT,
                io.Combo.Input(
                    "frame_rate",
                    options=[AS_SAMPLED, DOUBLED],
                    optional=True,
                    default=AS_SAMPLED,
                    advanced=True,
                    tooltip="25 for EmotiveTalk's own weights. DICE-Talk and Sonic sample 12.5: the frames between are "
                    "made from how things moved, and what lasts longer than the audio is left out.",
                ),
            ],
            outputs=[io.Video.Output(display_name="video")],
        )

    @classmethod
    def check_lazy_status(
        cls,
        latent: dict[str, torch.Tensor] | None = None,
        portrait_crop: torch.Tensor | None = None,
        crop_record: FaceRegions | None = None,
        picture: torch.Tensor | None = None,
        transparency: torch.Tensor | None = None,
        **others: Any,
    ) -> list[str]:
        """The host asks this before it samples, which may take hours: what cannot be pasted ends here."""
        if portrait_crop is not None:
            check_one("portrait crop", portrait_crop)
        whole_picture(picture, crop_record, transparency)
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
    ) -> io.NodeOutput:
        portrait = whole_picture(picture, crop_record, transparency)
        samples = latent["samples"]
        count = samples.shape[0]
        if frame_rate == DOUBLED:
            if audio is None:
                raise InputError("Frames are doubled as long as the audio lasts, but none is connected; connect it.")
            count = speech_of(audio).frames
            samples = samples[: sampled_frames(count)]
        if head_pose is not None:
            check_head_pose(head_pose, count)
        transfer = DetailTransfer(detail)
        unmoved = None if portrait_crop is None else portrait_and_still(vae, samples, portrait_crop)
        folder = Path(folder_paths.get_temp_directory())
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"emotivetalk_{uuid.uuid4().hex}.mp4"
        progress = comfy.utils.ProgressBar(count)

        def crops() -> Iterator[torch.Tensor]:
            done = 0
            chunks = clip_frames(vae, samples)
            for chunk in doubled((chunk.cpu() for chunk in chunks), count) if frame_rate == DOUBLED else chunks:
                if unmoved is not None:
                    poses = None if head_pose is None else head_pose.values[done : done + len(chunk)]
                    chunk = transfer(chunk, *(turned(still.to(chunk), poses, crop_record) for still in unmoved))
                yield chunk
                done += len(chunk)
                progress.update_absolute(done, count)

        height, width = (vae.spacial_compression_decode() * side for side in samples.shape[-2:])
        frames = crops()
        if portrait is not None and crop_record is not None:
            height, width = portrait.pixels.shape[-2:]
            frames = pasted(frames, portrait, crop_record, detail, head_pose)
        with VideoWriter(path, width=width, height=height, **sound_of(audio, count)) as writer:
            for chunk in frames:
                writer.write(chunk)
        return io.NodeOutput(InputImpl.VideoFromFile(str(path)))


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


def pasted(
    crops: Iterator[torch.Tensor],
    portrait: Portrait,
    regions: FaceRegions,
    detail: float,
    head_pose: HeadPose | None,
) -> Iterator[torch.Tensor]:
    """Chunks of the crop's frames in the whole picture [k, 3, h, w], at the picture's own resolution."""
    record = regions.record
    sharp = at_own_resolution(
        (frame for chunk in crops for frame in chunk),
        repeat(crop_square(portrait.pixels, record, record.side)),
        regions.crop,
        amount=detail,
        head_pose=head_pose,
        face_box=box_of_mask(regions.face_mask),
    )
    return paste_back_stream((frame[None] for frame in sharp), portrait, record)


def clip_frames(vae: Any, samples: torch.Tensor) -> Iterator[torch.Tensor]:
    """The clip's frames in chunks [k, 3, h, w]. VAEs other than ours decode each chunk by itself."""
    if isinstance(vae, ClipVAE):
        yield from vae.frames(samples)
        return
    ratio = vae.spacial_compression_decode()
    for piece in samples.split(frames_at_once(ratio * samples.shape[-2], ratio * samples.shape[-1], torch.float32)):
        yield frames_of(vae.decode(piece))


def portrait_and_still(
    vae: Any, samples: torch.Tensor, portrait_crop: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The crop, and what this VAE makes of it: [1, 3, h, w] each. InputError where the crop has another size."""
    crop = portrait_crop[:1, :, :, :3]
    ratio = vae.spacial_compression_decode()
    given, expected = crop.shape[1:3], tuple(ratio * side for side in samples.shape[-2:])
    if tuple(given) != expected:
        raise InputError(
            f"The portrait crop is {given[1]} x {given[0]} pixels, but the latents decode to {expected[1]} x "
            f"{expected[0]}; connect the crop of Face Regions that the video was made from."
        )
    held = 1 if isinstance(vae, ClipVAE) else STILL_FRAMES  # ours gives a clip's ends their neighbours by itself
    still = torch.cat(list(clip_frames(vae, vae.encode(crop).expand(held, -1, -1, -1))))
    return frames_of(crop), still[held // 2 : held // 2 + 1]


def turned(picture: torch.Tensor, poses: torch.Tensor | None, crop: FaceRegions | None) -> torch.Tensor:
    """The picture [1, 3, h, w] as it is, or [k, 3, h, w] with the head in k poses, where all that takes is known."""
    if poses is None or crop is None:
        return picture
    scale = picture.shape[-1] / crop.face_mask.shape[-1]
    return turn_head(picture, (box_of_mask(crop.face_mask) * scale).to(picture)[None], poses.to(picture))


def sound_of(audio: dict[str, Any] | None, frames: int) -> dict[str, Any]:
    """What VideoWriter is told of the AUDIO's first recording. What lasts longer than the frames is left out."""
    if audio is None:
        return {}
    rate = int(audio["sample_rate"])
    return {"audio": audio["waveform"][0, :, : round(frames * rate / FRAMES_PER_SECOND)], "audio_rate": rate}
