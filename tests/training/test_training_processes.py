"""Several processes that train together, and processes that are killed: the same weights come out. All through the
command that users give, once by torchrun.
"""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from trainings import run, torchrun

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.processes import Processes
from emotivetalk_core.recipes.tiny import RECIPE
from emotivetalk_core.training.job import Job
from emotivetalk_core.training.loop import Engine
from emotivetalk_core.training.recipe import _check_data
from emotivetalk_core.training.source import Clip
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard


def command(folder: Path, *stages_and_options: str) -> list[str]:
    return ["train", "tiny", "--out", str(folder), "--precision", "float32", "--stages", *stages_and_options]


def without(trained: Path, folder: Path, stage: str, *weights: str) -> Path:
    """A copy of the trained folder in which one stage is still to be done."""
    shutil.copytree(trained, folder)
    left_out(folder, stage, *weights)
    return folder


def left_out(folder: Path, stage: str, *weights: str) -> None:
    """Makes the folder one in which this stage is still to be done."""
    shutil.rmtree(folder / "training" / "checkpoints" / stage)
    (folder / "training" / f"{stage}.log.jsonl").unlink()
    for name in weights:
        (folder / f"{name}.safetensors").unlink()


def state(folder: Path, stage: str) -> dict[str, torch.Tensor]:
    """All tensors of a stage's last checkpoint, of however many shards."""
    (last,) = (folder / "training" / "checkpoints" / stage).glob("step-*")
    return {name: value for shard in last.glob("*.safetensors") for name, value in load_file(shard).items()}


def assert_equal_to(relative: float, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for kind in ("network/", "mean/", "optimiser/"):
        names = [name for name in expected if name.startswith(kind)]
        one, other = (torch.cat([values[name].double().flatten() for name in names]) for values in (found, expected))
        assert (one - other).norm() <= relative * other.norm(), kind


@pytest.fixture(scope="module")
def by_two(tiny_trained, tmp_path_factory):
    """The folder in which V-AID, the trunk and the VAE were trained on two processes."""
    folder = without(tiny_trained, tmp_path_factory.mktemp("two") / "weights", "v_aid", "dicte", "lip_projector")
    left_out(folder, "trunk", "training/trunk")
    left_out(folder, "vae", "vae")
    torchrun(command(folder, "vae", "trunk", "v_aid"))
    return folder


def test_two_processes_compute_what_one_does(tiny_trained, by_two):
    """V-AID: its lips are told from those of the whole batch, and CLUB pairs them over the whole batch."""
    assert_equal_to(1e-6, state(by_two, "v_aid"), state(tiny_trained, "v_aid"))


def test_parameters_at_rest_do_not_stop_two_processes(tiny_trained, by_two):
    """Those of the attention in the middle of a small VAE's decoder."""
    assert_equal_to(1e-4, state(by_two, "vae"), state(tiny_trained, "vae"))


def test_batch_norms_see_the_batch_of_all_processes(tiny_trained, by_two):
    """The trunk. What a norm takes away again (a bias before it, and so its running mean) is left out: it learns from
    rounding alone, which AdamW makes as large as any gradient. Were each to see its own half, the rest would lie 1e-2
    apart.
    """
    found, expected = (
        {
            name: value
            for name, value in state(where, "trunk").items()
            if not re.search(r"running_|conv\d\.bias|to_\w+\.0\.bias", name)
        }
        for where in (by_two, tiny_trained)
    )
    assert_equal_to(1e-4, found, expected)


def test_sharded_weights_are_taken_up_by_one_process_after_a_kill(tiny_trained, tmp_path):
    """ETHD on two processes with FSDP2 and recomputed activations, killed, then on one: as if one had done all. What
    frozen networks say of the clips is missing, as in a folder of weights alone, but for the motion encoder's word: the
    stage `twins` has taught it anew since. So has `pictures` the VAE; the stage `decoder` kept one with the encoder
    that ETHD knew.
    """
    folder = without(tiny_trained, tmp_path / "sharded", "ethd", "ethd")
    shutil.copy(folder / "training" / "decoder.safetensors", folder / "vae.safetensors")
    for file in (folder / "training" / "features").iterdir():
        if not {"readings", "twins"} & set(file.stem.split("-")):
            file.unlink()
    checkpoints = folder / "training" / "checkpoints" / "ethd"
    options = ("--recompute", "--save-minutes", "0", "--sharding", "fsdp")
    run(command(folder, "ethd", *options), processes=2, wait_for=checkpoints / "step-000000001")
    assert not (folder / "ethd.safetensors").exists()
    run(command(folder, "ethd"))
    assert_equal_to(1e-6, state(folder, "ethd"), state(tiny_trained, "ethd"))


def test_a_killed_training_goes_on_to_the_same_bits(tiny_trained, tmp_path):
    """And, on two processes, to the same within rounding: with whole weights, and with HSDP, as on two machines."""
    folder = without(tiny_trained, tmp_path / "killed", "v_aid", "dicte", "lip_projector")
    second = folder / "training" / "checkpoints" / "v_aid" / "step-000000002"
    run(command(folder, "v_aid", "--save-minutes", "0"), wait_for=second)
    for name in ("by_two", "by_machines"):
        shutil.copytree(folder, tmp_path / name)
    run(command(folder, "v_aid"))
    for name in ("dicte", "lip_projector"):
        found, expected = (load_file(where / f"{name}.safetensors") for where in (folder, tiny_trained))
        assert all(torch.equal(found[key], expected[key]) for key in expected)
    run(command(tmp_path / "by_two", "v_aid"), processes=2)
    run(command(tmp_path / "by_machines", "v_aid", "--sharding", "hsdp"), processes=2, machines=2)
    for name in ("by_two", "by_machines"):
        assert_equal_to(1e-6, state(tmp_path / name, "v_aid"), state(tiny_trained, "v_aid"))


def test_what_stages_add_may_be_of_another_size(tiny_trained, tmp_path):
    """A finer decoder's films lie beside the data, and the next run goes on; data of that size does not."""
    data = tiny_trained / "training" / "data"
    job = Job("tiny", RECIPE.preset, tmp_path, (data,), Engine(), RECIPE.seed)
    clip = Clip("filmed/0", "anna", "filmed", 1)
    fields = {"pictures": torch.zeros(1, 128, 128, 3, dtype=torch.uint8)}
    SourceWriter(job.features).add(write_shard(job.features, "filmed-0.safetensors", [WrittenClip(clip, fields)]))
    _check_data(job, any_size=False)
    with pytest.raises(SettingsError, match="The pictures of filmed/0 are 128x128"):
        _check_data(replace(job, data=(data, job.features)), any_size=False)


def test_more_processes_than_people_are_refused(tiny_trained):
    engine = Engine(processes=Processes(0, 40))
    job = Job("tiny", RECIPE.preset, tiny_trained, (tiny_trained / "training" / "data",), engine, RECIPE.seed)
    with pytest.raises(SettingsError, match="There are 40 processes, but clips of .* people only"):
        _check_data(job, any_size=False)
