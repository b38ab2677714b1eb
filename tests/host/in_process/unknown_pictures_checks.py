"""Sizes and pictures that weights do not know: refused, or said on the node.

Each `check_…` raises AssertionError where neither happens. Call them with the host importable, under
torch.inference_mode().
"""

import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent))
from shots import ROOT, Shot, part  # noqa: E402  (the files here are no package)


def check_a_size_at_which_the_mouth_would_rest_is_refused() -> None:
    """Weights draw their own size alone; by our sampler and the host's, larger and smaller."""
    from_core = part("emotivetalk_core.errors").SettingsError
    for size in (32, 128):
        shot = Shot(2, size=size)
        for sample in (shot.windowed, shot.stock):
            try:
                sample()
            except from_core as error:
                assert "at 64 x 64 pixels" in str(error) and "Face Regions to 64" in str(error), error
            else:
                raise AssertionError(f"{size} pixels were sampled by {sample.__name__}")


def check_a_picture_that_the_weights_do_not_know_is_said() -> None:
    """Stripes, on the node that reads the portrait; a drawn head goes without a word."""
    expression = part("nodes.expression")
    (encoders,) = expression.LoadFaceEncoders.execute(
        "demo/motion_encoder.safetensors", "demo/face_finder.safetensors"
    ).result
    portrait = part("emotivetalk_core.face.portrait").read_portrait(ROOT / "emotivetalk_core/assets/portrait.png")
    drawn = part("emotivetalk_core.face.regions").face_regions(portrait, box=(150, 150, 400, 400)).crop
    striped = (torch.arange(128) % 4 < 2).float()[:, None].expand(1, 128, 128, 3).clone()
    pictures = {"drawn": drawn.movedim(0, -1)[None], "striped": striped}
    node = expression.EncodeExpression
    said = {name: node.execute(encoders, picture, expression.CROPS).ui for name, picture in pictures.items()}
    print(said)
    assert not said["drawn"] or not any("not made for" in line for line in said["drawn"]["text"])
    assert "not made for pictures like this one" in said["striped"]["text"][0]
