import pickle
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import Linear

from emotivetalk_core.errors import OutputError, WeightsError
from emotivetalk_core.models.vae_network import VAEConfig, build_vae
from emotivetalk_core.weight_files.checkpoint import load_network, read_checkpoint, save_checkpoint
from emotivetalk_core.weight_files.manifest import verify_manifest, write_manifest


@dataclass(frozen=True)
class SmallConfig:
    width: int = 4
    sizes: tuple[int, ...] = (1, 2)


class Small(nn.Module):
    def __init__(self, config: SmallConfig, *, dtype=None, device=None):
        super().__init__()
        self.config = config
        self.linear = Linear(config.width, config.width, dtype=dtype, device=device)
        self.register_buffer("mean", torch.zeros(2, device=device))


def saved(tmp_path: Path, kind: str = "small") -> tuple[Path, Small]:
    network = Small(SmallConfig(width=5, sizes=(3, 4)))
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, kind, network, network.config, {"steps": 7}, defaults={"steps": 10})
    return path, network


def load(path: Path) -> Small:
    return load_network(path, "small", Small, SmallConfig)


def test_a_network_comes_back_with_its_config_and_record(tmp_path):
    path, network = saved(tmp_path)
    loaded = load(path)
    assert loaded.config == SmallConfig(width=5, sizes=(3, 4)) and not loaded.training
    assert torch.equal(loaded.linear.weight, network.linear.weight)
    checkpoint = read_checkpoint(path, "small")
    assert checkpoint.record == {"steps": 7} and checkpoint.defaults == {"steps": 10}
    assert checkpoint.licence == "Apache-2.0"
    assert [p.name for p in tmp_path.iterdir()] == ["small.safetensors"]


def test_a_file_is_as_readable_as_any_other(tmp_path):
    """A server under another name shall read what was converted or kept."""
    plain = tmp_path / "plain"
    plain.touch()
    assert saved(tmp_path)[0].stat().st_mode == plain.stat().st_mode


def test_dtype_applies_to_what_the_network_makes_with_it(tmp_path):
    loaded = load_network(saved(tmp_path)[0], "small", Small, SmallConfig, dtype=torch.bfloat16)
    assert loaded.linear.weight.dtype == torch.bfloat16 and loaded.mean.dtype == torch.float32


def test_the_vae_loads_through_its_builder(tmp_path):
    config = VAEConfig(block_channels=(32, 32, 32, 32), layers_per_block=1, norm_groups=8)
    vae = build_vae(config).eval()
    save_checkpoint(tmp_path / "vae.safetensors", "vae", vae, config, {})
    loaded = load_network(tmp_path / "vae.safetensors", "vae", build_vae, VAEConfig)
    latents = torch.randn(2, 4, 2, 2)
    assert torch.equal(loaded.decode(latents, 2), vae.decode(latents, 2))


def one_sentence(error: pytest.ExceptionInfo) -> str:
    message = str(error.value)
    assert message.endswith(".") and "\n" not in message
    return message


def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="does not exist") as error:
        load(tmp_path / "small.safetensors")
    one_sentence(error)


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(WeightsError, match="is a folder"):
        load(tmp_path)


def test_an_empty_file(tmp_path):
    (tmp_path / "small.safetensors").touch()
    with pytest.raises(WeightsError, match="is empty") as error:
        load(tmp_path / "small.safetensors")
    one_sentence(error)


@pytest.mark.parametrize("kept", [5, 60, -1])
def test_a_truncated_file(tmp_path, kept):
    path, _ = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(WeightsError, match="cut short|not a safetensors") as error:
        load(path)
    one_sentence(error)


def test_another_kind_of_file(tmp_path):
    path = tmp_path / "small.safetensors"
    path.write_text("version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(WeightsError, match="not a safetensors file") as error:
        load(path)
    one_sentence(error)


class Trap:
    """Unpickling this creates a file, which must never happen."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("name", ["small.pth", "small.ckpt", "small.safetensors"])
@pytest.mark.parametrize("zipped", [True, False])
def test_a_pickle_is_refused_and_never_executed(tmp_path, name, zipped):
    sprung = tmp_path / "sprung"
    if zipped:
        torch.save({"weight": Trap(sprung)}, tmp_path / name)
    else:
        (tmp_path / name).write_bytes(pickle.dumps({"weight": Trap(sprung)}))
    with pytest.raises(WeightsError, match="pickle.*convert it to safetensors") as error:
        load(tmp_path / name)
    one_sentence(error)
    assert not sprung.exists()


def test_another_networks_file(tmp_path):
    path, _ = saved(tmp_path, kind="vae")
    with pytest.raises(WeightsError, match="holds the vae network, but small is expected") as error:
        load(path)
    one_sentence(error)


def test_a_foreign_safetensors_file(tmp_path):
    save_file({"a": torch.zeros(1)}, tmp_path / "small.safetensors")
    with pytest.raises(WeightsError, match="convert it to small weights"):
        load(tmp_path / "small.safetensors")


def test_unknown_and_missing_keys_are_named(tmp_path):
    path, network = saved(tmp_path)
    tensors = dict(network.state_dict())
    save_checkpoint(path, "small", {**tensors, "linear.extra": torch.zeros(1)}, network.config, {})
    with pytest.raises(WeightsError, match="does not know linear.extra"):
        load(path)
    del tensors["linear.bias"]
    save_checkpoint(path, "small", tensors, network.config, {})
    with pytest.raises(WeightsError, match="the file lacks linear.bias"):
        load(path)


def test_shapes_that_contradict_the_config_are_named(tmp_path):
    path, network = saved(tmp_path)
    save_checkpoint(path, "small", network, SmallConfig(width=6), {})
    with pytest.raises(WeightsError, match=r"linear.weight is \[5, 5\] in the file and \[6, 6\]") as error:
        load(path)
    one_sentence(error)


def test_a_setting_of_a_later_version_is_named(tmp_path):
    path, network = saved(tmp_path)
    save_checkpoint(path, "small", network, {"width": 5, "depth": 3}, {})
    with pytest.raises(WeightsError, match="'depth'.*SmallConfig does not know"):
        load(path)


def test_a_changed_byte_is_caught_by_the_manifest(tmp_path):
    path, _ = saved(tmp_path)
    write_manifest(tmp_path)
    verify_manifest(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="small.safetensors is not the file that the manifest names") as error:
        verify_manifest(tmp_path)
    assert "copy it again, or delete manifest.json" in one_sentence(error)
    path.unlink()
    with pytest.raises(WeightsError, match="does not exist"):
        verify_manifest(tmp_path)


@pytest.mark.parametrize("content", [None, "{", '{"files": {"a": 1}}'])
def test_a_missing_or_damaged_manifest(tmp_path, content):
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(WeightsError, match="manifest.json"):
        verify_manifest(tmp_path)


def test_a_place_below_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="cannot be written to"):
        save_checkpoint(tmp_path / "file" / "x.safetensors", "anything", {"a": torch.zeros(1)}, {}, {})
