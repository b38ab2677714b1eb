"""What a picture shows, as one vector: CLIP's picture encoder, as Stable Video Diffusion brings it along.

Parameter names are those of transformers' CLIPVisionModelWithProjection.
"""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from ..errors import WeightsError
from ..weight_files.checkpoint import check_keys, describe, load_network, read_header
from ..weight_files.hugging_face import described_config, read_description
from ..weight_files.safetensors_stream import StreamedTensor, stored_tensors

KIND = "picture_encoder"
MEAN = (0.48145466, 0.4578275, 0.40821073)
STANDARD_DEVIATION = (0.26862954, 0.26130258, 0.27577711)
"""Of the pictures that CLIP was trained on, by red, green and blue."""

_NAMES = ("model.safetensors", "model.fp16.safetensors")
_BUFFER = "vision_model.embeddings.position_ids"  # counted through, and no weight; files of older versions have it


@dataclass(frozen=True)
class PictureEncoderConfig:
    """The fields of a CLIP vision model, under transformers' names; the defaults are SVD's (ViT-H/14)."""

    hidden_size: int = 1280
    intermediate_size: int = 5120
    num_hidden_layers: int = 32
    num_attention_heads: int = 16
    image_size: int = 224
    patch_size: int = 14
    projection_dim: int = 1024
    hidden_act: str = "gelu"


class PictureEncoder(nn.Module):
    """CLIP's picture encoder with its projection."""

    def __init__(
        self,
        config: PictureEncoderConfig,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

        self.config = config
        with torch.device(device or "cpu"):
            self.model = CLIPVisionModelWithProjection(CLIPVisionConfig(**asdict(config)))
        if dtype is not None:
            self.model.to(dtype=dtype)  # pyright: ignore[reportCallIssue]  (transformers wraps Module.to)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """A picture [3, h, w] in 0…1 to its embedding [1, projection_dim]; any shape is squashed to a square."""
        from PIL import Image

        side = self.config.image_size
        levels = (pixels.detach().cpu().clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()
        small = Image.fromarray(levels).resize((side, side), Image.Resampling.LANCZOS)
        values = torch.frombuffer(bytearray(small.tobytes()), dtype=torch.uint8).float() / 255
        mean, deviation = torch.tensor(MEAN), torch.tensor(STANDARD_DEVIATION)
        values = ((values.unflatten(0, (side, side, 3)) - mean) / deviation).permute(2, 0, 1)[None]
        weight = self.model.visual_projection.weight
        return self.model(values.to(weight.device, weight.dtype)).image_embeds


def load_picture_encoder(
    path: Path, device: torch.device | str = "cpu", dtype: torch.dtype | None = None
) -> PictureEncoder:
    """The encoder of one of our files, in eval mode. Raises WeightsError."""
    network = load_network(path, KIND, PictureEncoder, PictureEncoderConfig, device, dtype)
    embeddings = network.model.vision_model.embeddings
    places = torch.arange(embeddings.position_embedding.num_embeddings, device=device)
    embeddings.register_buffer("position_ids", places[None], persistent=False)  # no weight, so no file has filled it
    return network


def picture_encoder_stream(folder: Path, licence: str) -> tuple[dict[str, str], list[StreamedTensor]]:
    """Metadata and tensors of the file to write, from SVD's `image_encoder` folder. Raises WeightsError."""
    path = next((folder / name for name in _NAMES if (folder / name).is_file()), None)
    if path is None:
        raise WeightsError(f"{folder} holds no {' and no '.join(_NAMES)}; give Stable Video Diffusion's image_encoder.")
    config = described_config(PictureEncoderConfig, read_description(folder, "clip_vision_model", path.name), folder)
    tensors = {
        f"model.{name}": tensor for name, tensor in stored_tensors(path, _without_buffer(read_header(path))).items()
    }
    shapes = {name: torch.empty(tensor.shape, device="meta") for name, tensor in tensors.items()}
    check_keys(path, KIND, PictureEncoder(config, device="meta").state_dict(), shapes)
    record = {"from": "Stable Video Diffusion's picture encoder, converted"}
    renamed = [StreamedTensor(name, t.dtype, t.shape, t.pieces) for name, t in tensors.items()]
    return describe(KIND, config, record, licence=licence), renamed


def _without_buffer(header: dict) -> dict:
    return {name: entry for name, entry in header.items() if name != _BUFFER}
