"""Read a portrait from a file: whatever OpenCV decodes, or Pillow where there is no OpenCV, turned upright, as RGB 0…1
with its alpha kept apart.

Colours come from the file's own profile to sRGB, which networks and screens take them for. The header is read first
(Pillow parses it without decoding), so that a picture far too large is refused before any memory is taken for it.
"""

import io
import re
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps

from ..errors import InputError
from ..types import Portrait

MIN_SIDE = 32
MAX_SIDE = 16_384
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 512 * 1024 * 1024

_ORIENTATION_TAG = 0x0112
# OpenCV hands out a half-decoded JPEG or PNG without a word in some of its releases; Pillow reports the missing end.
_FORMATS_CHECKED_TO_THE_END = ("JPEG", "MPO", "PNG")
# OpenCV turns TIFF upright by itself, whatever flags it is given.
_FORMATS_TURNED_BY_OPENCV = ("TIFF",)
_HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1")
"""In the ftyp box of ISO/IEC 23008-12, whatever the file is called; AVIF, which is read, has brands of its own."""
_RADIANCE_SIZE = re.compile(rb"[-+]Y (\d{1,9}) [-+]X (\d{1,9})")


@dataclass(frozen=True)
class _Header:
    kind: str
    orientation: int = 1
    profile: bytes | None = None


def read_portrait(path: str | Path) -> Portrait:
    """The picture in the file `path`, upright (EXIF orientation applied), 8 bit, 16 bit or float, colour, grey or
    palette. Returns pixels float32 [3, h, w] RGB 0…1. `alpha` float32 [1, h, w] is set only where the file has
    transparency that is not opaque everywhere. Raises InputError for a file that is missing, empty, damaged, not a
    picture, or of a size that cannot work (a side under 32 or over 16384 pixels, or more than 64 million pixels).
    """
    path = Path(path)
    data = _read_bytes(path)
    if data[4:8] == b"ftyp" and data[8:12] in _HEIC_BRANDS and b"avif" not in data[12:40]:
        raise InputError(
            f"The picture {path} is in HEIC, as phones take it, whatever its name says: PNG, JPEG, WebP or TIFF is "
            "expected, save it as JPEG (on an iPhone, Settings > Camera > Formats > Most Compatible does so)."
        )
    with warnings.catch_warnings():
        # Pillow warns of sizes that are over our own limit anyway, and of metadata that is of no interest here.
        warnings.simplefilter("ignore")
        header = _read_header(path, data)
    array = _decode(path, data)
    if header.kind not in _FORMATS_TURNED_BY_OPENCV:
        array = upright(array, header.orientation)
    _check_size(path, array.shape[1], array.shape[0])
    if header.profile is not None:
        array = _to_srgb(array, header.profile)
    return _to_portrait(path, array)


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the EXIF `orientation` (1…8; anything else counts as 1) of an array [h, w, ...]."""
    if orientation in (5, 6, 7, 8):  # stored with rows and columns exchanged
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return array


def _read_bytes(path: Path) -> bytes:
    if not path.exists():
        raise InputError(f"The picture {path} does not exist: check the path, a picture file is expected there.")
    if not path.is_file():
        raise InputError(f"The picture {path} is not a file: give the path of one picture, such as a PNG or JPEG.")
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                f"The picture {path} has {size / 2**20:.0f} MiB, at most {MAX_FILE_BYTES // 2**20} MiB are read: "
                "save it smaller, 1024 pixels across is plenty."
            )
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The picture {path} cannot be read ({error.strerror}): check its permissions.") from error
    if not data:
        raise InputError(f"The picture {path} is an empty file: a picture is expected, save or download it again.")
    return data


def _read_header(path: Path, data: bytes) -> _Header:
    """Kind, orientation and RGB profile, after the size and (where OpenCV would not notice) the completeness have been
    checked."""
    try:
        image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise _too_large(path, "more than 178 million pixels") from error
    except (OSError, SyntaxError, ValueError):  # a kind that only OpenCV knows, or no picture at all
        radiance = _RADIANCE_SIZE.search(data[:4096])
        if radiance:
            _check_size(path, int(radiance.group(2)), int(radiance.group(1)))
        return _Header("unknown")
    with image:
        _check_size(path, *image.size)
        if image.format in _FORMATS_CHECKED_TO_THE_END:
            try:
                image.load()
            except (OSError, SyntaxError, ValueError, EOFError) as error:
                raise _damaged(path) from error
        try:
            orientation = image.getexif().get(_ORIENTATION_TAG, 1)
        except Exception:  # noqa: BLE001  broken metadata raises whatever its parser met, and must not cost the picture
            orientation = 1
    profile = image.info.get("icc_profile") if image.mode in ("RGB", "RGBA", "P") else None
    return _Header(image.format or "unknown", orientation if isinstance(orientation, int) else 1, profile)


def _decode(path: Path, data: bytes) -> np.ndarray:
    """[h, w], or [h, w, channels] in OpenCV's order BGR, as it is stored."""
    try:
        from cv2 import IMREAD_UNCHANGED, error, imdecode
        from cv2.utils import logging
    except ImportError:  # no build of it is asked for: a host's other packs may bring any
        return _decode_by_pillow(path, data)
    # The user gets one sentence from us, not OpenCV's log as well.
    previous = logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        array = imdecode(np.frombuffer(data, dtype=np.uint8), IMREAD_UNCHANGED)
    except error as fault:
        raise _damaged(path) from fault
    finally:
        logging.setLogLevel(previous)
    if array is None:
        raise _damaged(path)
    return array


