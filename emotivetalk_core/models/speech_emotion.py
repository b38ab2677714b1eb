"""The emotion that is heard in speech: a WavLM classifier whose labels become the eight keywords (EmotiveTalk §6.3).

The paper goes from the recogniser's keyword to the codebook; a blend of the codebook's latents by the probabilities is
our addition. Parameter names are those of transformers' WavLMForSequenceClassification, so public files load as they
are.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from ..errors import SettingsError, WeightsError
from ..types import EMOTIONS, SAMPLE_RATE, Emotion, Speech
from ..weight_files.checkpoint import check_keys, load_network, save_checkpoint
from ..weight_files.hugging_face import WEIGHTS, WITHOUT_CHANCE, described_config, read_description, read_public_tensors
from .codebook import EmotionCodebook
from .speech_encoder import first_window, standardise

if TYPE_CHECKING:
    from transformers import WavLMConfig

KIND = "speech_emotion"

NAMES = {
    "happy": ("happy", "happiness", "hap", "joy", "joyful", "excited", "excitement", "exc", "amused", "amusement"),
    "angry": ("angry", "anger", "ang", "annoyed", "annoyance", "frustrated", "frustration", "fru"),
    "sad": ("sad", "sadness"),
    "surprised": ("surprised", "surprise", "sur", "pleasant_surprise", "pleasant_surprised", "ps"),
    "fear": ("fear", "fearful", "fea", "afraid", "scared"),
    "disgusted": ("disgusted", "disgust", "dis", "contempt", "contemptuous", "con"),
    "worried": ("worried", "worry", "anxious", "anxiety", "nervous", "concerned"),
    "neutral": ("neutral", "neu", "calm", "bored", "boredom", "sleepy", "sleepiness"),
}
"""The eight, and what the label sets of public recognisers (IEMOCAP, RAVDESS, MSP-Podcast, EmoDB, TESS …) call them or
what stands nearest to them, in lower case."""

NO_EMOTION = ("other", "oth", "unknown", "unk", "xxx", "no_agreement")
"""Labels that name none; what they are given is shared out among the rest."""

_PIECE_SECONDS = 20


@dataclass(frozen=True)
class SpeechEmotionConfig:
    """The fields of a WavLM classifier that differ between public ones; the defaults are microsoft/wavlm-base's.

    labels: its own names, in the order of its outputs · normalise: zero mean and unit variance per recording first.
    """

    labels: tuple[str, ...] = EMOTIONS
    conv_dim: tuple[int, ...] = (512,) * 7
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    conv_bias: bool = False
    feat_extract_norm: str = "group"
    do_stable_layer_norm: bool = False
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    num_conv_pos_embeddings: int = 128
    num_conv_pos_embedding_groups: int = 16
    num_buckets: int = 320
    max_bucket_distance: int = 800
    use_weighted_layer_sum: bool = False
    classifier_proj_size: int = 256
    normalise: bool = True


@dataclass(frozen=True)
class HeardEmotion:
    """What a recogniser hears: probabilities [8] in the order of EMOTIONS, sum 1 · note: a sentence, or empty."""

    probabilities: torch.Tensor
    note: str = ""

    @property
    def name(self) -> str:
        """The likeliest of the eight: the paper's keyword."""
        return EMOTIONS[int(self.probabilities.argmax())]

    @property
    def mixture(self) -> dict[str, float]:
        """What is mixed, as weights of sum 1: emotions more than half as likely as the likeliest, each by how much
        more. What is heard plainly is thus taken alone, and not thinned by all that a recogniser cannot quite exclude;
        and nothing jumps as one emotion grows likelier. Empty where nothing was heard. [ours]
        """
        beyond = (self.probabilities - self.probabilities.max() / 2).clamp_min(0)
        total = float(beyond.sum())
        if not math.isfinite(total) or total <= 0:
            return {}
        return {name: float(weight) / total for name, weight in zip(EMOTIONS, beyond, strict=True) if weight > 0}

    @property
    def description(self) -> str:
        """The likeliest with their shares, for people; what is below a tenth is left out."""
        order = self.probabilities.argsort(descending=True).tolist()
        shares = [(EMOTIONS[index], float(self.probabilities[index])) for index in order]
        return ", ".join(f"{name} {share:.0%}" for name, share in shares[:1] + [s for s in shares[1:] if s[1] >= 0.1])

    @property
    def table(self) -> str:
        """All eight with their shares, the likeliest first, a line each."""
        order = self.probabilities.argsort(descending=True, stable=True).tolist()
        return "\n".join(f"{EMOTIONS[index]} {float(self.probabilities[index]):.1%}" for index in order)


