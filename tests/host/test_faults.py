"""What a user can do wrong, through the server: one clear sentence on the right node, and a host that still works."""

import re
import shutil

import pytest
from client import NodeError
from graphs import changed, only, with_node
from installation import ROOT
from safetensors.torch import save_file
from tiny_weights import SIZE

from emotivetalk_core.weight_files.checkpoint import read_header

GREY = {"width": 256, "height": 256, "batch_size": 1, "color": 0x808080}
PACK = "EmotiveTalk"
DEMO = ROOT / "emotivetalk_core" / "weights" / "demo"


@pytest.fixture
def workflow(tiny_workflow):
    return tiny_workflow


@pytest.fixture
def fault_of(workflow, client):
    """Runs what must fail; afterwards the host must still make the good workflow's video."""

    def run(bad):
        with pytest.raises(NodeError) as caught:
            client.run(bad)
        return caught.value

    yield run
    assert client.run(workflow).films


def assert_one_sentence(fault, node_class, kind, *says):
    """The node, the core's own kind of error, and one sentence that a person can act on."""
    assert fault.node_class == f"{PACK}{node_class}", fault
    assert fault.kind.endswith(f"emotivetalk_core.errors.{kind}"), fault
    assert "\n" not in fault.message and fault.message.endswith(".") and 20 < len(fault.message) < 400, fault
    for word in says:
        assert re.search(word, fault.message), fault


def test_a_picture_without_a_face(workflow, fault_of):
    bad = with_node(workflow, "grey", "EmptyImage", **GREY)
    bad = changed(bad, f"{PACK}FaceRegions", image=["grey", 0])
    assert_one_sentence(fault_of(bad), "FaceRegions", "FaceError", "No face", "256x256", "connect bounding_box")


def test_a_face_of_a_size_that_the_weights_do_not_know(workflow, fault_of):
    bad = changed(workflow, f"{PACK}FaceRegions", size=256)
    assert_one_sentence(fault_of(bad), "WindowedSampler", "SettingsError", "256 x 256", f"Face Regions to {SIZE}")


def test_two_faces_where_one_talks(workflow, fault_of):
    crop = [only(workflow, f"{PACK}FaceRegions"), 0]
    bad = with_node(workflow, "two", "RepeatImageBatch", image=crop, amount=2)
    bad = changed(bad, f"{PACK}Condition", portrait=["two", 0])
    assert_one_sentence(fault_of(bad), "Condition", "InputError", "2 pictures", "one face")


def test_pictures_that_the_video_cannot_show_are_refused_before_it_is_sampled(workflow, host, fault_of):
    """The sampler has not begun when Decode to Video says so."""
    picture, record = (only(workflow, f"{PACK}ExampleInputs"), 0), [only(workflow, f"{PACK}FaceRegions"), 3]
    bad = with_node(workflow, "two", "RepeatImageBatch", image=list(picture), amount=2)
    bad = changed(bad, f"{PACK}WindowedSampler", seed=77)  # or what is sampled already would be taken from the cache
    before = host.log_file.read_text(encoding="utf-8", errors="replace").count("windows of ")
    fault = fault_of(changed(bad, f"{PACK}DecodeVideo", picture=["two", 0], crop_record=record))
    assert_one_sentence(fault, "DecodeVideo", "InputError", "2 pictures", "Paste Back")
    assert host.log_file.read_text(encoding="utf-8", errors="replace").count("windows of ") == before
    fault = fault_of(changed(bad, f"{PACK}DecodeVideo", picture=list(picture)))
    assert_one_sentence(fault, "DecodeVideo", "InputError", "no crop record")


def test_a_picture_of_one_pixel(workflow, fault_of):
    bad = with_node(workflow, "dot", "EmptyImage", **(GREY | {"width": 1, "height": 1}))
    bad = changed(bad, f"{PACK}FaceRegions", image=["dot", 0])
    assert_one_sentence(fault_of(bad), "FaceRegions", "FaceError", "No face")


def test_a_mask_with_nothing_in_it(workflow, fault_of):
    bad = with_node(workflow, "empty", "SolidMask", value=0.0, width=256, height=256)
    bad = with_node(bad, "grey", "EmptyImage", **GREY)
    bad = changed(bad, f"{PACK}FaceRegions", image=["grey", 0], face_mask=["empty", 0])
    assert_one_sentence(fault_of(bad), "FaceRegions", "FaceError", "mask is empty")


