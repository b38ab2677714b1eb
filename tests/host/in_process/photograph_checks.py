"""DICE-Talk's and Sonic's MODEL, on random weights of a tiny size, inside the host's own Python.

Each `check_…` raises AssertionError where the host and the core disagree.
"""

import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

sys.path.append(str(Path(__file__).parent))

from shots import SCALE, agree, difference, part  # noqa: E402  (the files here are no package)

FRAMES, STEPS = 9, 2
CROSS_DIM, EMOTION_DIM, SIDE = 24, 12, 64


def tiny(kind: str) -> str:
    """A weights folder of that kind in the host's models folder; its name there."""
    import folder_paths

    name, core = f"tiny-{kind}", "emotivetalk_core.models"
    folder = Path(folder_paths.models_dir) / "emotivetalk" / name
    if folder.is_dir():
        return name
    unet, encoders, presets = (
        part(f"{core}.{n}") for n in ("adapted_unet", "photograph_encoders", "photograph_presets")
    )
    preset = {"dice-talk": presets.DICE_TALK, "sonic": presets.SONIC}[kind]
    save = part("emotivetalk_core.weight_files.checkpoint").save_checkpoint
    random = torch.Generator().manual_seed(1)

    def noisy(network: torch.nn.Module) -> torch.nn.Module:
        for parameter in network.parameters():
            parameter.data += 0.05 * torch.randn(parameter.shape, generator=random)
        return network

    unet_config = unet.AdaptedUNetConfig(
        block_channels=(64, 64),
        attends=(True, False),
        layers_per_block=1,
        cross_dim=CROSS_DIM,
        addition_embed_dim=8,
        adapters=preset.unet.adapters,
    )
    dice = kind == "dice-talk"
    encoders_config = replace(
        preset.encoders,
        speech_width=8,
        token_dim=CROSS_DIM,
        hidden_dim=16,
        tokens=4,
        emotion_dim=EMOTION_DIM if dice else 0,
        guide_dim=64,
        picture_dim=CROSS_DIM,
    )
    defaults = replace(preset.sampling, steps=3, window=5, shift=2, size=SIDE)
    torch.manual_seed(0)
    network = noisy(unet.AdaptedUNet(unet_config))
    save(folder / "adapted_unet.safetensors", "adapted_unet", network, unet_config, {}, defaults=defaults)
    network = noisy(encoders.PhotographEncoders(encoders_config))
    save(folder / "photograph_encoders.safetensors", "photograph_encoders", network, encoders_config, {})
    vae = part(f"{core}.vae_network")
    config = vae.VAEConfig(block_channels=(32,) * 4, layers_per_block=1)
    save(folder / "vae.safetensors", "vae", vae.build_vae(config), config, {})
    whisper = part(f"{core}.whisper_encoder")
    config = whisper.WhisperEncoderConfig(d_model=8, encoder_attention_heads=2, encoder_ffn_dim=16)
    save(folder / "whisper_encoder.safetensors", "whisper_encoder", whisper.WhisperEncoder(config), config, {})
    if dice:
        latents = torch.randn(8, EMOTION_DIM, generator=random)
        book = part(f"{core}.codebook").EmotionCodebook(latents, made_of={"worried": "0.5 fear + 0.5 sad"})
        book.save(folder / "emotion_codebook.safetensors")
    folder_paths.filename_list_cache.clear()
    return name


