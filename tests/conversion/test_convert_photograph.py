"""`convert --kind dice-talk | sonic` on files as their authors' training leaves them, at a tiny size."""

import json
import pickle
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from photograph_tiny import EMOTION_DIM, TINY, Trap, publish, published_unet_name, write_priors

from emotivetalk_core.cli import main
from emotivetalk_core.cli.main import build_parser
from emotivetalk_core.conversion.emotion_priors import read_prior, read_priors
from emotivetalk_core.conversion.photograph import convert_photograph
from emotivetalk_core.downloads.public_files import public_model
from emotivetalk_core.errors import WeightsError
from emotivetalk_core.models.adapted_unet import AdaptedUNet, AdaptedUNetConfig
from emotivetalk_core.models.codebook import EmotionCodebook
from emotivetalk_core.models.photograph_encoders import PhotographEncoders, PhotographEncodersConfig
from emotivetalk_core.weight_files.checkpoint import load_network, read_checkpoint
from emotivetalk_core.weight_files.pickles import published_tensors

KINDS = ("dice-talk", "sonic")


@pytest.fixture(scope="module", params=KINDS)
def published(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, *publish(request.param, folder)


def same(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    states = one.state_dict(), other.state_dict()
    return set(states[0]) == set(states[1]) and all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_every_published_tensor_arrives(published, tmp_path):
    kind, source, unet, encoders = published
    written, missing = convert_photograph(kind, source, tmp_path)
    assert not missing
    names = {"adapted_unet", "photograph_encoders", "vae", "picture_encoder", "whisper_encoder"}
    assert {file.path.stem for file in written} == names | ({"emotion_codebook"} if kind == "dice-talk" else set())
    path = tmp_path / "adapted_unet.safetensors"
    assert same(load_network(path, "adapted_unet", AdaptedUNet, AdaptedUNetConfig), unet)
    path = tmp_path / "photograph_encoders.safetensors"
    read = load_network(path, "photograph_encoders", PhotographEncoders, PhotographEncodersConfig)
    assert read.config == TINY[kind].encoders and same(read, encoders)
    unused = [name for file in written for name in file.unused]
    assert unused == (
        ["emo_model: codebook.fc.weight", "emo_model: classifier.fc1.weight"] if kind == "dice-talk" else []
    )
    for file in ("adapted_unet", "photograph_encoders"):
        licence = read_checkpoint(tmp_path / f"{file}.safetensors", file).licence
        assert "CC BY-NC-SA 4.0" in licence and "Stability" in licence


def test_the_command_says_what_it_wrote_and_under_which_licence(published, tmp_path, capsys):
    kind, source, *_ = published
    assert main(["convert", str(source), "-o", str(tmp_path), "--kind", kind, "--half"]) == 0
    printed = capsys.readouterr().out
    assert "CC BY-NC-SA 4.0" in printed and TINY[kind].name in printed and "Stability" in printed
    assert ("0.5 fear + 0.5 sad" in printed) == (kind == "dice-talk")
    tensors = read_checkpoint(tmp_path / "adapted_unet.safetensors", "adapted_unet").tensors
    assert {tensor.dtype for tensor in tensors.values()} == {torch.float16}
    assert main(["convert", str(source), "-o", str(tmp_path / "x.safetensors"), "--half"]) == 2
    assert "--half" in capsys.readouterr().err


def test_what_is_missing_is_named(published, tmp_path, capsys):
    kind, source, *_ = published
    place = next(path.parent for path in source.glob("*/unet.pth"))
    assert main(["convert", str(place), "-o", str(tmp_path), "--kind", kind]) == 0
    printed = capsys.readouterr().out
    assert "not found" in printed and "whisper-tiny" in printed and f"get them with `fetch {kind}`" in printed


def rewritten(source, tmp_path, change):
    """The published folder with another unet.pth."""
    place = next(path.parent for path in source.glob("*/unet.pth"))
    for path in place.glob("*.pth"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = change(torch.load(place / "unet.pth", weights_only=True))
    torch.save(content, tmp_path / "unet.pth")
    return tmp_path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: {"state_dict": state, "global_step": 9000},
        lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
        lambda state: {"module": {f"module.{name}": tensor for name, tensor in state.items()}, "lr": 0.1},
    ],
)
def test_wrappings_by_other_programs_are_taken_off(published, tmp_path, wrap):
    kind, source, unet, _ = published
    convert_photograph(kind, rewritten(source, tmp_path, wrap), tmp_path / "out")
    path = tmp_path / "out" / "adapted_unet.safetensors"
    assert same(load_network(path, "adapted_unet", AdaptedUNet, AdaptedUNetConfig), unet)


KEY = published_unet_name("mid_block.attentions.0.transformer_blocks.0.attn2.to_v_ip.0.weight")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda state: state | {"mystery.weight": torch.zeros(3)}, "mystery.weight"),
        (lambda state: {name: t for name, t in state.items() if name != KEY}, "to_v_ip.0.weight"),
        (lambda state: state | {KEY: torch.zeros(3, 5)}, r"to_v_ip.0.weight is \[3, 5\]"),
        (lambda state: state | {"epoch": 7}, "'epoch', which is an int"),
        (
            lambda state: state | {"conv_in.bias": torch.zeros(64, dtype=torch.int32)},
            "conv_in.bias in the number format",
        ),
        (lambda state: [1, 2], "a list, not named tensors"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(published, tmp_path, change, named):
    kind, source, *_ = published
    with pytest.raises(WeightsError, match=named) as error:
        convert_photograph(kind, rewritten(source, tmp_path, change), tmp_path / "out")
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_other_kinds_weights_are_refused(tmp_path):
    publish("sonic", tmp_path)
    with pytest.raises(WeightsError, match="1 adapters at each site, but DICE-Talk has 2"):
        convert_photograph("dice-talk", tmp_path, tmp_path / "out")


def test_a_pickle_that_wants_to_run_is_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pickled = tmp_path / "unet.pth"
    for write in (
        lambda: torch.save({"conv_in.weight": Trap()}, pickled),
        lambda: pickled.write_bytes(pickle.dumps(Trap())),
    ):
        write()
        with pytest.raises(WeightsError, match="more than tensors"):
            published_tensors(pickled)
    assert not (tmp_path / "trapped").exists()


def test_old_files_and_safetensors_are_read_too(tmp_path):
    tensors = {"a": torch.randn(3, 4), "b": torch.randn(2).bfloat16()}
    torch.save(tensors, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    found = published_tensors(tmp_path / "old.pth")
    assert {name: (t.shape, t.dtype) for name, t in found.items()} == {"a": ((3, 4), "F32"), "b": ((2,), "BF16")}
    assert b"".join(found["a"].pieces()) == tensors["a"].numpy().tobytes()


def test_the_priors_are_numpys_to_the_bit(tmp_path):
    priors = write_priors(tmp_path / "emotions")
    book = read_priors(tmp_path / "emotions")
    assert set(book.names) == {*priors, "worried"} and book.latents.shape == (9, EMOTION_DIM)
    for name, prior in priors.items():
        assert torch.equal(book.lookup(name), torch.from_numpy(prior[0]))
    assert torch.equal(book.lookup("worried"), 0.5 * book.lookup("fear") + 0.5 * book.lookup("sad"))
    book.save(tmp_path / "book.safetensors")
    assert EmotionCodebook.load(tmp_path / "book.safetensors").made_of == {"worried": "0.5 fear + 0.5 sad"}


def write_npy(path, content: bytes) -> None:
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (), }".ljust(117) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content)


def test_a_prior_that_is_no_prior(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "happy.npy"
    for content, why in (
        (pickle.dumps(Trap()), "asks for"),
        (pickle.dumps([{"mu": eval}]), "asks for"),
        (b"\x80\x03", ""),
    ):
        write_npy(path, content)
        with pytest.raises(WeightsError, match=f"was not read.*{why}"):
            read_prior(path)
    assert not (tmp_path / "trapped").exists()
    for array in (np.zeros(4, "float32"), np.array({"mu": np.zeros((1, 3), "float64")}, dtype=object)):
        np.save(path, array, allow_pickle=True)
        with pytest.raises(WeightsError):
            read_prior(path)
    write_priors(tmp_path / "emotions")
    (tmp_path / "emotions" / "neutral.npy").unlink()
    with pytest.raises(WeightsError, match="neutral"):
        read_priors(tmp_path / "emotions")


@pytest.mark.parametrize(("kind", "folder"), [("dice-talk", "dice"), ("sonic", "sonic")])
def test_an_examples_note_says_how_to_get_every_file_that_it_loads(kind, folder, tmp_path):
    """Its commands are understood, what they make is what the loaders name, and the host can download the rest."""
    example = Path(__file__).resolve().parents[2] / "workflows" / f"photograph_{kind.replace('-', '_')}.json"
    nodes = json.loads(example.read_text(encoding="utf-8"))["nodes"]
    (note,) = (node["widgets_values"][0] for node in nodes if node["type"] == "MarkdownNote")
    commands = re.findall(r"`python -m emotivetalk_core ([^`]+)`", note)
    fetch, convert = (build_parser().parse_args(command.split()) for command in commands)
    assert (fetch.name, fetch.folder) == (kind, convert.source) and (convert.kind, convert.half) == (kind, True)
    assert convert.out == Path("../../models/emotivetalk") / folder
    publish(kind, tmp_path / "published")
    convert_photograph(kind, tmp_path / "published", tmp_path / "weights")
    made = {f"{folder}/{path.name}" for path in (tmp_path / "weights").iterdir()}
    others = [model for node in nodes for model in node["properties"].get("models", [])]
    values = {value for node in nodes if node["type"] != "MarkdownNote" for value in node.get("widgets_values", [])}
    named = {value for value in values if str(value).endswith(".safetensors")}
    assert named - made == {model["name"] for model in others}
    assert [value for value in named & made if f"`{Path(value).stem}`" not in note] == []
    companions = dict(public_model(kind).companions)
    for model in others:
        brought = re.fullmatch(r"https://huggingface\.co/(\w+/[\w-]+)/resolve/([0-9a-f]{40})/(.+)", model["url"])
        assert brought is not None and f"{fetch.folder}/svd-xt/{brought[3]}" in note
        assert f"models/{model['directory']}/{model['name']}" in note
        assert (brought[1], brought[2]) == (companions["svd-xt"].repository, companions["svd-xt"].revision)
        (pinned,) = (file for file in companions["svd-xt"].files if file.path == brought[3])
        assert (model["hash"], model["hash_type"]) == (pinned.digest, "SHA256")
