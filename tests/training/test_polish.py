"""The stage `polish`: what the backbone films at that moment, and the true pictures beside it."""

import contextlib
from dataclasses import replace

import pytest
import torch
from torch import nn

from emotivetalk_core.diffusion.noise_levels import frame_noise
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.models.vae_network import VAEConfig, build_vae
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.sampling.video import VideoSamplingSettings, sample_video
from emotivetalk_core.training.films import Films, FilmSettings, FilmShares
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.patch_judge import PatchJudge
from emotivetalk_core.training.polish import FilmsWithPictures, Polishing, PolishSettings, film
from emotivetalk_core.training.samples import collate, keyed_generator
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard
from emotivetalk_core.training.vae_anew import places_that_count
from emotivetalk_core.types import VideoConditions

FRAMES, ROWS, SIDE, SCALE, CUT = 4, 6, 8, 4, 4
SIZE, FINE = 2 * SIDE, SCALE * SIDE
VAE = VAEConfig(block_channels=(8, 8), layers_per_block=1, latent_channels=8, norm_groups=2, finer=2)
LIP, EXPRESSION = TINY.ethd.lip_dim, TINY.ethd.expression_dim
STILL = FilmShares(held=1.0, guided=0.0, single=0.0, from_vision=1.0, lips_from_vision=1.0, drop=0.0)
SETTINGS = PolishSettings(
    LoopSettings(steps=10, batch=2), FilmSettings(FRAMES, shares=STILL), made=0.0, cut=CUT, judged=0.5, judged_from=0.5
)
BOXES = {
    "face_box": torch.tensor([4.0, 4.0, 12.0, 12.0]),
    "lip_box": torch.tensor([7.0, 10.0, 9.0, 11.0]),
    "eyes_mouth": torch.tensor([[6.0, 6.0], [10.0, 6.0], [8.0, 10.5]]),
}


def backbone(channels: int) -> ETHD:
    """Without a zero start, so that every path counts."""
    torch.manual_seed(0)
    network = ETHD(replace(TINY.ethd, in_channels=2 * channels, out_channels=channels)).eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


@pytest.mark.parametrize("channels", [4, 8])
def test_what_is_filmed_is_what_sampling_gives(channels):
    """One window, the same noise: two films of one batch, the second's portrait turned with each frame."""
    torch.manual_seed(1)
    network, sampling = backbone(channels), replace(TINY.sampling, steps=3)
    noise = torch.stack([frame_noise(FRAMES, (channels, SIDE, SIDE), seed) for seed in (5, 6)])
    batch = {
        "noise": noise,
        "portrait": torch.randn(2, FRAMES, channels, SIDE, SIDE),
        "lip": torch.randn(2, FRAMES, LIP),
        "expression": torch.randn(2, FRAMES, EXPRESSION),
        "own": torch.randn(2, EXPRESSION),
        "face_mask": (torch.rand(2, 1, 8 * SIDE, 8 * SIDE) > 0.5).float(),
        "lip_mask": (torch.rand(2, 1, 8 * SIDE, 8 * SIDE) > 0.8).float(),
        "motion_bucket": torch.tensor([0.0, 90.0]),
    }
    filmed = film(network, batch, 0.2, sampling)
    assert filmed.shape == noise.shape and filmed.dtype == torch.float32 and not filmed.requires_grad
    settings = VideoSamplingSettings(
        sampling.steps, sampling.grid, sampling.window, sampling.overlap, sigma_max=sampling.sigma_max
    )
    for number in range(2):
        conditions = VideoConditions(
            portrait_latent=batch["portrait"][number],
            lip=batch["lip"][number],
            driving_expression=batch["expression"][number],
            reference_expression=batch["own"][number],
            face_mask=batch["face_mask"][number],
            lip_mask=batch["lip_mask"][number],
            motion_bucket=float(batch["motion_bucket"][number]),
        )
        expected = sample_video(
            network, conditions, frame_count=FRAMES, settings=replace(settings, seed=5 + number)
        )  # scaled
        torch.testing.assert_close(0.2 * filmed[number], expected, rtol=1e-4, atol=1e-4)
    still = film(network, {**batch, "portrait": batch["portrait"][:, :1]}, 0.2, sampling)
    again = film(network, {**batch, "portrait": batch["portrait"][:, :1].expand_as(noise)}, 0.2, sampling)
    assert torch.equal(still, again) and not torch.allclose(still, filmed, atol=1e-2)


