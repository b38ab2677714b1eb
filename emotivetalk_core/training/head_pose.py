"""The reader of head poses: of drawn heads at all poses, as they stand in the talking crop."""

import torch
from torch.nn import functional as F

from ..face.crops import pictures
from ..models.checkpoint import save_checkpoint
from ..models.head_pose_reader import KIND, HeadPoseReader, HeadPoseReaderConfig
from .loop import TrainingLoop, step_optimiser
from .stage import Stage

_REST = (0, 0, 0, 0, 0, 1.0)


def train_head_pose_reader(stage: Stage, name: str = KIND, seed: int = 0) -> None:
    """Writes head_pose_reader.safetensors. Under another name, which is its kind as well, and with another seed, it is
    the evaluation's own.
    """
    settings = stage.settings
    torch.manual_seed(settings.seed + seed)
    config = HeadPoseReaderConfig()
    reader = HeadPoseReader(config).to(stage.device)
    optimiser = torch.optim.AdamW(reader.parameters(), lr=1e-3, weight_decay=0.02)
    unit = torch.tensor(config.unit, device=stage.device)
    rest = torch.tensor(_REST, device=stage.device)
    sets = (stage.data.turned, stage.data.clips)

    def step(_: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
        faces, poses = [], []
        for data in sets:
            people, each = data["pose"].shape[:2]
            i = torch.randint(people, (settings.head_pose_batch // 2,), generator=generator).numpy()
            k = torch.randint(each, (settings.head_pose_batch // 2,), generator=generator).numpy()
            faces.append(pictures(data["pixels"][i, k], stage.device))
            poses.append(torch.from_numpy(data["pose"][i, k]).to(stage.device))
        seen, pose = _as_filmed(torch.cat(faces), torch.cat(poses), generator)
        with stage.autocast():
            read = reader(seen)
        loss = F.smooth_l1_loss((read - rest) / unit, (pose - rest) / unit)
        step_optimiser(loss, optimiser)
        return {"loss": loss.detach()}

    loop = TrainingLoop(
        name, stage.states, {"reader": reader}, {"main": optimiser}, settings.head_pose, settings.seed, stage.on_step
    )
    record = loop.run(step)
    half = {key: tensor.half() for key, tensor in reader.state_dict().items()}
    save_checkpoint(stage.weights(name), name, half, config, record)


def _as_filmed(
    faces: torch.Tensor, poses: torch.Tensor, generator: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Other crops, mirrored or not, other light, noise and softness: faces [b, 3, s, s] and their poses [b, 6].

    A crop that lies elsewhere moves the head in it, and one of another size makes it larger: the pose knows of both.
    """
    count = len(faces)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(count, *shape, generator=generator).to(faces.device)

    mirror = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0).to(faces.device)
    zoom, shift = torch.exp(normal() * 0.05), normal(2) * 0.03  # of the crop's side
    matrix = torch.zeros(count, 2, 3, device=faces.device)
    matrix[:, 0, 0], matrix[:, 1, 1], matrix[:, :, 2] = mirror * zoom, zoom, 2 * shift
    grid = F.affine_grid(matrix, list(faces.shape), align_corners=False)
    faces = F.grid_sample(faces, grid, padding_mode="border", align_corners=False)
    signs = torch.ones_like(poses)
    signs[:, [0, 2, 3]] = mirror[:, None]  # yaw, roll and the shift across turn round
    poses = poses * signs
    moved = poses.clone()
    moved[:, 3] = (poses[:, 3] - shift[:, 0] * mirror) / zoom
    moved[:, 4] = (poses[:, 4] - shift[:, 1]) / zoom
    moved[:, 5] = poses[:, 5] / zoom
    faces = (faces - 0.5) * torch.exp(normal(1, 1, 1) * 0.15) + 0.5 + normal(3, 1, 1) * 0.04
    if torch.rand(1, generator=generator) < 0.5:
        faces = F.avg_pool2d(faces, 3, 1, 1, count_include_pad=False)
    return (faces + normal(*faces.shape[1:]) * 0.02).clamp(0, 1), moved
