"""Speech, V-AID, VAE and video file on the demo weights, in the host's own Python: checks raise AssertionError."""

import functools
import sys
from pathlib import Path
from typing import Any

import torch
from torch import nn

sys.path.append(str(Path(__file__).parent))
from shots import ROOT, SCALE, agree, enlarged, live_tensors, part  # noqa: E402  (the files here are no package)

DEMO = ROOT / "emotivetalk_core" / "weights" / "demo"
EXACT = 1e-5


@functools.cache
def models() -> Any:
    """The core's own networks; loading them takes longer than most checks."""
    return part("emotivetalk_core.models.model_set").load_model_set(DEMO)


def recording(seconds: float = 2.0) -> dict[str, Any]:
    """The beginning of the bundled speech, as the host's AUDIO."""
    audio = part("nodes.example").ExampleInputs.execute().result[1]
    return {"waveform": audio["waveform"][..., : int(seconds * 16_000)], "sample_rate": 16_000}


def encoder() -> Any:
    return part("nodes.audio").LoadAudioEncoder.execute("demo/speech_encoder.safetensors").result[0]


def features(seconds: float = 2.0) -> Any:
    return part("nodes.audio").EncodeAudio.execute(encoder(), recording(seconds)).result[0]


def v_aid() -> tuple[Any, Any]:
    """Lip projector, expression sampler."""
    return part("nodes.v_aid").LoadVAID.execute("demo/lip_projector.safetensors", "demo/dicte.safetensors").result


def vae() -> Any:
    return part("nodes.vae").load_hosted_vae(DEMO / "vae.safetensors")


def face() -> Any:
    random = torch.Generator().manual_seed(3)
    values = [torch.randn(1, width, generator=random) for width in (64, 30, 6, 6, 128)]
    return part("emotivetalk_core.types").MotionLatents(*values)


def picture(frames: int = 1, size: int = 128) -> torch.Tensor:
    """The bundled portrait, as IMAGE."""
    image = part("nodes.example").ExampleInputs.execute().result[0].movedim(-1, 1)
    small = nn.functional.interpolate(image[:, :3], size=(size, size), mode="area")
    return small.movedim(1, -1).expand(frames, -1, -1, -1)


def clip(frames: int, size: int = 32) -> torch.Tensor:
    """Unscaled latents of an invented clip."""
    return torch.randn(frames, 4, size, size, generator=torch.Generator().manual_seed(7)) / SCALE


def refused(words: str, attempt: Any) -> None:
    """The attempt raises one of the core's errors, which says these words."""
    try:
        attempt()
    except part("emotivetalk_core.errors").EmotiveTalkError as error:
        assert words in str(error), str(error)
    else:
        raise AssertionError(f"nothing was said where “{words}” was expected")


def check_audio_features_are_the_cores() -> None:
    """The windows of the whole bundled recording, and the frame count."""
    audio = recording(60)
    windows, frames = part("nodes.audio").EncodeAudio.execute(encoder(), audio).result
    speech = part("nodes.layouts").speech_of(audio)
    agree(windows.windows, part("emotivetalk_core.pipeline").encode_windows(models(), speech), EXACT)
    assert frames == speech.frames == windows.frames


def check_host_encodes_with_our_encoder() -> None:
    """The host's AudioEncoderEncode takes our AUDIO_ENCODER: stereo, another rate, a batch, and less than a window."""
    from comfy_extras.nodes_audio_encoder import AudioEncoderEncode

    ours = encoder()
    stereo = {"waveform": torch.rand(2, 2, 44_100) - 0.5, "sample_rate": 44_100}
    (heard,) = AudioEncoderEncode.execute(ours, stereo).result
    assert heard["audio_samples"] == 16_000
    assert heard["encoded_audio"].shape == (2, 49, 128)
    assert [layer.shape for layer in heard["encoded_audio_all_layers"]] == [(2, 49, 128)] * 4
    samples = recording()["waveform"][0]
    (heard,) = AudioEncoderEncode.execute(ours, recording()).result
    agree(heard["encoded_audio"], models().speech_encoder.features(samples), EXACT)
    click = {"waveform": torch.rand(1, 1, 100), "sample_rate": 16_000}
    assert AudioEncoderEncode.execute(ours, click).result[0]["encoded_audio"].shape[1] == 1


