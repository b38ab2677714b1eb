"""read_portrait: what OpenCV reads comes out upright, RGB and 0…1; what cannot work is refused in one sentence."""

import struct
import time
import zlib

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from emotivetalk_core.errors import InputError
from emotivetalk_core.face.portrait import read_portrait


def corners_picture() -> np.ndarray:
    """48x64 BGR with four flat quarters: red, green over blue, white (as seen upright)."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32], picture[:24, 32:] = (0, 0, 255), (0, 255, 0)
    picture[24:, :32], picture[24:, 32:] = (255, 0, 0), (255, 255, 255)
    return picture


def encode(extension: str, array: np.ndarray) -> bytes:
    done, data = cv2.imencode(extension, array)
    assert done
    return data.tobytes()


def with_exif(jpeg: bytes, orientation: int) -> bytes:
    """The JPEG with a hand-made EXIF segment: big-endian TIFF, one directory, one short for tag 0x0112."""
    tiff = b"MM\x00\x2a" + struct.pack(">I", 8) + struct.pack(">H", 1)
    tiff += struct.pack(">HHIHH", 0x0112, 3, 1, orientation, 0) + struct.pack(">I", 0)
    body = b"Exif\x00\x00" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def stored_as(upright: np.ndarray, orientation: int) -> np.ndarray:
    """How a camera with this EXIF orientation stores the picture (the inverse of turning it upright)."""
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.swapaxes(0, 1),
        6: np.rot90(upright, 1),
        7: np.rot90(upright, 2).swapaxes(0, 1),
        8: np.rot90(upright, -1),
    }
    return np.ascontiguousarray(stored[orientation])


def assert_corners(pixels: torch.Tensor) -> None:
    assert pixels.shape == (3, 48, 64) and pixels.dtype == torch.float32
    seen = [pixels[:, row, column] for row in (8, 40) for column in (8, 56)]
    expected = torch.tensor([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    assert torch.allclose(torch.stack(seen), expected, atol=0.03)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_comes_out_upright(tmp_path, orientation):
    file = tmp_path / "photo.jpg"
    file.write_bytes(with_exif(encode(".jpg", stored_as(corners_picture(), orientation)), orientation))
    assert_corners(read_portrait(file).pixels)


@pytest.mark.parametrize("orientation", (1, 3, 6, 8))
@pytest.mark.parametrize("kind", ("PNG", "WEBP", "TIFF"))
def test_orientation_in_other_kinds(tmp_path, kind, orientation):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / f"photo.{kind.lower()}"
    stored = stored_as(corners_picture(), orientation)[:, :, ::-1]
    Image.fromarray(np.ascontiguousarray(stored)).save(file, kind, exif=exif)
    assert_corners(read_portrait(file).pixels)


def test_depths_and_channels(tmp_path):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)[None].repeat(48, 0)
    grey16, colour = tmp_path / "grey16.png", corners_picture()
    grey16.write_bytes(encode(".png", ramp))
    portrait = read_portrait(grey16)
    assert portrait.alpha is None and torch.equal(portrait.pixels[0], portrait.pixels[2])
    assert torch.allclose(portrait.pixels[0, 0], torch.linspace(0, 1, 64), atol=1e-4)

    alpha = np.full((48, 64, 1), 255, np.uint8)
    file = tmp_path / "opaque.png"
    file.write_bytes(encode(".png", np.concatenate([colour, alpha], 2)))
    assert read_portrait(file).alpha is None
    alpha[:, :16] = 51
    file.write_bytes(encode(".png", np.concatenate([colour, alpha], 2)))
    clear = read_portrait(file)
    assert_corners(clear.pixels)
    assert clear.alpha is not None and clear.alpha.shape == (1, 48, 64)
    assert clear.alpha[0, 0, 0].item() == pytest.approx(0.2) and clear.alpha[0, 0, 63].item() == 1.0

    scan = tmp_path / "float.tiff"
    scan.write_bytes(encode(".tiff", np.where(np.eye(48) > 0, np.nan, 2.5).astype(np.float32)))
    pixels = read_portrait(scan).pixels
    assert pixels[0, 0, 0] == 0.0 and pixels[0, 0, 1] == 1.0


def test_palette_with_transparency(tmp_path):
    from PIL import Image

    picture = Image.new("P", (40, 40), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.putpixel((0, 0), 0)
    picture.save(tmp_path / "palette.png", transparency=0)
    portrait = read_portrait(tmp_path / "palette.png")
    assert portrait.pixels[:, 5, 5].tolist() == [0.0, 0.0, 1.0]
    assert portrait.alpha is not None and portrait.alpha[0, 0, 0] == 0.0 and portrait.alpha[0, 5, 5] == 1.0


def blank_png(width: int, height: int) -> bytes:
    """A PNG header of any size with hardly any data behind it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "empty"),
        (b"this is a text", "not a picture"),
        (blank_png(1, 1), "at least 32x32"),
        (blank_png(20_000, 20_000), "at most 16384"),
        (blank_png(10_000, 9_000), "10000x9000"),
        (b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 20000 +X 20000\n", "20000x20000"),
    ],
)
def test_refusals_name_the_file(tmp_path, data, sentence, capfd):
    file = tmp_path / "given.png"
    file.write_bytes(data)
    start = time.monotonic()
    with pytest.raises(InputError, match=sentence) as raised:
        read_portrait(file)
    assert time.monotonic() - start < 2.0
    assert str(file) in str(raised.value) and "\n" not in str(raised.value)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("extension", (".jpg", ".png", ".webp", ".bmp", ".tiff"))
