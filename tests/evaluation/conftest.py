"""What more than one file of these tests needs."""

import pytest
import torch

from emotivetalk_core.models.face_probe import FaceProbe, FaceProbeConfig
from emotivetalk_core.weight_files.checkpoint import save_checkpoint


@pytest.fixture(scope="package")
def probe_file(tmp_path_factory: pytest.TempPathFactory):
    """An untrained probe of faces."""
    torch.manual_seed(0)
    probe = FaceProbe(FaceProbeConfig(channels=(8, 8, 8, 8, 8), embedding=6))
    path = tmp_path_factory.mktemp("probe") / "face_probe.safetensors"
    save_checkpoint(path, "face_probe", probe, probe.config, {})
    return path