class Photograph:
    """A tiny MODEL, the conditions of an invented clip, and what the core makes of them."""

    def __init__(self, kind: str, frames: int = FRAMES, **changes: Any) -> None:
        types, name = part("emotivetalk_core.types"), tiny(kind)
        random = torch.Generator().manual_seed(5)
        files = [f"{name}/{file}.safetensors" for file in ("adapted_unet", "photograph_encoders", "vae")]
        self.model, self.encoders, self.vae = part("nodes.photograph").LoadPhotograph.execute(*files).result
        self.portrait = torch.rand(1, SIDE, SIDE, 3, generator=random)
        mask = torch.zeros(1, SIDE, SIDE)
        mask[:, 12:50, 18:44] = 1
        windows = part("emotivetalk_core.audio.half_frames").half_frame_windows(
            torch.randn(2 * frames, 5 * 8, generator=random)
        )
        emotion = types.Emotion(torch.randn(frames, EMOTION_DIM, generator=random)) if kind == "dice-talk" else None
        given = {
            "model": self.model,
            "encoders": self.encoders,
            "vae": self.vae,
            "portrait": self.portrait,
            "face_mask": mask,
            "clip_vision_output": {"image_embeds": torch.randn(1, CROSS_DIM, generator=random)},
            "audio_features": types.AudioFeatures(windows),
            "emotion": emotion,
        }
        self.positive, self.picture_only, self.negative, self.latent = (
            part("nodes.photograph").ConditionPhotograph.execute(**given | changes).result
        )
        self.frames = self.latent["samples"].shape[0]

    def stock(self, cfg: float = 6.0, picture: float = 3.0, model: Any = None) -> torch.Tensor:
        """By the host's Dual CFG Guider."""
        from comfy_extras.nodes_custom_sampler import DualCFGGuider

        conditions = (self.positive, self.picture_only, self.negative)
        return self.sampled(DualCFGGuider.execute(model or self.model, *conditions, cfg, picture, "regular").result[0])

    def guided(self, **guidance: float) -> torch.Tensor:
        """By our guider, which lets speech and emotion be guided apart."""
        conditions = (self.positive, self.picture_only, self.negative)
        guider = part("nodes.photograph_guider").PhotographGuider.execute(self.model, *conditions, **guidance).result[0]
        return self.sampled(guider)

    def sampled(self, guider: Any) -> torch.Tensor:
        """By the host's euler, on the core's noise and levels."""
        import comfy.samplers

        levels = part("emotivetalk_core.diffusion.noise_levels")
        start = self.latent["samples"]
        return guider.sample(
            levels.frame_noise(self.frames, tuple(start.shape[1:]), 3),
            start,
            comfy.samplers.sampler_object("euler"),
            levels.noise_grid("karras", STEPS),
            disable_pbar=True,
            seed=3,
        )

    def core(self, **settings: Any) -> torch.Tensor:
        """The same video by the core's own sampler, as the host scales latents."""
        sampling, unet = part("emotivetalk_core.sampling.photograph"), part("emotivetalk_core.models.adapted_unet")
        values, defaults = self.positive[0][1], self.model.model.sampling_defaults

        def tokens(conditioning: Any) -> list[torch.Tensor]:
            said = [conditioning[0][0][0], conditioning[0][1]["emotion_tokens"]]
            return [one.unflatten(1, (-1, CROSS_DIM)) for one in said if one is not None]

        video = sampling.PhotographVideo(
            portrait_latent=values["concat_latent_image"][0].cpu(),
            scale=SCALE,
            picture=values["picture"][0].cpu(),
            tokens=tuple(one.cpu() for one in tokens(self.positive)),
            unsaid=tuple(one[0].cpu() for one in tokens(self.negative)),
            strengths=values["strengths"],
            face_mask=values["face_box"][0].cpu(),
            buckets=values["motion_buckets"].cpu(),
            face_guide=None if values["face_guide"] is None else values["face_guide"][0].cpu(),
        )
        network = unet.AdaptedUNet(self.model.model.diffusion_model.config)
        network.load_state_dict({k: v.cpu() for k, v in self.model.model.diffusion_model.state_dict().items()})
        given = {"steps": STEPS, "window": defaults.window, "shift": defaults.shift, "seed": 3}
        given |= {"shift_restarts": defaults.shift_restarts}
        return (
            sampling.sample_photograph(network.eval(), video, sampling.PhotographSettings(**given | settings)) / SCALE
        )