def check_we_encode_with_the_hosts_encoder() -> None:
    """A Wav2Vec2 of the host gives windows on our frames; the demo's networks refuse its width in one sentence."""
    from comfy.audio_encoders.audio_encoders import AudioEncoderModel
    from comfy.audio_encoders.wav2vec2 import Wav2Vec2Model

    shape = {"embed_dim": 768, "num_heads": 12, "num_layers": 1, "conv_norm": False, "conv_bias": False}
    rest = {"do_normalize": False, "do_stable_layer_norm": False}
    theirs = AudioEncoderModel({"model_type": "wav2vec2", **shape, **rest})
    plain = Wav2Vec2Model(**shape, **rest, operations=nn)
    for parameter in plain.parameters():
        parameter.data.normal_(0, 0.1, generator=torch.Generator().manual_seed(parameter.numel()))
    theirs.load_sd(plain.state_dict())
    heard, frames = part("nodes.audio").EncodeAudio.execute(theirs, recording(1.01)).result
    assert frames == 26 and heard.windows.shape == (26, 10, 768)
    padded = nn.functional.pad(recording(1.01)["waveform"], (40, 520))
    padded = part("emotivetalk_core.models.speech_encoder").standardise(padded)
    whole = theirs.encode_audio(padded, 16_000)["encoded_audio"][0]
    agree(heard.windows[5, 4:6], whole[10:12].float(), EXACT)
    lips, sampler = v_aid()
    nodes = part("nodes.v_aid")
    words = "The audio features are 768 wide, but this {} takes 128"
    refused(words.format("lip projector"), lambda: nodes.ProjectLips.execute(lips, heard))
    refused(words.format("expression sampler"), lambda: nodes.SampleExpression.execute(sampler, heard, face()))


def check_public_files_go_to_the_host() -> None:
    """Our files come first, and only safetensors of the host's folder are offered."""
    names = part("nodes.audio").encoder_files()
    assert names[0] == "demo/speech_encoder.safetensors"
    assert all(name.endswith(".safetensors") for name in names)


def check_no_sound_says_so() -> None:
    """A video without sound hands None over."""
    refused("No sound was given", lambda: part("nodes.audio").EncodeAudio.execute(encoder(), None))


def check_lips_are_the_cores() -> None:
    """Lip latents of more frames than go through the projector at once, at several strengths."""
    core, heard = part("emotivetalk_core.pipeline"), features(0.4)
    for strength, repeated in ((0.0, 1), (1.0, 1), (1.7, 26)):  # 10 frames, and 260
        windows = heard.windows.repeat(repeated, 1, 1)
        long = part("emotivetalk_core.types").AudioFeatures(windows)
        (lips,) = part("nodes.v_aid").ProjectLips.execute(v_aid()[0], long, strength).result
        wanted = core.lip_latents(models(), windows, core.TalkSettings(lip_strength=strength))
        torch.testing.assert_close(lips.values, wanted, rtol=EXACT, atol=EXACT)


def check_expression_is_the_cores() -> None:
    """Expression latents with an emotion and with the portrait's own, guided and not; progress counts every step."""
    import comfy.utils

    core, types, heard = part("emotivetalk_core.pipeline"), part("emotivetalk_core.types"), features(0.8)
    sampler, told = v_aid()[1], []
    comfy.utils.PROGRESS_BAR_HOOK = lambda done, total, *rest, **more: told.append((done, total))
    try:
        for emotion, guidance in ((None, 1.0), (types.Emotion(torch.randn(30)), 2.0)):
            node = part("nodes.v_aid").SampleExpression
            (given,) = node.execute(sampler, heard, face(), emotion, seed=11, steps=4, guidance=guidance).result
            settings = core.TalkSettings(
                expression_steps=4,
                expression_guidance=guidance,
                video=part("emotivetalk_core.sampling.video").VideoSamplingSettings(seed=11),
            )
            wanted = face().expression[0] if emotion is None else emotion.values
            agree(given.values, core.expression_latents(models(), heard.windows, face(), wanted, settings), EXACT)
    finally:
        comfy.utils.PROGRESS_BAR_HOOK = None
    # the host leaves out what follows too soon, but never the end
    assert told.count((4, 4)) == 2 and {total for _, total in told} == {4}, told


