"""Makes `emotivetalk_core/assets/photograph_faces.safetensors` of the weights in the PyPI wheel facenet-pytorch, and
the numbers that `tests/face/test_mtcnn.py` expects by running that wheel's own networks:

    pip download --no-deps facenet-pytorch==2.6.0
    python tests/tools/public_mtcnn.py weights facenet_pytorch-2.6.0-py3-none-any.whl
    python tests/tools/public_mtcnn.py reference facenet_pytorch-2.6.0-py3-none-any.whl

The first reads the wheel as the archive that it is, tensors alone. The second imports it, and needs torchvision.
"""

import argparse
import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
REFERENCE_FILE = ROOT / "tests" / "data" / "mtcnn_reference.json"
SQUARE = (160, 50, 130)
"""Left, top and side of the square of the astronaut's picture that the single networks are shown."""
NETWORK_SIDES = {"pnet": 20, "rnet": 24, "onet": 48}
SMALLEST_PART = 20


def astronaut() -> torch.Tensor:
    """scikit-image's public-domain photograph [3, 512, 512], 0…1."""
    from skimage.data import astronaut as picture

    return torch.from_numpy(picture()).permute(2, 0, 1).float() / 255


def network_input(side: int) -> torch.Tensor:
    """The square around the astronaut's face as a network takes it [1, 3, side, side]."""
    left, top, width = SQUARE
    square = astronaut()[None, :, top : top + width, left : left + width]
    return (F.interpolate(square, size=(side, side), mode="area") * 255 - 127.5) / 128


def pictures() -> dict[str, torch.Tensor]:
    """The pictures that the whole search is shown, of 256 levels, as files hold them."""
    whole = astronaut()
    half = F.avg_pool2d(whole[None], 2)[0].mul(255).round() / 255
    return {"whole": whole, "mirrored": whole.flip(2), "half": half}


def make_weights(wheel: Path) -> None:
    from safetensors.torch import save_file

    from emotivetalk_core.face.mtcnn import WEIGHTS_FILE

    weights = {}
    with zipfile.ZipFile(wheel) as archive:
        for network in NETWORK_SIDES:
            data = archive.read(f"facenet_pytorch/data/{network}.pt")
            state = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
            weights |= {f"{network}.{name}": tensor.contiguous() for name, tensor in state.items()}
    save_file(weights, WEIGHTS_FILE, {"licence": "MIT", "source": wheel.name})
    print(f"{sum(tensor.numel() for tensor in weights.values())} values -> {WEIGHTS_FILE}")


def make_reference(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:  # its weights must lie in files
        folder = wheel.resolve().parent / "unpacked"
        archive.extractall(folder)
    sys.path.insert(0, str(folder))
    from facenet_pytorch.models.mtcnn import MTCNN, ONet, PNet, RNet

    networks, faces = {}, {}
    with torch.no_grad():
        for name, network in (("pnet", PNet()), ("rnet", RNet()), ("onet", ONet())):
            answers = network(network_input(NETWORK_SIDES[name]))
            networks[name] = [answer.double().numpy().round(6).tolist() for answer in answers]
    for name, picture in pictures().items():
        finder = MTCNN(keep_all=True, min_face_size=max(picture.shape) / SMALLEST_PART)
        levels = (picture * 255).round().byte().permute(1, 2, 0).numpy()
        boxes, scores, points = finder.detect(levels, landmarks=True)
        numbers = (np.asarray(values, float).round(3).tolist() for values in (boxes, scores, points))
        faces[name] = dict(zip(("boxes", "scores", "points"), numbers))
    REFERENCE_FILE.write_text(json.dumps({"networks": networks, "faces": faces}) + "\n", encoding="utf-8")
    print(f"{REFERENCE_FILE}: {len(faces)} pictures")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("weights", "reference"))
    parser.add_argument("wheel", type=Path)
    arguments = parser.parse_args()
    (make_weights if arguments.what == "weights" else make_reference)(arguments.wheel)