def test_a_video_without_sound(workflow, fault_of):
    bad = with_node(workflow, "faces", f"{PACK}ExampleFaces", person=7, emotion="happy", becomes="sad", frames=4)
    bad = with_node(bad, "silent", "CreateVideo", images=["faces", 0], fps=25.0)
    bad = with_node(bad, "parts", "GetVideoComponents", video=["silent", 0])
    bad = changed(bad, f"{PACK}EncodeAudio", audio=["parts", 1])
    assert_one_sentence(fault_of(bad), "EncodeAudio", "InputError", "No sound", "Load Audio")


def test_a_recording_of_no_length(workflow, fault_of):
    bad = with_node(workflow, "nothing", "EmptyAudio", duration=0.0, sample_rate=44100, channels=2)
    bad = changed(bad, f"{PACK}EncodeAudio", audio=["nothing", 0])
    assert_one_sentence(fault_of(bad), "EncodeAudio", "InputError", "sound is empty")


def test_windows_that_overlap_wholly(workflow, fault_of):
    bad = changed(workflow, f"{PACK}WindowedSampler", window=4, overlap=4)
    assert_one_sentence(fault_of(bad), "WindowedSampler", "SettingsError", "overlap", "4")


def test_a_latent_of_another_length(workflow, fault_of):
    condition = only(workflow, f"{PACK}Condition")
    bad = with_node(workflow, "three", "LatentFromBatch", samples=[condition, 2], batch_index=0, length=3)
    bad = changed(bad, f"{PACK}WindowedSampler", latent=["three", 0])
    assert_one_sentence(fault_of(bad), "WindowedSampler", "InputError", "3", "5", "frames")


def test_lips_of_another_recording(workflow, fault_of):
    speech = workflow[only(workflow, f"{PACK}EncodeAudio")]["inputs"]
    lips = workflow[only(workflow, f"{PACK}ProjectLips")]["inputs"]
    bad = with_node(workflow, "cut", "TrimAudioDuration", audio=speech["audio"], start_index=0.0, duration=0.1)
    bad = with_node(bad, "hear", f"{PACK}EncodeAudio", **(speech | {"audio": ["cut", 0]}))
    bad = with_node(bad, "lips", f"{PACK}ProjectLips", **(lips | {"audio_features": ["hear", 0]}))
    condition = f"{PACK}Condition"
    bad = changed(bad, condition, lips=["lips", 0])
    assert_one_sentence(fault_of(bad), "Condition", "InputError", "3", "5", "frames")


def test_weights_that_are_not_there(workflow, fault_of):
    fault = fault_of(changed(workflow, f"{PACK}LoadETHD", weights="gone.safetensors"))
    assert (fault.node_class, fault.kind) == (f"{PACK}LoadETHD", "value_not_in_list")
    assert "gone.safetensors" in fault.message


@pytest.fixture
def weights_folder(host):
    folder = host.base / "models" / "emotivetalk"
    folder.mkdir(exist_ok=True)
    return folder


def test_weights_that_were_cut_off_are_not_offered(workflow, weights_folder, fault_of):
    cut = weights_folder / "cut.safetensors"
    shutil.copy(DEMO / "ethd.safetensors", cut)
    with cut.open("r+b") as file:
        file.truncate(cut.stat().st_size // 2)
    fault = fault_of(changed(workflow, f"{PACK}LoadETHD", weights=cut.name))
    assert (fault.node_class, fault.kind) == (f"{PACK}LoadETHD", "value_not_in_list")


def test_weights_of_another_network_are_not_offered(workflow, weights_folder, fault_of):
    shutil.copy(DEMO / "dicte.safetensors", weights_folder / "renamed.safetensors")
    fault = fault_of(changed(workflow, f"{PACK}LoadETHD", weights="renamed.safetensors"))
    assert (fault.node_class, fault.kind) == (f"{PACK}LoadETHD", "value_not_in_list")


def test_weights_without_their_tensors(workflow, weights_folder, fault_of):
    """The header says that the file holds the backbone, so it is offered, but it holds nothing."""
    save_file({}, weights_folder / "hollow.safetensors", read_header(DEMO / "ethd.safetensors")["__metadata__"])
    fault = fault_of(changed(workflow, f"{PACK}LoadETHD", weights="hollow.safetensors"))
    assert_one_sentence(fault, "LoadETHD", "WeightsError", "hollow.safetensors")