def check_weights_of_other_families_are_refused() -> None:
    """A face from encoders of another width."""
    types, (_, sampler) = part("emotivetalk_core.types"), v_aid()
    wide = types.MotionLatents(*[torch.zeros(1, width) for width in (64, 30, 6, 6, 512)])
    node = part("nodes.v_aid").SampleExpression
    refused("The face's identity is 512 wide", lambda: node.execute(sampler, features(0.2), wide))


def check_every_leaf_is_the_hosts() -> None:
    """All weights lie in layers of the host, or are a single number, which is fetched where it is needed."""
    for network in (encoder().hosted.network, vae().first_stage_model):
        for name, module in network.named_modules():
            for parameter in module.parameters(recurse=False):
                assert getattr(module, "comfy_cast_weights", False) or parameter.numel() == 1, name


def check_weights_come_to_where_the_input_is() -> None:
    """Partial loading: with every weight on the CPU, all computes on the input's device. Meta stands for a GPU."""
    latents = torch.zeros(2, 4, 8, 8, device="meta")
    first_stage = vae().first_stage_model
    stream = part("emotivetalk_core.layers.clip_stream").ClipStream()
    (frames,) = first_stage.network.decoder.pieces(latents, stream, last=True, most=2)
    assert frames.shape == (2, 3, 64, 64)
    assert first_stage.encode(torch.zeros(1, 3, 32, 32, device="meta")).shape == (1, 4, 8, 8)
    heard = encoder().hosted.network.features(torch.zeros(1, 16_000, device="meta"))
    assert heard.shape == (1, 49, 128)


def check_vae_is_the_cores() -> None:
    """Modes unscaled; a clip of more frames than one chunk; any dtype of latents."""
    hosted, core, plain = vae(), part("emotivetalk_core.models.vae"), models().vae
    assert (hosted.downscale_ratio, hosted.upscale_ratio, hosted.latent_channels) == (4, 8, 4)
    image = picture(2, 64)
    agree(hosted.encode(image), core.encode_mode(plain, image.movedim(-1, 1)), 1e-6)
    latents = clip(26, 8)
    wanted = torch.cat(list(core.decode_chunks(plain, latents * SCALE, chunk=24))).movedim(1, -1)
    agree(hosted.decode(latents), wanted, 3e-6)
    assert (hosted.decode(latents[:2].half()) - hosted.decode(latents[:2])).abs().max() < 0.05


def check_host_nodes_take_the_vae() -> None:
    """The host's nodes encode and decode, in tiles and not; what does not fit is cropped, as for every VAE."""
    import nodes

    hosted, image = vae(), picture(2, 80)
    (latent,) = nodes.VAEEncode().encode(hosted, image)
    assert latent["samples"].shape == (2, 4, 20, 20)
    assert nodes.VAEEncode().encode(hosted, image[:1, :79, :78])[0]["samples"].shape == (1, 4, 19, 19)
    (tiled,) = nodes.VAEEncodeTiled().encode(hosted, image[:1], 64, 16)
    first = {"samples": latent["samples"][:1]}
    assert (tiled["samples"] - first["samples"]).abs().mean() < 0.2 * first["samples"].abs().mean()
    (frames,) = nodes.VAEDecode().decode(hosted, latent)
    larger = enlarged(image)
    assert frames.shape == larger.shape and (frames - larger).abs().mean() < 0.05
    (pieces,) = nodes.VAEDecodeTiled().decode(hosted, first, 64, 16)
    assert pieces.shape == frames[:1].shape and (pieces - frames[:1]).abs().mean() < 0.02


def check_tiles_know_their_neighbours_in_time() -> None:
    """Tiles as large as the picture are the clip decoded as a whole, not frame by frame."""
    hosted = vae()
    latents = clip(5, 16)
    agree(hosted.decode_tiled(latents, tile_x=64, tile_y=64, overlap=16), hosted.decode(latents), EXACT)


