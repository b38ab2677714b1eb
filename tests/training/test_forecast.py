"""What a recipe is said to take, against real steps at reduced width and against known sizes."""

import contextlib
import io
from dataclasses import replace

import full_tiny
import pytest
import torch
from torch.nn import Conv2d, Linear
from torch.utils.flop_counter import FlopCounterMode

from emotivetalk_core.cli.main import main
from emotivetalk_core.layers.attention_functions import scaled_dot_product
from emotivetalk_core.models.ethd import ETHD
from emotivetalk_core.recipes import full, library, one_card
from emotivetalk_core.recipes.tiny import TINY
from emotivetalk_core.training import forecast, step_cost
from emotivetalk_core.training.cards import CARDS, card_named
from emotivetalk_core.training.ethd import denoising_step
from emotivetalk_core.training.learning import let_learn
from emotivetalk_core.training.parallel import recompute_activations
from emotivetalk_core.training.step_cost import StepCost, count_step

WIDE = replace(TINY, ethd=replace(TINY.ethd, block_channels=(32, 32), head_dim=16, norm_groups=8))
SETTINGS = replace(
    full.FILMS,
    loop=replace(full.ETHD, batch=1, optimiser="adamw"),
    films=replace(full.FILMS.films, frames=12),
)


def real_step(settings, recompute: str) -> step_cost.OperationCounts:
    """What a step with AdamW and a running mean takes, on values."""
    step = denoising_step(WIDE, settings)
    phase = step.phase()
    objective = phase.objective.to_empty(device="cpu").float()
    for module in objective.modules():
        if hasattr(module, "attention"):
            module.attention = scaled_dot_product
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in objective.parameters():
            parameter.normal_(std=0.02)
    batch = {name: torch.rand(value.shape) + 0.1 for name, value in step.batch(1).items()}
    batch["face_mask"], batch["lip_mask"] = torch.ones_like(batch["face_mask"]), torch.zeros_like(batch["lip_mask"])
    if recompute != "none":
        recompute_activations(objective, phase, recompute)
    with step_cost.OperationCounts([*objective.parameters(), *batch.values()]) as counts:
        weights = [parameter.detach().clone() for parameter in objective.parameters()]  # counts them, as if made here
        learning = [parameter for parameter in objective.parameters() if parameter.requires_grad]
        mean = [parameter.detach().clone() for parameter in learning]
        optimiser = torch.optim.AdamW(learning, foreach=False)
        for parameter in learning:
            parameter.grad = torch.zeros_like(parameter)
        optimiser.step()
        objective(batch).loss.backward()
        optimiser.step()
    assert weights and mean
    return counts


@pytest.fixture
def float32_counts(monkeypatch):
    """Counts as on a processor, where no autocast changes formats and weights at rest stay in float32."""

    class Nothing:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def forget(self):
            pass

    monkeypatch.setattr(step_cost, "CardAutocast", Nothing)


@pytest.fixture(scope="module")
def dry_run() -> tuple[str, StepCost]:
    """What `train full --dry-run` says of SETTINGS on a card, and the cost that it counted for it."""
    costs: list[StepCost] = []

    def kept(*given) -> StepCost:
        costs.append(count_step(*given))
        return costs[-1]

    small = replace(full.RECIPE, preset=replace(WIDE, sampling=replace(WIDE.sampling, size=64)))
    small = replace(small, stages={"ethd": replace(full.RECIPE.stages["ethd"], settings=SETTINGS)})
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()) as said:
        patch.setitem(library.RECIPES, "full", small)
        patch.setattr(forecast, "count_step", kept)
        assert main(["train", "full", "--dry-run", "--card", "rtx 4090"]) == 0
    (cost,) = costs
    return said.getvalue(), cost


@pytest.mark.parametrize("recompute", ["none", "nested"])
def test_memory_and_flops_of_a_real_step(float32_counts, recompute):
    counts = real_step(SETTINGS, recompute)
    cost = count_step(denoising_step(WIDE, SETTINGS), 1, counted=(recompute,))
    assert cost.memory(recompute) == pytest.approx(counts.peak, rel=0.15)
    # of a CPU's fused attention torch counts a part
    assert cost.flops[recompute] == pytest.approx(counts.flops, rel=0.1)


def test_flops_are_those_that_torch_counts():
    """Of a convolution, of fused attention, and of products, there and back."""
    picture, convolution, linear = (
        step_cost.meta(2, 4, 8, 8),
        Conv2d(4, 16, 3, device="meta"),
        Linear(16, 3, device="meta"),
    )

    def loss() -> torch.Tensor:
        places = convolution(picture).flatten(2).transpose(1, 2)
        attended = step_cost.attention_on_a_card(places, places, places, 2)
        return linear(attended.bfloat16().float()).square().sum()

    with FlopCounterMode(display=False) as torchs:
        loss().backward()
    with step_cost.OperationCounts() as counts:
        loss().backward()
    assert counts.flops == torchs.get_total_flops() > 0