def test_truncated_files_are_refused(tmp_path, extension, capfd):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    data = encode(extension, noise)
    file = tmp_path / f"half{extension}"
    file.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match="damaged"):
        read_portrait(file)
    assert capfd.readouterr().err == ""


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(InputError, match="^The picture .*nowhere.png does not exist"):
        read_portrait(tmp_path / "nowhere.png")
    with pytest.raises(InputError, match="not a file"):
        read_portrait(tmp_path)


def test_broken_exif_does_not_cost_the_picture(tmp_path):
    jpeg = encode(".jpg", corners_picture())
    body = b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff"
    file = tmp_path / "odd.jpg"
    file.write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:])
    assert_corners(read_portrait(file).pixels)


def wide_profile() -> bytes:
    """An ICC profile (ICC.1:2010, matrix and gamma) with Adobe RGB's primaries and a gamma of 2.2."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"wide\0" + b"\0" * 78,
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(0.60974, 0.31111, 0.01947),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(0.20528, 0.62567, 0.06087),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(0.14919, 0.06322, 0.74457),
        b"cprt": b"text\0\0\0\0none\0",
    }
    gamma = b"curv\0\0\0\0" + struct.pack(">IHH", 1, round(2.2 * 256), 0)
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), gamma)
    table, body = b"", b""
    for name, tag in tags.items():
        tag += b"\0" * (-len(tag) % 4)
        table += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(tag))
        body += tag
    size = 132 + len(table) + len(body)
    head = struct.pack(">I4sI4s4s4s12x4s28x", size, b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head += fixed(0.9642, 1.0, 0.8249)
    return head + b"\0" * (128 - len(head)) + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_wide_colours_come_out_as_srgb(tmp_path, kind):
    """The flat colour (200, 90, 60) of Adobe RGB, by its definition: linear light, one matrix, the curve of sRGB."""
    given = np.array([200, 90, 60]) / 255
    to_xyz = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
    from_srgb = np.array([[0.4360, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])  # D50
    linear = np.linalg.solve(from_srgb, to_xyz @ given**2.2).clip(0, 1)
    expected = np.where(linear > 0.0031308, 1.055 * linear ** (1 / 2.4) - 0.055, 12.92 * linear)
    picture = Image.new("RGB", (64, 64), (200, 90, 60))
    picture.save(tmp_path / "wide", kind, icc_profile=wide_profile(), **({"quality": 100} if kind == "JPEG" else {}))
    seen = read_portrait(tmp_path / "wide").pixels.mean((1, 2))
    assert seen.tolist() == pytest.approx(expected.tolist(), abs=0.012)
    assert max(abs(seen - torch.tensor(given))) > 0.05


def test_a_broken_profile_does_not_cost_the_picture(tmp_path):
    Image.new("RGB", (64, 64), (200, 90, 60)).save(tmp_path / "odd.png", icc_profile=b"nothing" * 30)
    assert read_portrait(tmp_path / "odd.png").pixels[0].mean().item() == pytest.approx(200 / 255, abs=1e-3)


@pytest.mark.parametrize("name,brand", [("IMG_0001.HEIC", b"heic"), ("from_phone.jpg", b"mif1")])
def test_heic_is_named_whatever_the_file_is_called(tmp_path, name, brand):
    (tmp_path / name).write_bytes(struct.pack(">I", 24) + b"ftyp" + brand + bytes(4) + b"mif1heic" + bytes(500))
    with pytest.raises(InputError, match="HEIC.*save it as JPEG") as caught:
        read_portrait(tmp_path / name)
    assert name in str(caught.value) and "\n" not in str(caught.value)
