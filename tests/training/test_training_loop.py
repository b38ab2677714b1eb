"""The loop of the training stages: a run that is stopped and resumed ends with the very weights of one that was not,
and what cannot go on says so.
"""

import copy
import dataclasses
import json
import math
import shutil

import pytest
import torch
from torch import nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import CheckpointWrapper
from torch.nn import Linear

from emotivetalk_core.errors import NumericalError, SettingsError, WeightsError
from emotivetalk_core.training.batch_norms import SharedBatchNorm, share_batch_norms
from emotivetalk_core.training.log import thin_curve
from emotivetalk_core.training.loop import Engine, LoopSettings, TrainingLoop, first_difference, learning_rate
from emotivetalk_core.training.parallel import Outcome, Phase
from emotivetalk_core.training.samples import Batches, keyed_generator

SETTINGS = LoopSettings(steps=12, batch=8, learning_rate=1e-2, warmup=3, average=0.9)
EVERY_STEP = Engine(save_minutes=0.0)


class Stopped(Exception):
    pass


class Noise:
    """Samples that are their generator's numbers; at `stop_at` there are none."""

    def __init__(self, stop_at=None):
        self.stop_at = stop_at

    def draw(self, step, index, generator):
        if step == self.stop_at:
            raise Stopped
        return {"x": torch.randn(1, 3, generator=generator)}


class Echo(nn.Module):
    """Learns to give back two of three numbers; hands them on."""

    def __init__(self, width=2, dropout=0.0):
        super().__init__()
        self.network, self.dropout = Linear(3, width), nn.Dropout(dropout)

    def forward(self, batch):
        answer = self.network(self.dropout(batch["x"]))
        loss = (answer - batch["x"][:, : answer.shape[1]]).square().mean()
        return Outcome(loss, {"loss": loss}, {"x": torch.cat([answer, answer], 1)[:, :3].detach()})


class Second(Echo):
    def forward(self, batch):
        outcome = super().forward(batch)
        return Outcome(outcome.loss, {"second": outcome.loss})


def run(folder, stop_at=None, settings=SETTINGS, engine=EVERY_STEP, width=2, dropout=0.0, held_out=None):
    torch.manual_seed(0)
    phases = {"main": Phase(Echo(width, dropout)), "second": Phase(Second(), repeats=2, decay=0.0)}
    loop = TrainingLoop("toy", folder, phases, settings, engine, seed=4)
    return loop, loop.run(Noise(stop_at), held_out)


def weights(loop):
    return {name: value.clone() for name, value in loop.phases["main"].objective.state_dict().items()}