def check_dice_talk_by_the_stock_guider_is_the_cores() -> None:
    """Dual CFG Guider on our windows: three forwards, a ring that turns, an emotion that changes."""
    shot = Photograph("dice-talk")
    assert shot.frames == FRAMES // 2 + 1 + 5  # a window of silence after the speech
    agree(shot.stock(), shot.core())
    assert difference(shot.stock(), shot.core(emotion_guidance=2.0, lip_guidance=2.0)) > 0.01


def check_sonic_by_the_stock_guider_is_the_cores() -> None:
    """No emotion, no face guide, motion read from the speech."""
    shot = Photograph("sonic", frames=16)
    assert shot.frames == 9
    agree(shot.stock(), shot.core())


def check_the_guider_is_the_cores_with_speech_and_emotion_apart() -> None:
    """Four forwards; and, where both are guided alike, the three of Dual CFG Guider."""
    shot = Photograph("dice-talk")
    apart = shot.guided(lip_guidance=5.0, emotion_guidance=2.0, picture_guidance=3.0)
    agree(apart, shot.core(lip_guidance=5.0, emotion_guidance=2.0, picture_guidance=3.0))
    assert difference(apart, shot.stock()) > 0.01
    agree(shot.guided(), shot.stock())
    sonic = Photograph("sonic")
    agree(sonic.guided(lip_guidance=6.0, emotion_guidance=2.0, picture_guidance=3.0), sonic.stock())


def check_a_clip_shorter_than_a_window_is_the_cores() -> None:
    shot = Photograph("sonic", frames=5)
    assert shot.frames == 3 < shot.model.model.sampling_defaults.window
    agree(shot.stock(), shot.core())


def check_a_single_frame_is_sampled() -> None:
    assert torch.isfinite(Photograph("sonic", frames=1).stock()).all()


def check_strengths_and_motion_reach_the_network() -> None:
    plain = Photograph("dice-talk").stock()
    for changes in ({"lip_strength": 0.0}, {"emotion_strength": 2.0}, {"motion_amount": 120}, {"emotion": None}):
        assert difference(Photograph("dice-talk", **changes).stock(), plain) > 1e-4, changes


def check_half_precision_storage_agrees() -> None:
    """fp16 weights, as an artist loads them on a small card."""
    shot = Photograph("dice-talk")
    name = tiny("dice-talk")
    files = [f"{name}/{file}.safetensors" for file in ("adapted_unet", "photograph_encoders", "vae")]
    half = part("nodes.photograph").LoadPhotograph.execute(*files, "fp16").result[0]
    agree(shot.stock(model=half), shot.stock(), 0.05)


def check_fp8_storage_agrees() -> None:
    """A quarter of float32's memory, as the host's own loaders offer it; it computes in the device's own format."""
    shot, name = Photograph("dice-talk", frames=1), tiny("dice-talk")
    files = [f"{name}/{file}.safetensors" for file in ("adapted_unet", "photograph_encoders", "vae")]
    small = part("nodes.photograph").LoadPhotograph.execute(*files, "fp8_e4m3fn").result[0]
    weights = small.model.diffusion_model.mid_block.attentions[0].proj_in.weight
    assert weights.dtype == torch.float8_e4m3fn
    exact = shot.stock()
    agree(shot.stock(model=small), exact, 0.02 * float(exact.abs().max()))


