"""PD-FGC's motion network, written down a second time under its own key names, and its alignment by OpenCV and
scikit-image: what our encoder and our alignment must agree with.
"""

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from skimage.transform import SimilarityTransform

from emotivetalk_core.conversion.pd_fgc_keys import NEW, convert_pd_fgc
from emotivetalk_core.errors import WeightsError
from emotivetalk_core.face.alignment import align_face, alignment_matrix
from emotivetalk_core.face.landmarks import read_landmarks
from emotivetalk_core.models.motion_encoder import MotionEncoder, MotionEncoderConfig
from emotivetalk_core.weight_files.checkpoint import load_network

SIDE, WIDTH = 64, 24  # of the picture and of the heads; 224 and 512 there
EMBEDDED = {"headpose": 6, "eye": 6, "emo": 30}


class Reference:
    """PD-FGC's motion network as functions of a state dict with its own names; the widths in its trunk are fixed."""

    def __init__(self, side: int = SIDE, width: int = WIDTH) -> None:
        self.state: dict[str, torch.Tensor] = {}
        self.random = torch.Generator().manual_seed(7)
        self.convolution("model.conv1", 3, 64, 7)
        self.norm("model.bn1", 64)
        for name, wide_in, wide_out in (("conv2", 64, 128), ("conv3", 128, 128), ("conv4", 128, 256)):
            self.block(f"model.{name}", wide_in, wide_out)
        for level in (1, 2, 3, 4):
            for branch in ("b1", "b2", "b3") + ("b2_plus",) * (level == 1):
                self.block(f"model.m0.{branch}_{level}", 256, 256)
        self.block("model.top_m_0", 256, 256)
        self.convolution("model.conv_last0", 256, 256, 1)
        self.norm("model.bn_end0", 256)
        self.convolution("model.l0", 256, 68, 1)
        self.norm("model.bn5", 68)
        self.convolution("model.conv6", 68, 1, 3)
        self.linear("model.fc", (side // 8) ** 2, width)
        for part in ("mouth", "headpose", "eye", "emo"):
            self.linear(f"to_{part}.0", width, width)
            self.norm(f"to_{part}.2", width)
            self.linear(f"to_{part}.3", width, width)
            self.linear(f"{part}_embed.1", width, EMBEDDED.get(part, 9))

    def values(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.random)

    def convolution(self, name: str, wide_in: int, wide_out: int, kernel: int, bias: bool = True) -> None:
        self.state[f"{name}.weight"] = self.values(wide_out, wide_in, kernel, kernel) / (wide_in * kernel**2) ** 0.5
        if bias:
            self.state[f"{name}.bias"] = 0.1 * self.values(wide_out)

    def linear(self, name: str, wide_in: int, wide_out: int) -> None:
        self.state[f"{name}.weight"] = self.values(wide_out, wide_in) / wide_in**0.5
        self.state[f"{name}.bias"] = 0.1 * self.values(wide_out)

    def norm(self, name: str, width: int) -> None:
        self.state[f"{name}.weight"] = 1 + 0.1 * self.values(width)
        self.state[f"{name}.bias"] = 0.1 * self.values(width)
        self.state[f"{name}.running_mean"] = 0.1 * self.values(width)
        self.state[f"{name}.running_var"] = 1 + self.values(width).square()
        self.state[f"{name}.num_batches_tracked"] = torch.tensor(5)

    def block(self, name: str, wide_in: int, wide_out: int) -> None:
        widths = (wide_in, wide_out // 2, wide_out // 4, wide_out // 4)
        for index in (1, 2, 3):
            self.norm(f"{name}.bn{index}", widths[index - 1])
            self.convolution(f"{name}.conv{index}", widths[index - 1], widths[index], 3, bias=False)
        if wide_in != wide_out:
            self.norm(f"{name}.downsample.0", wide_in)
            self.convolution(f"{name}.downsample.2", wide_in, wide_out, 1, bias=False)

    def conv(self, name: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight = self.state[f"{name}.weight"]
        return F.conv2d(x, weight, self.state.get(f"{name}.bias"), stride, weight.shape[-1] // 2)

    def normed(self, name: str, x: torch.Tensor) -> torch.Tensor:
        shape = (1, -1) + (1,) * (x.dim() - 2)
        mean, variance, weight, bias = (
            self.state[f"{name}.{key}"].view(shape) for key in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    def blocked(self, name: str, x: torch.Tensor) -> torch.Tensor:
        thirds, inner = [], x
        for index in (1, 2, 3):
            inner = self.conv(f"{name}.conv{index}", self.normed(f"{name}.bn{index}", inner).relu())
            thirds.append(inner)
        if f"{name}.downsample.2.weight" in self.state:
            x = self.conv(f"{name}.downsample.2", self.normed(f"{name}.downsample.0", x).relu())
        return torch.cat(thirds, 1) + x

    def hourglass(self, level: int, x: torch.Tensor) -> torch.Tensor:
        lower = self.blocked(f"model.m0.b2_{level}", F.max_pool2d(x, 2))
        lower = self.hourglass(level - 1, lower) if level > 1 else self.blocked("model.m0.b2_plus_1", lower)
        lower = self.blocked(f"model.m0.b3_{level}", lower)
        return self.blocked(f"model.m0.b1_{level}", x) + F.interpolate(lower, x.shape[2:], mode="bilinear")

    def affine(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def read(self, image: torch.Tensor) -> dict[str, torch.Tensor]:
        """Image [b, 3, s, s] in -1…1 -> the vectors that the generator is given."""
        x = self.normed("model.bn1", self.conv("model.conv1", image, stride=2)).relu()
        x = F.max_pool2d(self.blocked("model.conv2", x), 2)
        x = self.hourglass(4, self.blocked("model.conv4", self.blocked("model.conv3", x)))
        x = self.normed("model.bn_end0", self.conv("model.conv_last0", self.blocked("model.top_m_0", x))).relu()
        x = self.conv("model.conv6", self.normed("model.bn5", self.conv("model.l0", x)).relu(), stride=2)
        feature = self.affine("model.fc", x.flatten(1).relu())
        said = {"identity": feature}
        for part in ("mouth", *EMBEDDED):
            inner = self.normed(f"to_{part}.2", self.affine(f"to_{part}.0", feature).relu())
            said[part] = self.affine(f"to_{part}.3", inner)
            if part in EMBEDDED:
                said[part] = self.affine(f"{part}_embed.1", said[part].relu())
        return said


@pytest.fixture(scope="module")
def reference():
    return Reference()


@pytest.fixture(scope="module")
def converted(reference, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pd_fgc")
    leftovers = {"classifier.weight": torch.zeros(2, 2), "mouth_fc.bias": torch.zeros(2)}  # its loader skips such
    save_file(reference.state | leftovers, folder / "pd_fgc.safetensors")
    return folder, convert_pd_fgc(folder / "pd_fgc.safetensors", folder / "motion_encoder.safetensors")


def test_its_weights_give_its_latents(reference, converted):
    encoder = load_network(
        converted[0] / "motion_encoder.safetensors", "motion_encoder", MotionEncoder, MotionEncoderConfig
    )
    faces = torch.rand(3, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        latents, expected = encoder(faces), reference.read(faces * 2 - 1)
    ours = {
        "mouth": latents.lip,
        "emo": latents.expression,
        "headpose": latents.pose,
        "eye": latents.eye,
        "identity": latents.identity,
    }
    assert {name: value.shape[1] for name, value in ours.items()} == {**EMBEDDED, "mouth": WIDTH, "identity": WIDTH}
    for name, value in ours.items():
        assert expected[name].std() > 0.01  # it says something, and not the same of every face
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5 * float(expected[name].abs().max()))


def test_what_is_unused_and_what_is_new_is_named(converted):
    conversion = converted[1]
    assert set(conversion.unused) == {
        "mouth_embed.1.weight",
        "mouth_embed.1.bias",
        "classifier.weight",
        "mouth_fc.bias",
    }
    parts = {name.split(".")[0] for name in conversion.new}
    statistics = {f"{latent}_{value}" for latent in ("lip", "expression") for value in ("mean", "std")}
    assert parts == statistics | {"lip_adapter", "expression_adapter"}


def test_the_file_says_where_it_is_from_and_is_always_the_same(converted):
    folder = converted[0]
    torch.manual_seed(123)
    before = torch.get_rng_state()
    convert_pd_fgc(folder / "pd_fgc.safetensors", folder / "again.safetensors")
    assert torch.equal(torch.get_rng_state(), before)
    once, again = load_file(folder / "motion_encoder.safetensors"), load_file(folder / "again.safetensors")
    assert once.keys() == again.keys() and all(torch.equal(once[name], again[name]) for name in once)
    with safe_open(folder / "again.safetensors", "pt") as file:
        assert file.metadata()["licence"] == "CC-BY-4.0" and "PD-FGC" in file.metadata()["record"]


def test_the_real_layout_is_our_full_encoder():
    """At its real size each of its keys has its place and its shape in the paper's encoder."""
    theirs = {name: value.shape for name, value in Reference(224, 512).state.items() if "mouth_embed" not in name}
    ours = MotionEncoder(MotionEncoderConfig(), device="meta").state_dict()
    ours = {name: value.shape for name, value in ours.items() if not name.startswith(NEW)}
    assert {name.replace("model.", "trunk.", 1): shape for name, shape in theirs.items()} == ours


def test_another_network_is_refused_by_a_key(reference, tmp_path):
    path = tmp_path / "other.safetensors"
    save_file(reference.state | {"conv1x1.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="the key conv1x1.weight"):
        convert_pd_fgc(path, tmp_path / "out.safetensors")
    whole = dict(reference.state)
    del whole["model.m0.b3_2.bn1.bias"]
    save_file(whole, path)
    with pytest.raises(WeightsError, match="lacks trunk.m0.b3_2.bn1.bias"):
        convert_pd_fgc(path, tmp_path / "out.safetensors")
    save_file({"model.conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="trunk.fc.weight"):
        convert_pd_fgc(path, tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_its_pickle_is_not_opened_and_the_way_out_is_said(tmp_path):
    path = tmp_path / "motion_model.pth"
    torch.save({"model.conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match=r"was not read; .*torch.load\('motion_model.pth'.*weights_only=True"):
        convert_pd_fgc(path, tmp_path / "out.safetensors")
    with pytest.raises(WeightsError, match="not a file"):
        convert_pd_fgc(tmp_path / "nothing.safetensors", tmp_path / "out.safetensors")


def sixty_eight(random: np.random.Generator, side: float, turn: float) -> np.ndarray:
    """Landmarks of a leaning face with eyes `side` apart, whose proportions are not the template's."""
    points = random.uniform(-0.8, 0.8, (68, 2))
    for rows, place in ((slice(36, 42), (-0.5, 0.0)), (slice(42, 48), (0.5, 0.03)), (slice(48, 68), (0.05, 1.05))):
        points[rows] = place + random.uniform(-0.12, 0.12, (rows.stop - rows.start, 2))
    points[:, 1] += 0.1 * points[:, 0]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points * side @ rotation.T + (260, 190)


def pd_fgc_face(image: np.ndarray, landmarks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture that PD-FGC's network is given, and where a point of the first picture is in it: [2, 3].

    Similarity of the three points to their places, then the mouth shifted to its own; 224 pixels, of which 16 from
    either side and 32 from below are cut off; enlarged to 224 again.
    """
    three = np.stack([landmarks[36:42].mean(0), landmarks[42:48].mean(0), landmarks[60:68].mean(0)])
    matrix = SimilarityTransform.from_estimate(three, np.array([[87, 59], [137, 59], [112, 120]])).params[:2]
    matrix[:, 2] += (112, 120) - (matrix[:, :2] @ three[2] + matrix[:, 2])
    aligned = cv2.warpAffine(image, matrix, (224, 224), borderMode=cv2.BORDER_REPLICATE)
    face = cv2.resize(aligned[:192, 16:208], (224, 224))
    onward = matrix.copy()
    onward[:, 2] += (0.5 - 16, 0.5)
    onward *= 224 / 192
    onward[:, 2] -= 0.5
    return face, onward


@pytest.mark.parametrize(("side", "turn"), [(45, 0.0), (60, 0.3), (110, -0.5), (150, 0.1)])
def test_a_point_of_the_picture_comes_where_theirs_comes(side, turn):
    landmarks = sixty_eight(np.random.default_rng(side), side, turn)
    rows, columns = np.mgrid[:480, :520].astype(np.float32)
    _, onward = pd_fgc_face(np.zeros((480, 520, 3), np.float32), landmarks)
    eyes_mouth = read_landmarks(torch.from_numpy(landmarks)).eyes_mouth
    ours = alignment_matrix(eyes_mouth.double()).numpy()
    corners = np.array([[0, 0, 1], [520, 0, 1], [0, 480, 1], [520, 480, 1]])
    assert np.abs(corners @ ours.T - corners @ onward.T).max() < 0.01
    # and in pixels: a picture whose channels are its own coordinates says where each pixel was taken from
    image = np.stack([columns, rows, columns + rows], -1)
    theirs, _ = pd_fgc_face(image, landmarks)
    face = align_face(torch.from_numpy(image).movedim(-1, 0), eyes_mouth).movedim(0, -1).numpy()
    inside = (theirs[..., :2] > 2).all(-1) & (theirs[..., 0] < 517) & (theirs[..., 1] < 477)
    apart = np.abs(face - theirs)[..., :2][inside] * np.linalg.norm(ours[0, :2])  # in pixels of the aligned face
    assert inside.mean() > 0.5 and apart.max() < 0.5