def log_of(folder):
    return [json.loads(line) for line in (folder / "toy.log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_a_stopped_run_resumes_to_the_same_weights(tmp_path, dropout):
    whole, record = run(tmp_path / "whole", dropout=dropout)
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", stop_at=7, dropout=dropout)
    resumed, _ = run(tmp_path / "stopped", dropout=dropout)
    assert resumed.step == 12
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)
    assert record["steps"] == 12 and record["curve"][-1]["step"] == 12
    one, other = log_of(tmp_path / "whole"), log_of(tmp_path / "stopped")
    assert [entry["step"] for entry in one] == [entry["step"] for entry in other] == list(range(1, 13))
    assert [entry["loss"] for entry in one] == [entry["loss"] for entry in other]


def test_loaders_change_no_bit_and_a_run_goes_on_with_others(tmp_path):
    whole, _ = run(tmp_path / "whole")
    loaded, _ = run(tmp_path / "loaded", engine=dataclasses.replace(EVERY_STEP, loaders=2))
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", stop_at=7, engine=dataclasses.replace(EVERY_STEP, loaders=2))
    resumed, _ = run(tmp_path / "stopped", engine=dataclasses.replace(EVERY_STEP, loaders=1))
    for other in (loaded, resumed):
        torch.testing.assert_close(weights(other), weights(whole), rtol=0, atol=0)
    assert [entry["loss"] for entry in log_of(tmp_path / "stopped")] == [e["loss"] for e in log_of(tmp_path / "whole")]


class Late(Echo):
    """One layer learns from step 9 on, and one never."""

    def __init__(self):
        super().__init__()
        self.late, self.never = Linear(3, 2), Linear(3, 2)

    def forward(self, batch):
        outcome = super().forward(batch)
        late = self.late(batch["x"]).square().mean() if bool(batch["late"].all()) else 0.0
        return Outcome(outcome.loss + late, {"loss": outcome.loss})


class LateNoise(Noise):
    def draw(self, step, index, generator):
        return {**super().draw(step, index, generator), "late": torch.tensor([step >= 9])}


def test_what_has_not_learnt_yet_is_taken_up_as_such(tmp_path):
    """The trunk's adapters never learn, nor does the attention in the middle of a small VAE's decoder."""

    def late(folder, stop_at=None):
        torch.manual_seed(0)
        loop = TrainingLoop("toy", folder, {"main": Phase(Late(), skips=True)}, SETTINGS, EVERY_STEP, seed=4)
        loop.run(LateNoise(stop_at))
        return weights(loop)

    for stop_at in (7, 11):
        with pytest.raises(Stopped):
            late(tmp_path / f"stopped-{stop_at}", stop_at)
        resumed = late(tmp_path / f"stopped-{stop_at}")
        torch.testing.assert_close(resumed, late(tmp_path / f"whole-{stop_at}"), rtol=0, atol=0)


def test_the_learning_rate_phases_and_running_mean_do_what_they_say(tmp_path):
    """Against torch's AdamW and a mean by hand."""
    loop, _ = run(tmp_path)
    torch.manual_seed(0)
    echo = Echo()
    optimiser = torch.optim.AdamW(echo.parameters(), lr=1e-2, weight_decay=0.01)
    mean = [parameter.detach().clone() for parameter in echo.parameters()]
    for step, (part,) in enumerate(map(Batches(Noise(), 4, 8, 0, 1, 1).of, range(12))):
        optimiser.param_groups[0]["lr"] = learning_rate(step, SETTINGS)
        optimiser.zero_grad()
        echo(part).loss.backward()
        nn.utils.clip_grad_norm_(echo.parameters(), 1.0)
        optimiser.step()
        decay = min(0.9, (2 + step) / (11 + step))
        mean = [decay * m + (1 - decay) * p.detach() for m, p in zip(mean, echo.parameters(), strict=True)]
    for found, expected in zip(weights(loop).values(), mean, strict=True):
        torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(("norm", "shape"), [(nn.BatchNorm1d(3), (8, 3)), (nn.BatchNorm2d(3), (4, 3, 5, 6))])
def test_shared_batch_norms_of_one_process_are_torchs(norm, shape):
    norm = norm.double().train()
    holder = nn.Sequential(copy.deepcopy(norm))
    share_batch_norms(holder)
    assert isinstance(holder[0], SharedBatchNorm)
    seen = []
    for module in (nn.Sequential(norm), holder):
        x = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64, requires_grad=True)
        (module(x) * x.detach().cos()).sum().backward()
        seen.append({**module.state_dict(), "gradient": x.grad, "frozen": module.eval()(x)})
    torch.testing.assert_close(seen[1], seen[0], rtol=1e-5, atol=1e-5)


def test_parts_of_a_batch_add_up_to_it(tmp_path):
    whole, _ = run(tmp_path / "whole")
    parts, _ = run(tmp_path / "parts", engine=dataclasses.replace(EVERY_STEP, parts=4))
    torch.testing.assert_close(weights(parts), weights(whole), rtol=1e-6, atol=1e-7)


