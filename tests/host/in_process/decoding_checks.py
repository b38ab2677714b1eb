"""Decoding from any frame on, and temporary files."""

import gc
import re
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import torch

sys.path.append(str(Path(__file__).parent))

from audio_and_vae_checks import DEMO, clip, part, picture, temp_files, theirs, vae  # noqa: E402  (the files here are no package)


def tails_agree(vae: Any, half_rate: bool, count: int, more: tuple[int, ...] = ()) -> None:
    """From where the second chunk and the last began, and from some more frames, the rest is that of the whole, to the
    last bit.
    """
    crops = part("nodes.decoding").CropFrames(vae, clip(30, 4), count, half_rate=half_rate)
    chunks = list(crops.chunks())
    whole, lengths = torch.cat(chunks), [len(chunk) for chunk in chunks]
    assert len(whole) == count and len(chunks) > 1, lengths
    for first in {lengths[0], count - lengths[-1], *more}:
        assert torch.equal(torch.cat(list(crops.chunks(first))), whole[first:]), first


def check_decoding_goes_on_at_any_frame() -> None:
    tails_agree(vae(), False, 30, (5, 29))


def check_doubled_frames_go_on_at_any_frame() -> None:
    tails_agree(vae(), True, 60, (5, 59))


def check_other_vaes_go_on_at_any_frame() -> None:
    """Of the host's own class: each chunk by itself."""
    tails_agree(theirs(), False, 30, (5, 29))


def check_beyond_a_face_that_stays_in_its_place_the_portrait_stays() -> None:
    """Latents that are off in a corner: with the face's mask at the other one, not a pixel of that corner changes."""
    hosted, crop = vae(), picture(1, 64)
    latents = hosted.encode(crop).repeat(3, 1, 1, 1)
    latents[:, :, -4:, -4:] += 5 * latents.std()
    mask = torch.zeros(1, 64, 64)
    mask[:, 8:24, 8:24] = 1
    away = []
    for still_face in (None, mask):
        crops = part("nodes.decoding").CropFrames(hosted, latents, 3, portrait_crop=crop, still_face=still_face)
        off = (torch.cat(list(crops.chunks())) - crops.unmoved[0].cpu()).abs()
        away.append(float(off[..., 96:, 96:].max()))
    assert away[0] > 0.1 and away[1] == 0, away


def check_what_lies_beside_the_vae_retouches_what_changed() -> None:
    """A retoucher that adds green, and a corner that changes: it turns green there and nowhere else, in the crop alone
    and pasted into the picture, and not without the portrait.
    """
    models, types = part("emotivetalk_core.models.retoucher"), part("emotivetalk_core.types")
    config = models.RetoucherConfig(channels=(8,), norm_groups=1)
    green = models.Retoucher(config)
    torch.nn.init.constant_(green.fine.bias[3 * 16 : 4 * 16], 1.0)  # after the shares and red
    save = part("emotivetalk_core.weight_files.checkpoint").save_checkpoint
    whole = picture(1, 128)
    crop = whole.movedim(-1, 1)[:, :, ::2, ::2].movedim(1, -1)
    record = types.CropRecord(0, 0, 128, 128, 128)
    regions = types.FaceRegions(crop[0].movedim(-1, 0), *2 * [torch.ones(1, 64, 64)], record)
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "vae.safetensors"
        beside.write_bytes((DEMO / "vae.safetensors").read_bytes())
        save(beside.with_name("retoucher.safetensors"), "retoucher", green, config, {"steps": 0})
        hosted = part("nodes.vae").load_hosted_vae(beside)
    latents = hosted.encode(crop).repeat(3, 1, 1, 1)
    latents[:, :, -4:, -4:] += 2 * latents.std()
    mask = torch.zeros(1, 64, 64)
    mask[:, 48:, 48:] = 1
    node = part("nodes.video").DecodeVideo

    def frame(retoucher: Any, **inputs: Any) -> torch.Tensor:
        hosted.retoucher = retoucher
        (video,) = node.execute(hosted, {"samples": latents, "still_face": mask}, None, resume=False, **inputs).result
        return video.get_components().images[1]

    beside_it = hosted.retoucher
    for inputs in ({}, {"crop_record": regions, "picture": whole}):
        more = frame(beside_it, portrait_crop=crop, **inputs) - frame(None, portrait_crop=crop, **inputs)
        told = [float(more[-16:, -16:, 1].mean()), float(more[:16, :16].abs().mean())]
        assert told[0] > 0.1 > 5 * told[1], (told, *inputs)
    assert torch.equal(frame(beside_it), frame(None))