def _decode_by_pillow(path: Path, data: bytes) -> np.ndarray:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            if image.format in _FORMATS_TURNED_BY_OPENCV:
                image = ImageOps.exif_transpose(image)
            if image.mode == "F" or image.mode.startswith("I;16"):
                return np.asarray(image).astype(np.float32 if image.mode == "F" else np.uint16)
            array = np.asarray(image.convert("RGBA" if image.has_transparency_data else "RGB"))
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as fault:
        raise _damaged(path) from fault
    return np.concatenate([array[:, :, 2::-1], array[:, :, 3:]], axis=2)


def _to_srgb(array: np.ndarray, profile: bytes) -> np.ndarray:
    """OpenCV's array [h, w, 3 or 4], BGR, with its colours brought from an ICC profile to sRGB, in 8 bit as films have
    them; as it is where the profile is not of RGB, or broken.
    """
    if array.ndim != 3 or array.shape[2] < 3 or not np.issubdtype(array.dtype, np.integer):
        return array
    eight = array if array.dtype == np.uint8 else (array >> (8 * (array.dtype.itemsize - 1))).astype(np.uint8)
    colours = Image.fromarray(np.ascontiguousarray(eight[:, :, 2::-1]))
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        srgb = ImageCms.profileToProfile(colours, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return array
    return np.concatenate([np.asarray(srgb)[:, :, ::-1], eight[:, :, 3:]], axis=2)


def _to_portrait(path: Path, array: np.ndarray) -> Portrait:
    if array.ndim == 2:
        array = array[:, :, None]
    channels = array.shape[2]
    if channels > 4:
        raise InputError(
            f"The picture {path} has {channels} channels: grey or colour, with or without alpha, is expected."
        )
    if np.issubdtype(array.dtype, np.integer):
        values = array.astype(np.float32) / np.iinfo(array.dtype).max
    else:
        values = np.nan_to_num(array.astype(np.float32), nan=0.0)
    values = values.clip(0.0, 1.0)
    colour = values[:, :, 2::-1] if channels >= 3 else values[:, :, :1].repeat(3, axis=2)  # OpenCV's order is BGR
    pixels = torch.from_numpy(np.ascontiguousarray(colour.transpose(2, 0, 1)))  # [3, h, w]
    alpha = None
    if channels in (2, 4) and values[:, :, -1].min() < 1.0:
        alpha = torch.from_numpy(np.ascontiguousarray(values[None, :, :, -1]))  # [1, h, w]
    return Portrait(pixels, alpha)


def _check_size(path: Path, width: int, height: int) -> None:
    if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise _too_large(path, f"{width}x{height} pixels")
    if min(width, height) < MIN_SIDE:
        raise InputError(
            f"The picture {path} has {width}x{height} pixels: at least {MIN_SIDE}x{MIN_SIDE} are needed to see a "
            "face, give a larger picture."
        )


def _too_large(path: Path, size: str) -> InputError:
    return InputError(
        f"The picture {path} has {size}: at most {MAX_SIDE} on a side and {MAX_PIXELS // 10**6} million in all are "
        "read, scale it down, 1024 pixels across is plenty."
    )


def _damaged(path: Path) -> InputError:
    return InputError(
        f"The picture {path} is damaged or not a picture: a file that can be read is expected (PNG, JPEG, WebP, "
        "TIFF or BMP), save or download it again."
    )
