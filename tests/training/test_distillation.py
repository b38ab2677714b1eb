"""The student of fewer steps: where it is asked to land, and that it comes to."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from emotivetalk_core.cli.main import main
from emotivetalk_core.diffusion.noise_levels import ddim_step, frame_noise, noise_grid, raw_target
from emotivetalk_core.errors import SettingsError
from emotivetalk_core.models.ethd import ETHD, ETHDConfig
from emotivetalk_core.models.model_set import load_model_set
from emotivetalk_core.models.retoucher import Retoucher, RetoucherConfig
from emotivetalk_core.recipes import student, tiny
from emotivetalk_core.recipes.drawn_heads import prepare_drawn_heads
from emotivetalk_core.recipes.library import RECIPES
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.sampling.video import VideoSamplingSettings, sample_video
from emotivetalk_core.training.distillation import DistillationSettings, Distilling, both_levels, landing
from emotivetalk_core.training.films import FilmSettings
from emotivetalk_core.training.learning import Learning, let_learn
from emotivetalk_core.training.loop import LoopSettings
from emotivetalk_core.training.trajectory import answer, trajectory
from emotivetalk_core.types import VideoConditions
from emotivetalk_core.weight_files.checkpoint import load_network, read_checkpoint, save_checkpoint

FRAMES, SIDE = 4, 8
GIVEN = ["speech_encoder", "lip_projector", "motion_encoder", "dicte", "vae", "emotion_codebook"]
"""What a folder of untrained networks holds beside the backbone."""

SAMPLING = replace(TINY.sampling, steps=4, grid="ays", sigma_max=80.0)
PRESET = replace(TINY, sampling=SAMPLING)
LOW_RANK = Learning(whole=("conv_out.*",), lora=("*",), rank=2, alpha=2.0)


def settings(**changes) -> DistillationSettings:
    given = {"loop": LoopSettings(steps=4, batch=2), "films": FilmSettings(FRAMES), "learning": LOW_RANK, "steps": 2}
    return DistillationSettings(**{**given, **changes})


def batch(count: int = 2) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)

    def normal(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    mask = torch.zeros(count, 1, 8 * SIDE, 8 * SIDE)
    mask[..., 16:40, 16:40] = 1
    return {
        "noise": normal(count, FRAMES, 4, SIDE, SIDE),
        "portrait": normal(count, 1, 4, SIDE, SIDE),
        "lip": normal(count, FRAMES, TINY.ethd.lip_dim),
        "expression": normal(count, FRAMES, TINY.ethd.expression_dim),
        "own": normal(count, TINY.ethd.expression_dim),
        "face_mask": mask,
        "lip_mask": mask,
        "eye_mask": mask,
        "motion_bucket": torch.zeros(count),
    }


def backbone() -> ETHD:
    """Without a zero start, so that every path counts."""
    torch.manual_seed(0)
    network = ETHD(TINY.ethd).eval()
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.1)
    return network


class OfUnitData(nn.Module):
    """The best denoiser of unit normal data, D = x / (1 + sigma²): F = 0."""

    def forward(self, x: Tensor, c_noise: Tensor, conditions: object, added: Tensor) -> Tensor:
        return torch.zeros_like(x[:, :, :4])


class Constant(nn.Module):
    """Of data that is one picture."""

    def forward(self, x: Tensor, c_noise: Tensor, conditions: object, added: Tensor) -> Tensor:
        sigma = (4 * c_noise[0]).exp()
        noisy = x[:, :, :4] * (sigma**2 + 1).sqrt()
        return raw_target(torch.full_like(noisy, 0.25), noisy, sigma)


def test_a_step_lands_where_it_was_asked_to():
    noisy, wanted = torch.randn(2, 3), torch.randn(2, 3)
    for sigma, after in ((80.0, 2.0), (3.0, 0.0)):
        levels = torch.tensor(sigma), torch.tensor(after)
        landed = ddim_step(noisy, landing(noisy, wanted, *levels), *levels)
        torch.testing.assert_close(landed, wanted, rtol=1e-4, atol=1e-4)


def test_the_teachers_way_has_its_closed_form():
    """For unit normal data each step multiplies by (1 + sigma·after) / (1 + sigma²)."""
    sigmas = noise_grid("ays", 4, 80.0)
    way = trajectory(OfUnitData(), batch(), sigmas)
    factor = sigmas[0]
    for x, sigma, after in zip(way, sigmas, sigmas[1:]):
        torch.testing.assert_close(x, batch()["noise"] * factor)
        factor = factor * (1 + sigma * after) / (1 + sigma**2)
    torch.testing.assert_close(way[-1], batch()["noise"] * factor)
    torch.testing.assert_close(trajectory(Constant(), batch(), sigmas)[-1], torch.full_like(way[0], 0.25))


@pytest.mark.parametrize("steps", [1, 2])
def test_a_student_of_data_that_is_one_picture_has_nothing_to_learn(steps):
    objective = Distilling(Constant(), Constant(), PRESET, settings(steps=steps), contextlib.nullcontext)
    assert float(objective(batch()).loss) == pytest.approx(0, abs=1e-6)


def test_one_step_of_unit_normal_data_misses_by_what_can_be_computed():
    """The teacher ends at noise times a known factor, and the first answer of all is nearly zero."""
    objective = Distilling(OfUnitData(), OfUnitData(), PRESET, settings(steps=1), contextlib.nullcontext)
    sigmas = noise_grid("ays", 4, 80.0).double()
    end = sigmas[0] * torch.prod((1 + sigmas[:-1] * sigmas[1:]) / (1 + sigmas[:-1] ** 2))
    weight = (1 + sigmas[0] ** 2) / sigmas[0] ** 2
    expected = weight * (batch()["noise"] * (end - sigmas[0] / (1 + sigmas[0] ** 2))).square().mean()
    assert float(objective(batch()).figures["plain"]) == pytest.approx(float(expected), rel=1e-3)


@pytest.mark.parametrize("guided", [False, True])
def test_the_teachers_way_is_what_sampling_gives(guided):
    network, given = backbone(), batch(1)
    strength = {"lip_guidance": 1.5, "emotion_guidance": 2.0} if guided else {}
    chosen = VideoSamplingSettings(3, "ays", window=8, overlap=2, sigma_max=80.0, seed=5, **strength)
    conditions = VideoConditions(
        portrait_latent=given["portrait"][0, 0],
        lip=given["lip"][0],
        driving_expression=given["expression"][0],
        reference_expression=given["own"][0],
        face_mask=given["face_mask"][0],
        lip_mask=given["lip_mask"][0],
        motion_bucket=0.0,
    )
    given["noise"] = frame_noise(FRAMES, (4, SIDE, SIDE), 5)[None]
    way = trajectory(network, given, noise_grid("ays", 3, 80.0), **strength)
    expected = sample_video(network, conditions, frame_count=FRAMES, settings=chosen)
    torch.testing.assert_close(way[-1][0], expected, rtol=1e-4, atol=1e-4)


def test_grids_that_do_not_meet_are_refused():
    few, many, places = both_levels(SAMPLING, settings(steps=2))
    assert places == [0, 2, 4] and torch.allclose(many[places], few)
    assert both_levels(SAMPLING, settings(steps=1, teacher_steps=5))[2] == [0, 5]
    for refused in (settings(steps=3), settings(steps=2, teacher_steps=5)):
        with pytest.raises(SettingsError, match="does not come by"):
            both_levels(SAMPLING, refused)


def test_the_student_is_asked_where_its_own_steps_have_led_it():
    """The first answer counts by itself; the second one begins at what the first made, and not at the teacher's."""
    learner, teacher, given = backbone(), backbone(), batch()
    with torch.no_grad():
        learner.conv_out.bias += 0.5
    objective = Distilling(learner, teacher, PRESET, settings(steps=2), contextlib.nullcontext)
    few, many, places = both_levels(SAMPLING, settings(steps=2))
    way, x, errors = trajectory(teacher, given, many), given["noise"] * few[0], []
    for number in range(2):
        clean = answer(learner, given, x, few[number]).detach()
        wanted = landing(x, way[places[number + 1]], few[number], few[number + 1])
        errors.append((clean - wanted).square() * (few[number] ** 2 + 1) / few[number] ** 2)
        x = ddim_step(x, clean, few[number], few[number + 1])
    torch.testing.assert_close(objective.error(given).detach(), torch.stack(errors).mean(0), rtol=1e-4, atol=1e-5)


