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
    """revision None: no trustworthy one is known here, so the user chooses. use: what the files are for."""

    name: str
    repository: str
    revision: str | None
    licence: str
    use: str
    files: tuple[PublicFile, ...]


_STABILITY = "Stability AI's own; read LICENSE.md"
_SPEECH_FILES = (PublicFile("config.json"), PublicFile("preprocessor_config.json"), PublicFile("model.safetensors"))

PUBLIC_MODELS = (
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
)


def public_model(name: str) -> PublicModel | None:
    return next((model for model in PUBLIC_MODELS if model.name == name), None)