def test_recomputed_activations_change_no_bit(tmp_path):
    """Chance inside of what is recomputed falls out as before."""

    def trained(how):
        torch.manual_seed(0)
        echo = Echo()
        echo.network = nn.Sequential(Linear(3, 8), nn.Dropout(0.5), Linear(8, 2))
        phase = Phase(echo, blocks=(nn.Sequential,), inner=(Linear,))
        loop = TrainingLoop("toy", tmp_path / how, {"main": phase}, SETTINGS, Engine(recompute=how), seed=4)
        loop.run(Noise())
        return weights(loop), sum(isinstance(module, CheckpointWrapper) for module in echo.modules())

    kept, wrapped = trained("none")
    assert wrapped == 0
    for how, expected in (("blocks", 1), ("nested", 3)):
        recomputed, wrapped = trained(how)
        assert wrapped == expected and recomputed.keys() == kept.keys()
        assert all(torch.equal(recomputed[name], kept[name]) for name in kept)


def test_a_finished_run_does_nothing_more(tmp_path):
    first, _ = run(tmp_path)
    second, _ = run(tmp_path, stop_at=0)  # a step would raise
    torch.testing.assert_close(weights(first), weights(second), rtol=0, atol=0)


def test_held_out_samples_are_asked_as_often_as_the_setting_says(tmp_path):
    settings = dataclasses.replace(SETTINGS, steps=40, validation_samples=16)
    run(tmp_path, settings=settings, engine=Engine(), held_out=Noise())
    asked = [entry["validation/loss"] for entry in log_of(tmp_path) if "validation/loss" in entry]
    assert len(asked) == 20 and asked[-1] < asked[0]


def test_the_held_out_samples_are_no_others_than_last_time():
    first, again = (Batches(Noise(), 5, 8, 0, 1, 1).of(3)[0]["x"] for _ in range(2))
    assert torch.equal(first, again)


def test_a_batch_is_the_same_however_many_share_it():
    (whole,) = Batches(Noise(), 4, 8, 0, 1, 1).of(5)
    by_rank = [Batches(Noise(), 4, 8, rank, 2, 2).of(5) for rank in range(2)]
    shared = [by_rank[rank][part]["x"] for part in range(2) for rank in range(2)]
    assert torch.equal(torch.cat(shared), whole["x"])


def test_every_key_has_a_generator_of_its_own():
    keys = ((1, 2), (2, 1), (1, 2, 0), (1, 3), (-1,))
    assert len({float(torch.rand(1, generator=keyed_generator(*key))) for key in keys}) == 5


def test_divergence_names_stage_step_and_the_last_good_checkpoint(tmp_path):
    class Bursts(Noise):
        def draw(self, step, index, generator):
            sample = super().draw(step, index, generator)
            return {"x": sample["x"] * (math.inf if step == 6 else 1.0)}

    torch.manual_seed(0)
    loop = TrainingLoop("toy", tmp_path, {"main": Phase(Echo())}, SETTINGS, EVERY_STEP, seed=4)
    with pytest.raises(NumericalError, match="of toy diverged by step 7.*step-000000006"):
        loop.run(Bursts())
    assert loop.checkpoints.newest().name == "step-000000006"
    assert all(math.isfinite(entry["loss"]) for entry in log_of(tmp_path))


def test_a_half_written_checkpoint_is_not_taken_up(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, stop_at=7)
    newest = tmp_path / "checkpoints" / "toy" / "step-000000007"
    assert [path.name for path in newest.parent.iterdir()] == [newest.name]  # the ones before it are gone
    half = newest.with_name("step-000000008.part")
    half.mkdir()
    (half / "state.json").write_text("{")
    loop, _ = run(tmp_path)
    assert loop.step == 12 and not half.exists()


def test_a_stage_begun_anew_begins_its_log_anew(tmp_path):
    run(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "toy")
    run(tmp_path)
    assert [entry["step"] for entry in log_of(tmp_path)] == list(range(1, 13))