def test_nothing_but_the_change_learns_and_it_comes_nearer_to_the_teacher():
    learner, teacher = backbone(), backbone()
    let_learn(learner, LOW_RANK)
    objective = Distilling(learner, teacher, PRESET, settings(steps=1), contextlib.nullcontext)
    assert not any(parameter.requires_grad for parameter in teacher.parameters())
    learning = [parameter for parameter in objective.parameters() if parameter.requires_grad]
    assert all("teacher" not in name for name, _ in objective.named_parameters())
    optimiser = torch.optim.Adam(learning, 1e-2)
    told = []
    for _ in range(12):
        optimiser.zero_grad()
        outcome = objective(batch())
        outcome.loss.backward()
        optimiser.step()
        told.append(float(outcome.loss.detach()))
    assert told[-1] < 0.7 * told[0]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Path:
    """Untrained networks, which are enough to learn from, and a retoucher, which not all weights have."""
    folder = shutil.copytree(tiny_weights, tmp_path_factory.mktemp("teacher") / "start")
    config = RetoucherConfig(channels=(8, 8), norm_groups=4)
    save_checkpoint(folder / "retoucher.safetensors", "retoucher", Retoucher(config), config, {"steps": 0})
    return folder


@pytest.fixture(scope="module")
def recipe(start: Path) -> Path:
    """On a few drawn heads."""
    pytest.importorskip("espeakng_loader")
    prepare_drawn_heads(
        start.parent / "data", 3, replace(tiny.RECIPE.data, clip_frames=8, clips=1, speech_clips=0), None
    )
    path = start.parent / "few.json"
    loop = {"steps": 2, "batch": 2, "warmup": 1, "average": 0.5, "validation_samples": 2}
    learning = {"whole": ["conv_out.*"], "lora": ["*"], "rank": 2, "alpha": 2.0}
    said = {
        "from": "student",
        "preset": "tiny",
        "data": ["data"],
        "stages": {
            "given": {"names": GIVEN},
            "student": {"loop": loop, "learning": learning, "films": {"frames": 4, "also": []}},
        },
    }
    path.write_text(json.dumps(said))
    return path


