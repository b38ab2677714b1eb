"""`train demo`: the paper's order from speech to talking head, on drawn heads, at a size for laptops. Every number of
it stands here.
"""

from dataclasses import replace
from pathlib import Path

from ..models.presets import DEMO
from ..synthesis.people.render import require_renderer
from ..synthesis.phonemes import PHONEME_CLASSES
from ..training.ablation import train_ablation
from ..training.close_ups import CloseUpSettings, close_up_step, train_close_up
from ..training.encoders import EncoderSettings, encoder_step, train_encoders
from ..training.ethd import ETHDSettings, denoising_step, train_ethd, train_ethd_anew
from ..training.films import FilmSettings
from ..training.head_pose import HeadPoseSettings, train_head_pose_reader
from ..training.loop import LoopSettings, OnStep
from ..training.recipe import Recipe, Stage
from ..training.retouching import retouching_step
from ..training.speech_encoder import SpeechSettings, train_speech_encoder
from ..training.trunk import TrunkSettings, train_trunk
from ..training.undrawn import UndrawnSettings, add_undrawn
from ..training.v_aid import VAIDSettings, train_v_aid, v_aid_step
from ..training.vae import VAESettings, train_vae
from .codebook import CodebookSettings, build_drawn_codebook
from .drawn_heads import DrawnSettings, prepare_drawn_heads
from .face_finder import FaceFinderTraining, train_face_finder
from .finer_decoder import FinerDecoderSettings, PicturesSettings, train_finer_decoder, train_pictures
from .rendered_twins import RENDERED, PeopleReadingSettings, train_on_twins
from .retouched_films import RetouchSettings, train_retouch
from .speech_emotion import SpeechEmotionSettings, train_speech_emotion

_SPEECH = LoopSettings(steps=1000, batch=8, learning_rate=1e-3, warmup=100, average=0.99)
_VAE = LoopSettings(steps=1600, batch=4, learning_rate=1.5e-3, warmup=100, average=0.99)
_POSES = LoopSettings(steps=1600, batch=64, learning_rate=2e-3, warmup=100, average=0.995)
_TRUNK = LoopSettings(steps=1000, batch=64, learning_rate=1e-3, warmup=100, average=0.99)
_ENCODERS = LoopSettings(steps=900, batch=24, learning_rate=6e-4, warmup=100, average=0.995)
_UNDRAWN = LoopSettings(steps=1500, batch=16, learning_rate=2e-3, warmup=50)
_V_AID = LoopSettings(steps=1600, batch=16, learning_rate=5e-4, warmup=100, average=0.995)
_ETHD = LoopSettings(steps=3200, batch=6, learning_rate=6e-4, warmup=50, average=0.995)
_DECODER = LoopSettings(steps=5000, batch=4, learning_rate=6e-4, warmup=100, average=0.998)
_TWINS = LoopSettings(steps=500, batch=24, learning_rate=4e-4, warmup=50, average=0.995)
_PICTURES = LoopSettings(steps=1150, batch=4, learning_rate=1e-3, warmup=60, average=0.995)
_PEOPLE = LoopSettings(steps=1500, batch=6, learning_rate=4e-4, warmup=100, average=0.995)
_RETOUCH = LoopSettings(steps=7500, batch=8, learning_rate=1e-3, warmup=100, average=0.998)
_CLOSE_UP = LoopSettings(steps=9500, batch=8, learning_rate=1e-3, warmup=100, average=0.998)
_VOICES = LoopSettings(steps=12000, batch=32, learning_rate=2e-3, warmup=200, average=0.995)

# of each clip 80 frames; encoding more would cost minutes and bring no new faces
_FILMS = ETHDSettings(_ETHD, FilmSettings(frames=8), first_frames=80)
# heads that turn: rendered people, whom the stage before has made, beside drawn ones
_POSED = ("turned", "clips", f"{RENDERED}turned", f"{RENDERED}clips")
# once more, rendered people beside drawn heads
_ANEW = replace(_FILMS, loop=_PEOPLE, films=FilmSettings(frames=8, also=(RENDERED,)), start="ethd", name="people")


def prepare(folder: Path, seed: int, settings: DrawnSettings, on_step: OnStep | None) -> None:
    """Draws the heads. The people are rendered hours later, so what that needs is asked for now."""
    require_renderer()
    prepare_drawn_heads(folder, seed, settings, on_step)


RECIPE = Recipe(
    name="demo",
    preset=DEMO,
    prepare=prepare,
    data=DrawnSettings(),
    stages={
        "face_finder": Stage(train_face_finder, FaceFinderTraining(), "face_finder"),
        "speech_encoder": Stage(
            train_speech_encoder, SpeechSettings(_SPEECH, classes=len(PHONEME_CLASSES)), "speech_encoder"
        ),
        "vae": Stage(train_vae, VAESettings(_VAE), "vae"),
        "trunk": Stage(train_trunk, TrunkSettings(_TRUNK), "training/trunk"),
        "encoders": Stage(train_encoders, EncoderSettings(_ENCODERS), "motion_encoder", step=encoder_step),
        "undrawn": Stage(add_undrawn, UndrawnSettings(_UNDRAWN), "training/undrawn"),
        "v_aid": Stage(train_v_aid, VAIDSettings(_V_AID), "dicte", step=v_aid_step),
        "ethd": Stage(train_ethd, _FILMS, "ethd", step=denoising_step),
        "codebook": Stage(build_drawn_codebook, CodebookSettings(), "emotion_codebook"),
        "decoder": Stage(train_finer_decoder, FinerDecoderSettings(_DECODER), "training/decoder"),
        "twins": Stage(train_on_twins, PeopleReadingSettings(_TWINS), "training/twins"),
        "head_pose": Stage(train_head_pose_reader, HeadPoseSettings(_POSES, kinds=_POSED), "head_pose_reader"),
        "pictures": Stage(train_pictures, PicturesSettings(_PICTURES), "training/pictures"),
        "people": Stage(train_ethd_anew, _ANEW, "training/people"),
        "retouch": Stage(train_retouch, RetouchSettings(_RETOUCH), "retoucher", step=retouching_step),
        "close_up": Stage(train_close_up, CloseUpSettings(_CLOSE_UP), "close_up", step=close_up_step),
        "speech_emotion": Stage(train_speech_emotion, SpeechEmotionSettings(_VOICES), "speech_emotion"),
        # what `evaluate` compares with (EmotiveTalk table 2, fig. 12), and the network that it reads head poses with
        "ablation": Stage(
            train_ablation,
            replace(_FILMS, loop=replace(_ETHD, steps=100)),
            "ablation/no_decoupling",
            named_only=True,
        ),
        "head_pose_probe": Stage(
            train_head_pose_reader,
            HeadPoseSettings(_POSES, name="head_pose_probe", seed=5),
            "head_pose_probe",
            named_only=True,
        ),
    },
)