def test_recomputation_takes_less_memory_and_more_computing(dry_run):
    _, cost = dry_run
    kept, blocks, nested = (cost.activations[how] for how in ("none", "blocks", "nested"))
    assert kept > blocks > nested
    assert cost.flops["none"] < cost.flops["blocks"] < cost.flops["nested"]
    assert cost.flops["none"] == pytest.approx(3 * cost.forward, rel=0.05)
    assert cost.flops["blocks"] == pytest.approx(4 * cost.forward, rel=0.05)


def test_a_part_that_learns_needs_gradients_and_moments_for_itself_alone(dry_run):
    _, whole = dry_run
    step = denoising_step(WIDE, replace(SETTINGS, learning=one_card.WHAT_IS_NEW))
    part = count_step(step, 1, counted=("none",))
    assert part.learning < whole.learning == whole.parameters
    assert part.gradients == 4 * part.learning and part.optimiser == 8 * part.learning
    at_rest = part.parameters - part.learning
    assert part.weights < 4 * part.learning + 3 * at_rest  # matrices at rest are in half precision
    assert part.flops["none"] < whole.flops["none"]


def test_a_batch_is_computed_in_pieces_where_the_cards_are_few(dry_run):
    _, single = dry_run
    step = denoising_step(WIDE, replace(SETTINGS, loop=full.ETHD))
    alone = count_step(step, 1, counted=("none",))
    assert (alone.piece, alone.parts, single.piece, single.parts) == (1, 8, 1, 1)
    assert alone.flops["none"] == 8 * single.flops["none"]
    assert alone.activations["none"] == single.activations["none"]


def test_the_full_backbone_learns_what_the_recipes_say():
    network = ETHD(full.RECIPE.preset.ethd, device="meta")
    everything = sum(p.numel() for p in network.parameters())
    assert everything == pytest.approx(1.577e9, rel=0.001)
    let_learn(network, one_card.WHAT_IS_NEW)
    learning = {name: p.numel() for name, p in network.named_parameters() if p.requires_grad}
    low_rank = sum(size for name, size in learning.items() if name.endswith((".down.weight", ".up.weight")))
    assert low_rank == pytest.approx(6.4e6, rel=0.02)
    assert sum(learning.values()) - low_rank == pytest.approx(154.4e6, rel=0.01)


@pytest.mark.parametrize("recipe", [one_card.ONE_CARD, one_card.ADAPT], ids=lambda recipe: recipe.name)
def test_a_card_of_24_gb_holds_every_stage_and_has_room_for_activations(recipe):
    """At the full size, what is held at rest; activations of `ethd` are 4 GB by block, and those of `encoders` 1.2."""
    usable = card_named("rtx 4090").usable
    steps = {name: stage.step(recipe.preset, stage.settings) for name, stage in recipe.stages.items() if stage.step}
    assert "ethd" in steps
    for name, step in steps.items():
        cost = count_step(step, 1, counted=())
        assert cost.held < usable / 2, name


def test_dry_run_says_what_the_smallest_recipe_takes(dry_run, capsys):
    said, _ = dry_run
    for word in (
        "weights",
        "gradients",
        "optimiser",
        "running mean",
        "activations",
        "TFLOP",
        "30,000 steps",
        "It fits",
    ):
        assert word in said
    assert main(["train", "full", "--dry-run", "--card", "GTX 9"]) == 2
    assert "choose one of" in capsys.readouterr().err


def test_dry_run_speaks_of_every_stage(dry_run, tmp_path, capsys, monkeypatch):
    """The two sizes of the backbone, the second trained by name alone, and the stages that learn nothing. What a step
    costs is not asked here: all take the one that was counted before.
    """
    monkeypatch.setattr(forecast, "count_step", lambda *_, **__: dry_run[1])
    full_tiny.write_recipe(tmp_path / "mine.json")
    command = ["train", str(tmp_path / "mine.json"), "--dry-run", "--card", "H100"]
    assert main(command) == 0
    said = capsys.readouterr().out.splitlines()
    begun = [line.split(":")[0] for line in said if not line.startswith(" ")]
    assert begun == [*full.RECIPE.stages, "It fits", "ethd_1024", said[-1].split(":")[0]]
    first = {line.split(":")[0]: line for line in reversed(said) if ":" in line}
    assert first["given"] == "given: learns nothing; VAE and Wav2Vec2 stay as they came"
    assert first["codebook"].startswith("codebook: learns nothing; ")
    assert first["ethd_1024"].endswith("trained only as --stages ethd_1024")
    assert "ethd_1024: It fits: the H100 has 80 GB, of which 74 GB can be used." in said
    assert main([*command, "--stages", "v_aid", "ethd_2048"]) == 2  # before anything is counted
    found = capsys.readouterr()
    assert "no training stage 'ethd_2048'" in found.err and not found.out


def test_cards_are_found_by_any_spelling():
    assert card_named("nvidia geforce rtx4090").memory == 24
    assert [card.memory for card in CARDS] == sorted(card.memory for card in CARDS)
