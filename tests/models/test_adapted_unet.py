"""The backbone of DICE-Talk and Sonic: sizes and keys of the published files, and diffusers' own UNet with an adapter
written from the formula as the independent reference.
"""

import pytest
import torch
from photograph_tiny import noisy
from torch import nn
from torch.nn import functional

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.models.adapted_unet import AdaptedUNet, AdaptedUNetConfig
from emotivetalk_core.models.photograph_encoders import PhotographEncoders
from emotivetalk_core.models.photograph_presets import DICE_TALK, SONIC
from emotivetalk_core.types import PhotographConditions

WIDTHS, CROSS_DIM = (64, 128, 128, 128), 24
BATCH, FRAMES, TOKENS, HEIGHT, WIDTH = 2, 3, 4, 8, 16


@pytest.mark.parametrize(
    ("preset", "keys", "parameters"), [(DICE_TALK, 1556, 1_626_859_242), (SONIC, 1492, 1_575_741_162)]
)
def test_the_published_sizes(preset, keys, parameters):
    """Counted in their repositories: 1428 keys of SVD, and two for each of 32 attentions and each adapter."""
    state = AdaptedUNet(preset.unet, device="meta").state_dict()
    assert len(state) == keys
    assert sum(tensor.numel() for tensor in state.values()) == parameters
    adapters = [name for name in state if "_ip." in name]
    assert len(adapters) == keys - 1428 == 64 * preset.unet.adapters
    sites = {"down_blocks.0": 320, "down_blocks.1": 640, "down_blocks.2": 1280, "mid_block": 1280}
    sites |= {"up_blocks.1": 1280, "up_blocks.2": 640, "up_blocks.3": 320}
    for name in adapters:
        (width,) = (width for site, width in sites.items() if name.startswith(site))
        assert state[name].shape == (width, 1024)
        assert ".0.attn2.to_" in name


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        (DICE_TALK, {"speech_tokens": 54_300_672, "emotion_tokens": 73_804_800, "face_guide": 1_086_480}),
        (SONIC, {"speech_tokens": 54_300_672, "motion_buckets": 21_762_050}),
    ],
)
def test_the_encoders_published_sizes(preset, parameters):
    """Of the emotion network's 74,860,822 the classifier's 792,854 and the look-up's 263,168 are training's alone."""
    network = PhotographEncoders(preset.encoders, device="meta")
    found = {name: sum(p.numel() for p in part.parameters()) for name, part in network.named_children()}
    assert found == parameters