def check_out_of_memory_goes_to_tiles() -> None:
    """Decoding as a whole runs out of memory: the clip comes in tiles, to the host's nodes and to ours."""
    hosted, latents = vae(), clip(1, 36)
    whole, decoder = hosted.decode(latents), hosted.first_stage_model.network.decoder
    pieces, sizes = decoder.pieces, []

    def small(part: torch.Tensor, *given: Any, **options: Any) -> Any:
        sizes.append(tuple(part.shape[-2:]))
        if max(part.shape[-2:]) > 32:
            raise torch.cuda.OutOfMemoryError("made for this check")
        return pieces(part, *given, **options)

    decoder.pieces = small
    assert 0 < (hosted.decode(latents) - whole).abs().mean() < 0.05
    assert sizes == [(36, 36), (32, 32), (32, 32), (32, 32), (32, 32)], sizes
    video = torch.cat(list(part("nodes.decoding").clip_frames(hosted, latents)))
    assert (video.movedim(1, -1).cpu() - whole.cpu()).abs().mean() < 0.05


def check_vae_memory_is_predicted() -> None:
    """What the host is told of encoding and decoding is within a quarter of what is alive at the peak."""
    hosted = vae()
    with live_tensors() as live:
        hosted.first_stage_model.encode(picture().movedim(-1, 1).contiguous())
    shares = [hosted.memory_used_encode((1, 3, 128, 128), torch.float32) / live.peak]
    latents = clip(24, 16)
    with live_tensors() as live:
        list(hosted.first_stage_model.chunks(latents, latents.device))
    shares.append(hosted.memory_used_decode(latents.shape, torch.float32) / live.peak)
    print("encode, decode:", shares)
    assert all(0.8 < share < 1.25 for share in shares), shares


def check_speech_memory_is_predicted() -> None:
    """The same of the speech encoder, the lip projector and Di-CTE."""
    speech, lips, expression = (
        part("emotivetalk_core.models.speech_encoder"),
        part("emotivetalk_core.models.lip_projector"),
        part("emotivetalk_core.sampling.expression"),
    )
    core, shares, windows = models(), [], features(10).windows
    samples = recording(4)["waveform"][0]
    with live_tensors() as live:
        core.speech_encoder.features(samples)
    shares.append(speech.encoding_memory(core.speech_encoder.config, samples.numel()) / live.peak)
    with live_tensors() as live:
        lips.project_lips(core.lip_projector, windows[:1].repeat(256, 1, 1))
    shares.append(lips.projecting_memory(core.lip_projector.config) / live.peak)
    held = face().expression[0]
    for guidance, emotion in ((1.0, held), (2.0, held), (2.0, held.repeat(windows.shape[0], 1))):
        with live_tensors() as live:
            expression.sample_expression(
                core.dicte, windows.clone(), face().identity[0], emotion, seed=0, steps=1, guidance=guidance
            )
        predicted = expression.sampling_memory(core.dicte.config, guidance, emotion.dim() == 2)
        shares.append(predicted / live.peak)
    print("speech, lips, expression, guided, changing:", shares)
    assert all(0.75 < share < 1.25 for share in shares), shares


def temp_files() -> set[Path]:
    import folder_paths

    folder = Path(folder_paths.get_temp_directory())
    return set(folder.iterdir()) if folder.exists() else set()


def check_video_has_frames_and_sound() -> None:
    """30 frames with 1.18 s of speech: as many frames, sound to the last of them, and the portrait's colours back."""
    hosted, crop, audio = vae(), picture(1, 32), recording(1.18)
    latents = hosted.encode(crop).expand(30, -1, -1, -1)
    (video,) = part("nodes.video").DecodeVideo.execute(hosted, {"samples": latents}, audio, crop).result
    parts = video.get_components()
    assert parts.images.shape == (30, 64, 64, 3) and parts.frame_rate == 25
    heard = parts.audio["waveform"].shape[-1] / parts.audio["sample_rate"]
    assert abs(heard - 1.18) < 0.07, heard  # AAC comes in blocks of 1024 samples
    assert abs(video.get_duration() - 1.2) < 0.041, video.get_duration()
    away = (parts.images[3:-3].mean((0, 1, 2)) - crop.mean((0, 1, 2))).abs().max()
    print(f"colours off by {away:.4f}, sound {heard:.3f} s")
    assert away < 0.01