def test_the_command_trains_it_and_says_beforehand_what_it_takes(recipe: Path, start: Path, capsys, monkeypatch):
    monkeypatch.setitem(
        RECIPES, "student", replace(RECIPES["student"], begins_with=dict.fromkeys((*GIVEN, "ethd"), ""))
    )
    out = recipe.parent / "out"
    assert main(["train", str(recipe), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "student: " in told and "given: learns nothing; all but the backbone stays as it came" in told
    command = ["train", str(recipe), "--start", str(start), "--out", str(out), "--precision", "float32"]
    assert main(command) == 0
    models = load_model_set(out)
    assert models.defaults.steps == 1 and TINY.sampling.steps == 2
    change = read_checkpoint(out / "student.safetensors", "ethd_change").tensors
    begun = load_network(start / "ethd.safetensors", "ethd", ETHD, ETHDConfig, "cpu").state_dict()
    assert any(name.endswith("lora_up.weight") and bool(value.any()) for name, value in change.items())
    for name, value in models.ethd.state_dict().items():
        layer = f"diffusion_model.{name.removesuffix('.weight')}"
        told = begun[name]
        if f"{layer}.lora_up.weight" in change:
            told = told + change[f"{layer}.lora_up.weight"].float() @ change[f"{layer}.lora_down.weight"].float()
        if not name.startswith("conv_out"):
            torch.testing.assert_close(value, told, rtol=2e-3, atol=2e-3)
    for name in (*GIVEN, "retoucher"):
        assert (out / f"{name}.safetensors").read_bytes() == (start / f"{name}.safetensors").read_bytes()
    assert main(command) == 0  # nothing is left to do


def test_a_start_without_a_backbone_is_refused(recipe: Path, start: Path, tmp_path: Path, capsys):
    whole = shutil.copytree(start, tmp_path / "start")
    for name in (*student.RECIPE.begins_with,):
        (whole / f"{name}.safetensors").touch()
    (whole / "ethd.safetensors").unlink()
    assert main(["train", str(recipe), "--start", str(whole), "--out", str(tmp_path / "out")]) == 2
    assert "ethd.safetensors does not exist, and the training starts from it" in capsys.readouterr().err