def check_what_stands_for_an_emotion_is_said() -> None:
    """By each node that may take it from a codebook, and by those that make more of such an emotion."""
    weights = f"{tiny('dice-talk')}/emotion_codebook.safetensors"
    path = part("nodes.weights").path_of(weights)
    book = part("emotivetalk_core.models.codebook").EmotionCodebook.load(path)
    speech = part("emotivetalk_core.types").AudioFeatures(torch.zeros(50, 10, 4))
    emotions, timeline = part("nodes.emotion"), part("nodes.timeline")
    timeline.Timeline.hidden = SimpleNamespace(prompt=None, extra_pnginfo=None, unique_id=None)
    taken = {
        "codebook": lambda name: part("nodes.codebook").CodebookEmotion.execute(book, name),
        "name": lambda name: emotions.LoadEmotion.execute(weights, name),
        "text": lambda name: part("nodes.text_emotion").EmotionFromText.execute(weights, f"rather {name}"),
        "timeline": lambda name: timeline.Timeline.execute(weights, speech, f"0 neutral\n1 0.7 sad + 0.3 {name}"),
    }
    for way, take in taken.items():
        assert "text" not in (take("happy").ui or {}), way
        output = take("worried")
        assert "0.5 fear + 0.5 sad stands for it" in output.ui["text"][0], way
        worried = output.result[0]
        blended = timeline.BlendEmotions.execute(take("happy").result[0], worried)
        assert blended.ui["text"] == output.ui["text"] and blended.result[0].notes == worried.notes, way
        assert timeline.ScaleEmotion.execute(worried, weights, 0.5).result[0].notes == worried.notes
    assert taken["timeline"]("worried").ui["images"], "the plot is shown as before"


def check_a_lora_changes_the_video() -> None:
    import comfy.sd

    shot, random = Photograph("sonic", frames=5), torch.Generator().manual_seed(2)
    key = "diffusion_model.mid_block.attentions.0.transformer_blocks.0.attn2.to_v_ip.0"
    lora = {
        f"{key}.lora_up.weight": torch.randn(64, 2, generator=random),
        f"{key}.lora_down.weight": torch.randn(2, CROSS_DIM, generator=random),
    }
    patched, _ = comfy.sd.load_lora_for_models(shot.model, None, lora, 1.0, 0.0)
    assert difference(shot.stock(model=patched), shot.stock()) > 1e-4


def check_whisper_is_heard_as_the_core_hears_it() -> None:
    audio = part("nodes.audio")
    encoder = audio.LoadAudioEncoder.execute(f"{tiny('sonic')}/whisper_encoder.safetensors").result[0]
    waveform = 0.1 * torch.randn(1, 1, 8_000, generator=torch.Generator().manual_seed(0))
    features, frames = audio.EncodeAudio.execute(encoder, {"waveform": waveform, "sample_rate": 16_000}).result
    assert frames == 13 and features.windows.shape == (13, 10, 40)
    network = encoder.hosted.network
    half = part("emotivetalk_core.audio.half_frames")
    heard = half.encode_half_frames(
        lambda piece: network(network.mel(piece)).cpu(), part("emotivetalk_core.types").Speech(waveform[0, 0])
    )
    agree(features.windows, half.half_frame_windows(heard), 1e-5)


def check_doubled_frames_last_as_long_as_the_speech() -> None:
    """Decode to Video: 25 frames a second of 12.5, and the silent tail left out."""
    shot = Photograph("dice-talk")
    waveform = torch.zeros(1, 1, FRAMES * 640)
    node = part("nodes.video")
    audio = {"waveform": waveform, "sample_rate": 16_000}
    video = node.DecodeVideo.execute(shot.vae, shot.latent, audio, frame_rate=node.DOUBLED).result[0]
    assert video.get_components().images.shape[0] == FRAMES


def check_what_does_not_belong_is_refused() -> None:
    errors, types = part("emotivetalk_core.errors"), part("emotivetalk_core.types")
    for changes, said in (
        ({"emotion": types.Emotion(torch.zeros(30))}, "30 wide"),
        ({"audio_features": types.AudioFeatures(torch.zeros(4, 10, 128))}, "whisper_encoder"),
        ({"clip_vision_output": {"image_embeds": torch.zeros(1, 768)}}, "ViT-H"),
        ({"face_mask": torch.zeros(1, SIDE, SIDE)}, "face mask"),
    ):
        try:
            Photograph("dice-talk", **changes)
        except errors.InputError as error:
            assert said in str(error), error
        else:
            raise AssertionError(f"{changes} was taken")