def numbered(shape: tuple[int, ...], first: float = 0.0) -> torch.Tensor:
    """Rows that hold their number."""
    rows = first + torch.arange(ROWS, dtype=torch.float32)
    return rows.reshape(ROWS, *[1] * len(shape)).expand(ROWS, *shape).contiguous()


def pictures_of(side: int) -> torch.Tensor:
    """Pictures [n, s, s, 3] that show row, column and their number."""
    row, column = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    shown = [torch.stack([row, column, torch.full_like(row, number)], -1) for number in range(ROWS)]
    return torch.stack(shown).to(torch.uint8)


@pytest.fixture
def source(tmp_path) -> Source:
    """A film, the same held still and stills of the same person, fine and not; lips that are read are 100 and more."""
    boxes = {name: value.expand(ROWS, *value.shape).contiguous() for name, value in BOXES.items()}
    latents = {"latents": numbered((8, SIDE, SIDE)).half()}
    read = {"lip": numbered((LIP,), 100), "expression": numbered((EXPRESSION,), 200)}
    heard = {"lip_heard": numbered((LIP,), 300), "expression_heard": numbered((EXPRESSION,), 400)}
    small, fine = {"pictures": pictures_of(SIZE)}, {"fine": pictures_of(FINE)}
    whole = {**small, **latents, **boxes, **read}

    def clip(name: str, kind: str, fields: dict[str, torch.Tensor], acts: str = "") -> WrittenClip:
        own = {name: value.clone() for name, value in fields.items()}  # a shard's fields share no memory
        return WrittenClip(Clip(name, "anna", kind, ROWS, portraits="portraits", performance=acts), own)

    written = [
        clip("clip", "clips", {**whole, **heard}),
        clip("coarse", "held", {**small, **latents}, "clip"),
        clip("held", "held", {**small, **latents, **boxes, **fine}, "clip"),
        clip("portraits", "portraits", whole),
        clip("coarse stills", "stills", whole),
        clip("stills", "stills", {**whole, **fine}),
    ]
    SourceWriter(tmp_path).add(write_shard(tmp_path, "all.safetensors", written))
    return Source.open(tmp_path)


def films(source: Source, **changes: float) -> FilmsWithPictures:
    settings = replace(SETTINGS, films=FilmSettings(FRAMES, shares=replace(STILL, **changes)))
    torch.manual_seed(0)
    return FilmsWithPictures(source, settings, build_vae(VAE), SIZE, 7, held_out=False)


@pytest.mark.parametrize(("single", "shape"), [(0.0, (1, FRAMES)), (1.0, (FRAMES, 1))])
def test_the_true_picture_is_that_of_the_frame_and_of_the_corner(source, single, shape):
    samples = [films(source, single=single).draw(step, step, keyed_generator(3, step)) for step in range(12)]
    corners = torch.cat([sample["corner"] for sample in samples])
    assert corners.shape == (12 * shape[0], 2) and bool((corners[:, 0] != corners[:, 1]).any())
    assert 0 <= int(corners.min()) and int(corners.max()) <= SIDE - CUT
    counted = places_that_count(
        torch.ones(1, FINE, FINE),
        (2 * BOXES["face_box"][None], 2 * BOXES["lip_box"][None]),
        2 * BOXES["eyes_mouth"][None],
        face=2.0,
        lips=5.0,
        eyes=5.0,
    )[0]
    for sample in samples:
        assert sample["target"].shape == (*shape, 3, SCALE * CUT, SCALE * CUT)
        assert sample["weight"].shape == (*shape, 1, SCALE * CUT, SCALE * CUT)
        assert sample["latents"].shape == sample["noise"].shape == (*shape, 8, SIDE, SIDE)
        places = torch.arange(SCALE * CUT)
        for row, (y, x) in enumerate(sample["corner"].tolist()):
            for frame in range(shape[1]):
                down, across, number = 255 * sample["target"][row, frame]
                torch.testing.assert_close(down, (SCALE * y + places)[:, None].expand_as(down).float())
                torch.testing.assert_close(across, (SCALE * x + places)[None].expand_as(across).float())
                assert float(number[0, 0]) == pytest.approx(float(sample["latents"][row, frame, 0, 0, 0]))
                square = counted[SCALE * y :, SCALE * x :][: SCALE * CUT, : SCALE * CUT]
                assert torch.equal(sample["weight"][row, frame, 0], square)