class Adapter(nn.Module):
    """A processor for diffusers' attentions, from the formula Out(SA(q, picture) + sum s_i m SA(q, tokens_i))."""

    def __init__(self, width: int, adapters: int, tokens: list[torch.Tensor], mask: torch.Tensor | None) -> None:
        super().__init__()
        self.keys, self.values = (
            nn.ParameterList([torch.randn(width, CROSS_DIM) * 0.2 for _ in range(adapters)]) for _ in range(2)
        )
        self.tokens, self.mask, self.strengths = tokens, mask, (1.0,) * adapters

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, **_):
        def heads(x):
            return x.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

        def attended(keys, values):
            q = heads(attn.to_q(hidden_states))
            scores = q @ heads(keys).transpose(-1, -2) / q.shape[-1] ** 0.5
            return (scores.softmax(-1) @ heads(values)).transpose(1, 2).flatten(2)

        result = attended(attn.to_k(encoder_hidden_states), attn.to_v(encoder_hidden_states))
        for key, value, tokens, strength in zip(self.keys, self.values, self.tokens, self.strengths):
            if self.mask is None:  # along time: the averages, the same at every place
                tokens = tokens.mean(1).repeat_interleave(hidden_states.shape[0] // BATCH, 0)
                masked = 1.0
            else:
                tokens = tokens.flatten(0, 1)
                places = hidden_states.shape[1]
                height = round((places * HEIGHT / WIDTH) ** 0.5)
                masked = functional.interpolate(self.mask, size=(height, places // height), mode="bicubic")
                masked = masked.flatten(1)[..., None].repeat_interleave(FRAMES, 0)
            result = result + strength * masked * attended(tokens @ key.T, tokens @ value.T)
        return attn.to_out[0](result)


@pytest.fixture(scope="module", params=[1, 2])
def pair(request):
    """diffusers' UNet with such adapters, ours with the same weights, and what both are asked."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    adapters = request.param
    theirs = noisy(
        diffusers.UNetSpatioTemporalConditionModel(
            block_out_channels=WIDTHS,
            num_attention_heads=tuple(width // 64 for width in WIDTHS),
            cross_attention_dim=CROSS_DIM,
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=24,
        )
    )
    mask = torch.zeros(BATCH, 1, 8 * HEIGHT, 8 * WIDTH)
    mask[0, :, 10:40, 30:90] = mask[1, :, 20:60, 5:50] = 1
    conditions = PhotographConditions(
        picture=torch.randn(BATCH, CROSS_DIM),
        tokens=tuple(torch.randn(BATCH, FRAMES, TOKENS, CROSS_DIM) for _ in range(adapters)),
        strengths=(1.0,) * adapters,
        face_mask=mask,
        face_guide=torch.randn(BATCH, WIDTHS[0], HEIGHT, WIDTH) if adapters == 2 else None,
    )
    state = dict(theirs.state_dict())
    processors = {}
    for name, processor in theirs.attn_processors.items():
        stem = name.removesuffix(".processor")
        if stem.endswith("attn2"):
            width = state[f"{stem}.to_q.weight"].shape[0]
            given = None if "temporal" in stem else mask
            processor = Adapter(width, adapters, list(conditions.tokens), given).requires_grad_(False)
            for part, parameters in (("k", processor.keys), ("v", processor.values)):
                for index, parameter in enumerate(parameters):
                    state[f"{stem}.to_{part}_ip.{index}.weight"] = parameter
        processors[name] = processor
    theirs.set_attn_processor(processors)
    ours = AdaptedUNet(
        AdaptedUNetConfig(block_channels=WIDTHS, cross_dim=CROSS_DIM, addition_embed_dim=8, adapters=adapters)
    )
    ours.load_state_dict(state, strict=True)
    return theirs, ours.eval(), conditions


@torch.no_grad()
def both(pair, strengths):
    theirs, ours, conditions = pair
    for processor in theirs.attn_processors.values():
        if isinstance(processor, Adapter):
            processor.strengths = strengths
    random = torch.Generator().manual_seed(1)
    x = torch.randn(BATCH, FRAMES, 8, HEIGHT, WIDTH, generator=random)
    added = torch.tensor([[12.5, 8.0, 16.0], [12.5, 30.0, 20.0]])
    guide = conditions.face_guide

    def guided(module, arguments, output):
        return output if guide is None else output + guide.repeat_interleave(FRAMES, 0)

    hook = theirs.conv_in.register_forward_hook(guided)
    expected = theirs(x, torch.tensor(0.7), conditions.picture[:, None], added, return_dict=False)[0]
    hook.remove()
    asked = PhotographConditions(conditions.picture, conditions.tokens, strengths, conditions.face_mask, guide)
    return expected, ours(x, torch.full((BATCH,), 0.7), asked, added)


@pytest.mark.parametrize("strengths", [(1.0, 1.0), (0.0, 1.5), (0.5, 0.0)])
def test_it_computes_what_the_formula_says(pair, strengths):
    strengths = strengths[: pair[1].config.adapters]
    expected, found = both(pair, strengths)
    assert (found - expected).abs().max() < 1e-5 * expected.abs().max()


def test_adapters_mask_and_guide_all_matter(pair):
    """So that the agreement above is not of nothing."""
    _, ours, conditions = pair
    adapters = ours.config.adapters
    _, plain = both(pair, (1.0,) * adapters)
    for index in range(adapters):
        off = tuple(float(number != index) for number in range(adapters))
        assert (both(pair, off)[1] - plain).abs().max() > 1e-2 * plain.abs().max()
    x, added = torch.zeros(BATCH, FRAMES, 8, HEIGHT, WIDTH), torch.tensor([[12.5, 8.0, 16.0]] * BATCH)
    masks = (conditions.face_mask, torch.zeros_like(conditions.face_mask))
    with torch.no_grad():
        seen, unseen = (
            ours(
                x,
                torch.zeros(BATCH),
                PhotographConditions(conditions.picture, conditions.tokens, (1.0,) * adapters, mask, None),
                added,
            )
            for mask in masks
        )
    assert (seen - unseen).abs().max() > 1e-3 * seen.abs().max()


def test_a_config_that_cannot_be():
    with pytest.raises(SettingsError, match="1 adapter"):
        AdaptedUNetConfig(adapters=3)
    with pytest.raises(SettingsError, match="name every level"):
        AdaptedUNetConfig(attends=(True,))