class SpeechEmotionRecogniser(nn.Module):
    """WavLM with a classifier on its mean feature, without dropout: the same speech is heard the same way."""

    def __init__(
        self,
        config: SpeechEmotionConfig,
        *,
        dtype: torch.dtype | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        from transformers import WavLMForSequenceClassification

        self.config = config
        self._sources = label_emotions(config.labels)
        with torch.device(device or "cpu"):
            self.model = WavLMForSequenceClassification(_wavlm_config(config))
        if dtype is not None:
            self.model.to(dtype=dtype)  # pyright: ignore[reportCallIssue]  (transformers wraps Module.to)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [b, t] at 16 kHz in -1…1 -> logits [b, labels], of its own labels."""
        samples = standardise(samples.float()) if self.config.normalise else samples.float()
        return self.model(samples.to(self.model.dtype)).logits

    def probabilities(self, samples: torch.Tensor) -> torch.Tensor:
        """Samples [b, t] -> probabilities of the eight [b, 8], in the order of EMOTIONS."""
        own = self.forward(samples).float().softmax(dim=-1)  # [b, labels]
        eight = own.new_zeros(len(own), len(EMOTIONS))
        for label, emotion in enumerate(self._sources):
            if emotion is not None:
                eight[:, EMOTIONS.index(emotion)] += own[:, label]
        return eight / eight.sum(dim=-1, keepdim=True).clamp_min(1e-12)

    @torch.inference_mode()
    def recognise(self, speech: Speech) -> HeardEmotion:
        """The emotion of a recording of any length: the mean over equal pieces of at most 20 s, so that memory stays
        flat.
        """
        samples = speech.samples.to(next(self.parameters()).device)
        length = samples.shape[-1]
        pieces = max(1, math.ceil(length / (_PIECE_SECONDS * SAMPLE_RATE)))
        size = max(1, math.ceil(length / pieces))
        shortest = first_window(self.config.conv_kernel, self.config.conv_stride)
        heard = []
        for start in range(0, max(1, length), size):
            piece = samples[start : start + size]
            piece = nn.functional.pad(piece, (0, max(0, shortest - piece.shape[-1])))
            heard.append(self.probabilities(piece[None])[0])
        return HeardEmotion(torch.stack(heard).mean(dim=0).cpu(), missing_note(self.config.labels))

    def recognise_all(self, recordings: Sequence[Speech]) -> HeardEmotion:
        """The emotion of several recordings together, each counting by its length."""
        seconds = torch.tensor([max(1, len(speech.samples)) for speech in recordings], dtype=torch.float32)
        heard = torch.stack([self.recognise(speech).probabilities for speech in recordings])  # [recordings, 8]
        return HeardEmotion(seconds @ heard / seconds.sum(), missing_note(self.config.labels))


def hearing_memory(config: SpeechEmotionConfig, sample_count: int) -> int:
    """Bytes that hearing this many samples takes in float32 beside the weights, a little generously: of one piece, the
    first convolution's output twice, and WavLM's attention, which keeps a matrix for each head about six times. [ours]
    """
    piece = min(sample_count, _PIECE_SECONDS * SAMPLE_RATE)
    tokens = piece / math.prod(config.conv_stride)
    convolution = 2 * config.conv_dim[0] * piece / config.conv_stride[0]
    return math.ceil(4 * (convolution + 6 * config.num_attention_heads * tokens**2))


def load_speech_emotion(path: Path, device: torch.device | str = "cpu") -> SpeechEmotionRecogniser:
    """A recogniser, frozen, in float32: a file of ours, or a public WavLM classifier's folder. Raises WeightsError."""
    path = Path(path)
    if path.is_dir():
        return from_hugging_face(path).to(device)
    return load_network(path, KIND, SpeechEmotionRecogniser, SpeechEmotionConfig, device).requires_grad_(False)


def label_emotions(labels: Sequence[str]) -> tuple[str | None, ...]:
    """Which of the eight each label means, None for those that name no emotion. WeightsError for an unknown label, and
    where all of them name none.
    """
    emotions: list[str | None] = []
    for label in labels:
        plain = re.sub(r"[^a-z]+", "_", label.lower()).strip("_")
        found = next((emotion for emotion, names in NAMES.items() if plain in names), None)
        if found is None and plain not in NO_EMOTION:
            raise WeightsError(
                f"The recogniser's label {label!r} is not one of the emotions known here; give one whose config.json "
                "names them, for example angry, happy, neutral and sad, in id2label."
            )
        emotions.append(found)
    if not any(emotions):
        raise WeightsError("The recogniser has no label that names an emotion; give one whose id2label does.")
    return tuple(emotions)


def missing_note(labels: Sequence[str]) -> str:
    """One sentence on those of the eight that these labels can never give; empty where there is none."""
    known = set(label_emotions(labels))
    missing = [name for name in EMOTIONS if name not in known]
    if not missing:
        return ""
    names = " and ".join(filter(None, (", ".join(missing[:-1]), missing[-1])))
    return f"This recogniser does not know {names}, so it never hears {'it' if len(missing) == 1 else 'them'}."


def blend_emotion(heard: HeardEmotion, codebook: EmotionCodebook, intensity: float = 1.0) -> Emotion:
    """The codebook's latents weighted by the mixture that was heard, as e_cond [expression_dim]; intensity as
    `lookup`'s.

    Raises SettingsError where an emotion that was heard is not in the codebook, or nothing was heard.
    """
    mixture = heard.mixture
    if not mixture:
        raise SettingsError("No emotion was recognised in the speech; choose one by name.")
    values = sum(weight * codebook.lookup(name, intensity) for name, weight in mixture.items())
    return Emotion(torch.as_tensor(values), heard.description, codebook.stand_in_notes(*mixture))


def keyword_emotion(heard: HeardEmotion, codebook: EmotionCodebook, intensity: float = 1.0) -> Emotion:
    """The likeliest emotion alone, as the paper has it (EmotiveTalk §6.3); intensity, errors as `blend_emotion`'s."""
    if not float(heard.probabilities.sum()) > 0:
        raise SettingsError("No emotion was recognised in the speech; choose one by name.")
    return Emotion(codebook.lookup(heard.name, intensity), heard.name, codebook.stand_in_notes(heard.name))


def from_hugging_face(folder: Path) -> SpeechEmotionRecogniser:
    """A public WavLM classifier of emotions as its folder comes, frozen. Raises WeightsError for a missing or unfit
    file, and for labels that name no known emotion.
    """
    folder = Path(folder)
    described = read_description(folder, "wavlm")
    config = described_config(SpeechEmotionConfig, described, folder, labels=_labels(described, folder))
    recogniser = SpeechEmotionRecogniser(config)
    tensors = read_public_tensors(folder / WEIGHTS, ("wavlm.masked_spec_embed",))
    check_keys(folder / WEIGHTS, KIND, recogniser.model.state_dict(), tensors)
    recogniser.model.load_state_dict(tensors)
    return recogniser.eval().requires_grad_(False)


def convert_speech_emotion(folder: Path, out: Path) -> SpeechEmotionConfig:
    """A public folder, as `from_hugging_face` takes it -> a file of ours, in float32. WeightsError, OutputError."""
    recogniser = from_hugging_face(folder)
    record = {"from": f"a public WavLM classifier, {Path(folder).name}, converted"}
    save_checkpoint(out, KIND, recogniser, recogniser.config, record, licence="that of the public model")
    return recogniser.config


def _labels(described: dict, folder: Path) -> tuple[str, ...]:
    named = described.get("id2label")
    if not isinstance(named, dict) or sorted(named) != sorted(str(index) for index in range(len(named))):
        raise WeightsError(
            f"{folder / 'config.json'} does not name its emotions; give a WavLM classifier that names them in id2label."
        )
    return tuple(str(named[str(index)]) for index in range(len(named)))


def _wavlm_config(config: SpeechEmotionConfig) -> "WavLMConfig":
    from transformers import WavLMConfig

    shape = asdict(config)
    del shape["normalise"], shape["labels"]
    return WavLMConfig(**shape, **WITHOUT_CHANCE, id2label=dict(enumerate(config.labels)))