def check_close_ups_that_lie_beside_the_vae_are_seen_at_eyes_and_mouth() -> None:
    """Ones that paint eyes and mouth green, of a film that stands still: in the crop alone and pasted into the picture,
    for a LATENT that brings the motion and a record that knows eyes and mouth; and nowhere else.
    """
    models, types = part("emotivetalk_core.models.close_up"), part("emotivetalk_core.types")
    config = models.CloseUpConfig(channels=(8,), norm_groups=1, motion=2, motion_width=8)
    green = models.CloseUpNetwork(config)
    torch.nn.init.constant_(green.fine.bias[2 * 4 : 3 * 4], 1.0)  # after the share and red
    save = part("emotivetalk_core.weight_files.checkpoint").save_checkpoint
    whole = picture(1, 128) * 0.5
    crop = whole.movedim(-1, 1)[:, :, ::2, ::2].movedim(1, -1)
    record = types.CropRecord(0, 0, 128, 128, 128)
    eyes_mouth = torch.tensor([[24.0, 24.0], [40.0, 24.0], [32.0, 44.0]])
    regions = types.FaceRegions(crop[0].movedim(-1, 0), *2 * [torch.ones(1, 64, 64)], record, eyes_mouth)
    with tempfile.TemporaryDirectory() as folder:
        beside = Path(folder) / "vae.safetensors"
        beside.write_bytes((DEMO / "vae.safetensors").read_bytes())
        save(beside.with_name("close_up.safetensors"), "close_up", green, config, {"steps": 0})
        hosted = part("nodes.vae").load_hosted_vae(beside)
    latents = hosted.encode(crop).repeat(3, 1, 1, 1)
    motion = (latents, torch.zeros(3, 2))
    node, beside_it = part("nodes.video").DecodeVideo, hosted.close_up
    assert beside_it is not None and hosted.retoucher is None

    def frame(close_up: Any, inputs: dict[str, Any], **latent: Any) -> torch.Tensor:
        hosted.close_up = close_up
        (video,) = node.execute(hosted, {"samples": latents, **latent}, None, crop, resume=False, **inputs).result
        return video.get_components().images[1]

    for inputs in ({"crop_record": regions}, {"crop_record": regions, "picture": whole}):
        more = frame(beside_it, inputs, motion=motion) - frame(None, inputs, motion=motion)
        scale = more.shape[0] / 64
        at = [float(more[int(y * scale), int(x * scale), 1]) for x, y in eyes_mouth.tolist()]
        assert min(at) > 0.2, (at, *inputs)
        assert float(more[: int(8 * scale)].abs().mean()) < 0.02, inputs
        assert torch.equal(frame(beside_it, inputs), frame(None, inputs)), "no motion, no close-ups"
    assert torch.equal(frame(beside_it, {}, motion=motion), frame(None, {}, motion=motion))
    hosted.face_finder = finding(eyes_mouth)  # without a record the finder that lies there looks for them
    more = frame(beside_it, {}, motion=motion) - frame(None, {}, motion=motion)
    assert min(float(more[int(y * 2), int(x * 2), 1]) for x, y in eyes_mouth.tolist()) > 0.2
    for inputs in ({}, {"crop_record": regions}):  # and says whose face is a drawn one, whatever the record says
        hosted.face_finder = finding(eyes_mouth, drawn=True)
        assert torch.equal(frame(beside_it, inputs, motion=motion), frame(None, inputs, motion=motion)), inputs


def finding(eyes_mouth: torch.Tensor, drawn: bool = False) -> Any:
    """A finder that sees one face, a drawn one or not, with eyes and mouth there in a crop of 64 pixels."""
    detection = part("emotivetalk_core.face.finder").FaceDetection

    class Finder:
        def find(self, pixels: torch.Tensor) -> list[Any]:
            places = tuple(map(tuple, (eyes_mouth * (pixels.shape[-1] / 64)).tolist()))
            return [detection((0.0, 0.0, 64.0, 64.0), 0.9, places)]

        def strangeness(self, crop: torch.Tensor) -> float:
            return 0.5

        def is_drawn(self, crop: torch.Tensor) -> bool:
            return drawn

    return Finder()