def check_detail_is_the_cores() -> None:
    """What DecodeVideo gives back detail from is what the core's own pipeline does."""
    core, types, image = part("emotivetalk_core.pipeline"), part("emotivetalk_core.types"), picture(1, 64)
    mask, record = torch.ones(1, 64, 64), types.CropRecord(0, 0, 64, 64, 64)
    regions = types.FaceRegions(image[0].movedim(-1, 0), mask, mask, record)
    latents = torch.zeros(1, 64), torch.zeros(1, 30)
    wanted = core.portrait_conditions(models(), regions, face(), *latents, core.TalkSettings())
    portrait, still, a_frame = part("nodes.decoding").portrait_and_still(vae(), clip(1, 16), image)
    assert 0 < a_frame < 60
    torch.testing.assert_close(portrait[0].cpu(), wanted.portrait, rtol=0, atol=0)
    torch.testing.assert_close(still[0].cpu(), wanted.still, rtol=EXACT, atol=EXACT)


def check_video_of_nothing_new_is_the_portrait() -> None:
    """The portrait's own latents: with detail every frame is the portrait, but for the file's compression."""
    hosted, crop = vae(), picture(1, 64)
    latents = {"samples": hosted.encode(crop).expand(5, -1, -1, -1)}
    away = []
    for detail in (1.0, 0.0):
        (video,) = part("nodes.video").DecodeVideo.execute(hosted, latents, None, crop, detail=detail).result
        away.append(float((video.get_components().images - enlarged(crop)).square().mean().sqrt()))
    print(f"off the portrait with detail {away[0]:.4f}, without {away[1]:.4f}")
    assert away[0] < 0.5 * away[1]


def check_video_is_as_long_as_its_frames() -> None:
    """More sound than frames is cut, no sound makes a silent film, and the sound's rate and channels stay."""
    node, hosted = part("nodes.video").DecodeVideo, vae()
    stereo = {"waveform": torch.rand(1, 2, 44_100) - 0.5, "sample_rate": 44_100}
    (video,) = node.execute(hosted, {"samples": clip(5, 8)}, stereo).result
    parts = video.get_components()
    assert parts.audio["sample_rate"] == 44_100 and parts.audio["waveform"].shape[1] == 2
    assert parts.audio["waveform"].shape[-1] < 0.2 * 44_100 + 2048
    (silent,) = node.execute(hosted, {"samples": clip(1, 8)}).result
    parts = silent.get_components()
    assert parts.images.shape[0] == 1 and parts.audio is None


def theirs() -> Any:
    """A VAE of the host's own class."""
    import comfy.sd
    from comfy.taesd.taesd import TAESD

    torch.manual_seed(0)
    return comfy.sd.VAE(sd={name: 0.05 * torch.randn_like(value) for name, value in TAESD().state_dict().items()})


def check_other_vaes_decode_to_video() -> None:
    """In chunks."""
    (video,) = part("nodes.video").DecodeVideo.execute(theirs(), {"samples": clip(26, 8)}, None, picture(1, 64)).result
    assert video.get_components().images.shape == (26, 64, 64, 3)


def check_a_crop_of_another_size_is_refused() -> None:
    """The portrait itself in place of its crop."""
    node = part("nodes.video").DecodeVideo
    words = "The portrait crop is 96 x 96 pixels, but the latents are of a crop of 128 x 128"
    refused(words, lambda: node.execute(vae(), {"samples": clip(2)}, None, picture(1, 96)))


def check_cancel_leaves_no_file() -> None:
    """Interrupted after the first chunk, decoding ends, and nothing stays in the folder."""
    import comfy.model_management
    import comfy.utils

    before = temp_files()

    def hook(done: int, total: int, *rest: Any, **more: Any) -> None:
        assert 0 < done < total == 60
        comfy.model_management.interrupt_current_processing()

    comfy.utils.PROGRESS_BAR_HOOK = hook
    try:
        part("nodes.video").DecodeVideo.execute(vae(), {"samples": clip(60, 8)}, recording())
    except comfy.model_management.InterruptProcessingException:
        assert temp_files() == before
    else:
        raise AssertionError("the interrupt was swallowed")
    finally:
        comfy.utils.PROGRESS_BAR_HOOK = None
        comfy.model_management.interrupt_current_processing(False)