def test_tensorboard_shows_every_step_once_however_often_it_was_run(tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with pytest.raises(Stopped):
        run(tmp_path, stop_at=7)
    newest = tmp_path / "checkpoints" / "toy" / "step-000000007"
    state = json.loads((newest / "state.json").read_text())
    (newest / "state.json").write_text(json.dumps({**state, "step": 5}))  # as if the last two steps had not been saved
    newest.rename(newest.with_name("step-000000005"))
    run(tmp_path)
    events = reading.EventAccumulator(str(tmp_path / "tensorboard" / "toy")).Reload()
    shown = {event.step: event.value for event in events.Scalars("loss")}
    assert len(events.Scalars("loss")) == 12
    assert shown == pytest.approx({entry["step"]: entry["loss"] for entry in log_of(tmp_path)})


def test_other_settings_are_named(tmp_path):
    run(tmp_path)
    other = dataclasses.replace(SETTINGS, warmup=4)
    with pytest.raises(SettingsError, match=r"made with settings.warmup 3, and it is 4 now"):
        run(tmp_path, settings=other)


def test_a_training_goes_on_with_a_lower_learning_rate(tmp_path):
    with pytest.raises(Stopped):
        run(tmp_path, stop_at=7)
    resumed, _ = run(tmp_path, settings=dataclasses.replace(SETTINGS, learning_rate=1e-3))
    rates = [entry["learning_rate"] for entry in log_of(tmp_path)]
    assert resumed.step == len(rates) == 12
    assert rates[7:] == pytest.approx([learning_rate(step, SETTINGS) / 10 for step in range(7, 12)])


def test_a_checkpoint_of_other_widths_is_named(tmp_path):
    run(tmp_path)
    with pytest.raises(
        WeightsError, match=r"network/main/network.weight is \[3, 3\] here, and it holds it as \[2, 3\]|mean"
    ):
        run(tmp_path, width=3)


def test_a_damaged_checkpoint_is_named(tmp_path):
    run(tmp_path)
    (shard,) = (tmp_path / "checkpoints" / "toy" / "step-000000012").glob("*.safetensors")
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(WeightsError, match="step-000000012 is damaged"):
        run(tmp_path)


def test_a_batch_that_cannot_be_shared_out_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="batch of 8 cannot be shared out evenly by 1 processes in 3 parts"):
        run(tmp_path, engine=Engine(parts=3))


class WithoutCompiler(Echo):
    """On a machine where torch.compile finds no compiler."""

    def compile(self):
        def backend(graph, inputs):
            raise RuntimeError("No working C++ compiler found.\nSet TORCHDYNAMO_VERBOSE=1 for more")

        super().compile(backend=backend)


def test_what_cannot_be_compiled_is_said_in_a_sentence(tmp_path):
    loop = TrainingLoop("toy", tmp_path, {"main": Phase(WithoutCompiler())}, SETTINGS, Engine(compile=True))
    with pytest.raises(
        SettingsError, match=r"^[^\n]* \(No working C\+\+ compiler found\); [^\n]* leave --compile out\.$"
    ):
        loop.run(Noise())


def test_eight_bit_adam_trains_and_resumes(tmp_path):
    pytest.importorskip("bitsandbytes")
    settings = dataclasses.replace(SETTINGS, optimiser="adamw8bit")
    whole, _ = run(tmp_path / "whole", settings=settings)
    with pytest.raises(Stopped):
        run(tmp_path / "stopped", stop_at=7, settings=settings)
    resumed, _ = run(tmp_path / "stopped", settings=settings)
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=0)


def test_the_learning_rate_rises_then_falls_to_a_tenth():
    settings = LoopSettings(steps=100, batch=1, learning_rate=1.0, warmup=10)
    rates = [learning_rate(step, settings) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and rates[9] == pytest.approx(1.0)
    assert all(a >= b for a, b in zip(rates[10:], rates[11:], strict=False))
    assert learning_rate(100, settings) == pytest.approx(0.1)


def test_a_curve_is_thinned_but_keeps_both_ends():
    curve = [{"step": float(i)} for i in range(1000)]
    thin = thin_curve(curve)
    assert len(thin) == 40 and thin[0] == curve[0] and thin[-1] == curve[-1]


def test_the_first_difference_is_told_in_words():
    assert first_difference({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}}) == "a.c 2, and it is 3 now"
    assert first_difference({"a": 1}, {"a": 1}) is None
    assert first_difference({}, {"new": 1}) == "new null, and it is 1 now"