def check_the_retoucher_is_told_the_motion_that_a_latent_was_sampled_from() -> None:
    """Frame by frame, between those of half the rate too; nothing where another node has made other samples since."""
    retouch = part("emotivetalk_core.face.retouch").Retouch
    told: list[torch.Tensor | None] = []

    def heeding(frames: torch.Tensor, pictures: torch.Tensor, motion: torch.Tensor | None) -> Any:
        told.append(motion)
        count, side = len(frames), frames.shape[-1]
        shares = (torch.zeros(count, channels, side, side) for channels in (2, 1, 1, 3))
        return retouch(*shares)

    hosted, latents = part("nodes.vae").load_hosted_vae(DEMO / "vae.safetensors"), clip(4, 8)
    hosted.retoucher = heeding
    side = latents.shape[-1] * hosted.spacial_compression_encode()
    sound = {"waveform": torch.zeros(1, 1, 7 * 640), "sample_rate": 16_000}
    motion = torch.arange(8.0).reshape(4, 2)

    def heard(audio: Any = None, rate: str = "25, as sampled", **latent: Any) -> Any:
        told.clear()
        crop = torch.rand(1, side, side, 3, generator=torch.Generator().manual_seed(0))
        decode = part("nodes.video").DecodeVideo.execute
        decode(hosted, {"samples": latents, **latent}, audio, crop, frame_rate=rate, resume=False)
        return None if told[0] is None else torch.cat([each for each in told if each is not None]).tolist()

    assert heard(motion=(latents, motion)) == motion.tolist()
    assert heard(sound, "12.5, doubled", motion=(latents, motion)) == [[step, step + 1.0] for step in range(7)]
    assert heard() is None and heard(motion=(latents.clone(), motion)) is None


def check_a_temporary_video_lasts_as_long_as_it_is_held() -> None:
    """What is cut out of it holds it too."""
    before = temp_files()
    (video,) = part("nodes.video").DecodeVideo.execute(vae(), {"samples": clip(10, 8)}).result
    (file,) = temp_files() - before
    slice_of_it: Any = video.as_trimmed(0.0, 0.2)
    del video
    gc.collect()
    assert Path(file).is_file() and slice_of_it.get_components().images.shape[0] == 5
    del slice_of_it
    gc.collect()
    assert temp_files() == before


def check_a_temporary_file_that_is_being_read_goes_later() -> None:
    """As on Windows, which does not delete what somebody reads: the next one takes it along."""
    temporary, before = part("nodes.temporary"), temp_files()
    path = temporary.TemporaryPath.new(".mp4")
    Path(path).write_bytes(b"film")
    with mock.patch.object(Path, "unlink", side_effect=PermissionError):
        del path
        gc.collect()
    assert len(temp_files() - before) == 1
    temporary.TemporaryPath.new(".mp4")
    assert temp_files() == before


def check_a_video_says_what_it_takes_and_what_becomes_of_its_sound() -> None:
    """Nine channels, for which AAC has no places, and the first two of which a plain mean would cancel."""
    side = clip(10, 8).shape[-1] * vae().spacial_compression_encode()
    tone = 0.5 * torch.sin(torch.arange(6_400) * 0.1)
    sound = {"waveform": torch.stack([tone, -tone, *[0 * tone] * 7])[None], "sample_rate": 16_000}
    node = part("nodes.video").DecodeVideo
    output = node.execute(vae(), {"samples": clip(10, 8)}, sound, torch.rand(1, side, side, 3))
    said = "\n".join(output.ui["text"])
    assert "one channel of sound, because AAC has no layout for these 9" in said, said
    assert re.search("about [0-9.]+ s to decode them", said), said
    kept = output.result[0].get_components().audio["waveform"]
    assert kept.shape[1] == 1 and float(kept.abs().max()) > 0.2, kept.shape
    silent = node.execute(vae(), {"samples": clip(10, 8)})
    assert not re.search("decode them|channel", "\n".join(silent.ui["text"])), "nothing is foretold that is not known"


def check_frames_that_last_as_long_as_no_sound_are_refused_before_they_are_sampled() -> None:
    node = part("nodes.video")
    assert node.DecodeVideo.check_lazy_status(frame_rate=node.AS_SAMPLED) == ["latent"]
    try:
        node.DecodeVideo.check_lazy_status(frame_rate=node.DOUBLED)
    except part("emotivetalk_core.errors").InputError as error:
        assert "no audio is connected" in str(error), error
    else:
        raise AssertionError("nothing was said")
