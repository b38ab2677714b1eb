"""Where no build of OpenCV is installed: heads are drawn and pictures read all the same, and nearly the same."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from emotivetalk_core.cli.demo import ASSETS
from emotivetalk_core.errors import InputError
from emotivetalk_core.face.portrait import read_portrait
from emotivetalk_core.synthesis import raster

DRAW = """
import sys
import numpy as np
if sys.argv[1] == "without":
    sys.modules["cv2"] = None
from emotivetalk_core.synthesis.head_state import HeadState
from emotivetalk_core.synthesis.identity import sample_identity
from emotivetalk_core.synthesis.render import render_head
from emotivetalk_core.plot import draw_timeline
draw_timeline({"happy": np.ones(20)}, [(0.0, "0 happy")])
np.save(sys.argv[2], np.stack([render_head(sample_identity(seed), HeadState.rest(), 128) for seed in range(6)]))
"""


@pytest.fixture
def no_opencv(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)  # importing it fails


def test_heads_and_plots_are_drawn_nearly_the_same(tmp_path):
    drawn = []
    for way in ("with", "without"):
        subprocess.run([sys.executable, "-c", DRAW, way, str(tmp_path / f"{way}.npy")], check=True, timeout=250)
        drawn.append(np.load(tmp_path / f"{way}.npy").astype(float))
    apart = np.abs(drawn[0] - drawn[1])
    assert apart.mean((1, 2, 3)).max() < 3 and np.percentile(apart, 95) < 12
    assert apart.max() > 0  # or both were drawn by one of the two


@pytest.mark.parametrize("width", [None, 3])
def test_shapes_cover_what_opencvs_cover(monkeypatch, width):
    rng, covered = np.random.default_rng(3), []
    angle = np.sort(rng.uniform(0, 2 * np.pi, 12))
    points = np.rint(16 * (32 + 24 * np.stack([np.cos(angle), np.sin(angle)], 1))).astype(np.int32)
    for by_opencv in (True, False):
        monkeypatch.setattr(raster, "HAS_OPENCV", by_opencv)
        image = np.zeros((64, 64), np.uint8)
        raster.fill(image, points, 255) if width is None else raster.outline(image, points, 255, width)
        covered.append(image.astype(float) / 255)
    assert abs(covered[0].sum() - covered[1].sum()) < 0.12 * covered[0].sum()
    assert np.abs(covered[0] - covered[1]).mean() < 0.03


@pytest.mark.parametrize(
    "operation",
    [
        lambda image: raster.blur(image, 1.7),
        lambda image: raster.halved(image, 2),
        lambda image: raster.multiplied(image, image[::-1].copy(), 1 / 252),
        lambda image: raster.blended(image, image[::-1].copy(), image[:, :, 0].astype(np.float32) / 255),
        lambda image: raster.warp(image, np.array([[0.9, 0.2, 3.3], [-0.1, 1.1, -2.2]]), 40, 30),
        lambda image: raster.warp(image, np.array([[0.9, 0.2, 9.3], [-0.1, 1.1, 7.2]]), 40, 30, repeat=True),
        lambda image: raster.laid_over(np.dstack([image // 2, image[:, :, :1]]), image[::-1].copy()),
    ],
)
def test_every_operation_is_opencvs_to_a_shade(monkeypatch, operation):
    image = np.random.default_rng(1).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    theirs = operation(image).astype(int)
    monkeypatch.setattr(raster, "HAS_OPENCV", False)
    ours = operation(image).astype(int)
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 2


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize(
    "kind,mode", [("PNG", "RGBA"), ("JPEG", "RGB"), ("WEBP", "RGBA"), ("TIFF", "RGB"), ("PNG", "P")]
)
def test_pictures_are_read_the_same(tmp_path, monkeypatch, kind, mode, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.open(ASSETS / "portrait.png").convert("RGB").resize((96, 64))
    picture.putalpha(Image.linear_gradient("L").resize((96, 64)))
    picture.convert(mode).save(tmp_path / "picture", kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    theirs = read_portrait(tmp_path / "picture")
    monkeypatch.setitem(sys.modules, "cv2", None)
    ours = read_portrait(tmp_path / "picture")
    assert ours.pixels.shape == theirs.pixels.shape and (ours.alpha is None) == (theirs.alpha is None)
    assert (ours.pixels - theirs.pixels).abs().mean() < 0.01
    if ours.alpha is not None:
        assert (ours.alpha - theirs.alpha).abs().max() < 0.01


@pytest.mark.parametrize("mode,kind", [("I;16", "PNG"), ("I;16", "TIFF"), ("F", "TIFF"), ("L", "PNG"), ("LA", "PNG")])
def test_depths_are_read_the_same(tmp_path, monkeypatch, mode, kind):
    ramp = np.linspace(0, 1, 64 * 64, dtype=np.float32).reshape(64, 64)
    if mode == "F":
        picture = Image.fromarray(ramp)
    elif mode == "I;16":
        picture = Image.fromarray((ramp * 65535).astype(np.uint16))
    else:
        picture = Image.fromarray((ramp * 255).astype(np.uint8)).convert(mode)
    picture.save(tmp_path / "ramp", kind)
    theirs = read_portrait(tmp_path / "ramp").pixels
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert (read_portrait(tmp_path / "ramp").pixels - theirs).abs().max() < 0.005


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_half_a_picture_is_refused(tmp_path, no_opencv, kind):
    Image.open(ASSETS / "portrait.png").convert("RGB").save(tmp_path / "whole", kind)
    whole = (tmp_path / "whole").read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="damaged or not a picture"):
        read_portrait(Path(tmp_path / "half"))
