"""How latents change where lids shut, found again in latents that are made of it."""

from pathlib import Path

import torch

from emotivetalk_core.training.lids import lids_direction
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, write_shard

LIDS, UNITS = torch.tensor([2.0, -1.0, 0.5]), torch.randn(4, 3, generator=torch.Generator().manual_seed(2))


def folder_of(folder: Path, *, blinking: float = 1.0) -> Source:
    """Two people who blink most where a unit is at work; each has a face of its own."""
    clips = []
    for number, kind in enumerate(("stills", "clips")):
        random = torch.Generator().manual_seed(number)
        units = torch.rand(60, 4, generator=random)
        blink = blinking * (units[:, 0] * torch.rand(60, generator=random)).clamp(0, 1)
        own = torch.randn(3, generator=random)
        fields = {
            "eye": torch.stack((blink, *torch.randn(2, 60, generator=random)), 1),
            "action_units": units,
            "expression": own + blink[:, None] * LIDS + units @ UNITS,
        }
        clips.append(WrittenClip(Clip(f"{kind}/0", f"person {number}", kind, 60), fields))
    SourceWriter(folder).add(write_shard(folder, "all.safetensors", clips))
    return Source.open(folder)


def test_it_is_found_beside_what_the_face_does_with_it(tmp_path: Path):
    found = lids_direction(folder_of(tmp_path))
    assert found is not None
    torch.testing.assert_close(found, LIDS, atol=0.1, rtol=0)


def test_where_no_lids_shut_nothing_is_known(tmp_path: Path):
    assert lids_direction(folder_of(tmp_path, blinking=0.0)) is None