def test_what_has_no_fine_pictures_is_not_filmed(source):
    """Where it may be, the backbone's own films hold it, and nothing beside."""
    for single in (0.0, 1.0):
        chosen = films(source, single=single)
        for step in range(8):
            chosen.draw(step, step, keyed_generator(3, step))  # a clip without fine pictures would raise
        plain = Films(source, FilmSettings(FRAMES, shares=replace(STILL, single=single)), SIZE, SIDE, 7, held_out=False)
        assert "target" not in plain.draw(0, 0, keyed_generator(3, 0))
        assert len(plain._stills) == 2 * int(single) and len(plain._held) == 2


@pytest.mark.parametrize(("seen", "first"), [(1.0, 100), (0.0, 300)])
def test_films_are_driven_by_lips_that_are_read_or_heard(source, seen, first):
    sample = films(source, lips_from_vision=seen).draw(0, 0, keyed_generator(3, 5))
    torch.testing.assert_close(sample["lip"][0, :, 0] - first, sample["latents"][0, :, 0, 0, 0])
    torch.testing.assert_close(sample["expression"][0, :, 0] - 200, sample["latents"][0, :, 0, 0, 0])


def test_a_share_of_the_films_is_the_backbones(source):
    for made in (0.0, 1.0):
        chosen = films(source)
        chosen._polish = replace(SETTINGS, made=made)
        assert chosen.draw(0, 0, keyed_generator(3, 0))["made"].tolist() == [made]


def polishing() -> Polishing:
    torch.manual_seed(0)
    vae = build_vae(VAE)
    vae.requires_grad_(False).decoder.requires_grad_(True)
    return Polishing(vae, backbone(8), PatchJudge(4), TINY.sampling, SETTINGS, contextlib.nullcontext)


@pytest.mark.parametrize("made", [0.0, 1.0])
def test_the_decoder_is_asked_of_the_square_that_is_shown(source, made):
    """Of the encoder's latents, or of those that the backbone films, and nothing but the decoder learns."""
    objective, chosen = polishing(), films(source)
    batch = collate([chosen.draw(0, index, keyed_generator(3, index)) for index in range(2)])
    batch["made"] = torch.full_like(batch["made"], made)
    batch["latents"] = torch.randn(batch["latents"].shape, generator=keyed_generator(9))  # another at every place
    batch["corner"] = torch.tensor([[1, 3], [4, 0]])
    filmed = film(backbone(8), batch, VAE.scaling_factor, TINY.sampling) if made else batch["latents"]
    outcome = objective.eval()(batch)
    torch.testing.assert_close(outcome.handed["true"], batch["target"].flatten(0, 1))
    for row, (y, x) in enumerate(batch["corner"].tolist()):
        with torch.no_grad():
            expected = objective.decoder(filmed[row, :, :, y : y + CUT, x : x + CUT], FRAMES) / 2 + 0.5
        found = outcome.handed["made"][row * FRAMES : (row + 1) * FRAMES]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not outcome.handed["made"].requires_grad
    assert {name.split(".")[0] for name, _ in objective.named_parameters()} == {"decoder"}
    outcome.loss.backward()
    assert all(parameter.grad is None for parameter in objective._backbone[0].parameters())
    assert any(parameter.grad is not None and parameter.grad.any() for parameter in objective.decoder.parameters())


def test_pictures_of_filmed_latents_come_to_look_right(source):
    objective, chosen = polishing().train(), films(source)
    batch = {**chosen.draw(0, 0, keyed_generator(3, 0)), "made": torch.ones(1)}
    optimiser = torch.optim.Adam(objective.parameters(), 3e-3)
    told, heard = [], []
    for _ in range(12):
        optimiser.zero_grad()
        outcome = objective(batch)
        outcome.loss.backward()
        optimiser.step()
        told.append(float(outcome.figures["pixel"].detach()))
        heard.append("doubt" in outcome.figures)
    assert told[-1] < 0.6 * told[0]
    assert heard == [False] * 5 + [True] * 7  # the judge, from its share of the steps on
