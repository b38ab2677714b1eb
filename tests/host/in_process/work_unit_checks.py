"""The host's multi-GPU work units: a copy of the MODEL on every card, and the conditions of a step shared among them.

Main memory stands for both cards, under two names; what only cards can show, speed and transfers, is not here. Call the
checks with the host importable, under torch.inference_mode().
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch

sys.path.append(str(Path(__file__).parent))

from shots import Shot, agree  # noqa: E402  (the files here are no package)

CARDS = [torch.device("cpu"), torch.device("cpu", 1)]


@contextmanager
def split(shot: Shot) -> Iterator[tuple[Any, list[int]]]:
    """The MODEL as the host's MultiGPU CFG Split gives it, and how many videos went through the network on each card,
    which is counted as it is used.
    """
    import comfy.model_management
    from comfy_extras.nodes_multigpu import MultiGPUCFGSplitNode

    # The host's node stumbles over patchers that earlier checks let go of while something still holds their models.
    loaded = comfy.model_management.current_loaded_models
    loaded[:] = [each for each in loaded if each.model is not None]
    with mock.patch.object(comfy.model_management, "get_all_torch_devices", lambda exclude_current=False: CARDS[:]):
        model = MultiGPUCFGSplitNode.execute(shot.model, 2).result[0]
        copies = [model, *model.get_additional_models_with_key("multigpu")]
        assert [copy.load_device for copy in copies] == CARDS, copies
        networks = [copy.model.diffusion_model for copy in copies]
        assert networks[0] is not networks[1]
        seen = [0, 0]

        def count(card: int, videos: int) -> None:
            seen[card] += videos

        hooks = [
            network.lip_tokens.register_forward_pre_hook(lambda _, given, card=card: count(card, given[0].shape[0]))
            for card, network in enumerate(networks)
        ]
        try:
            yield model, seen
        finally:
            for hook in hooks:
                hook.remove()


def check_both_cards_work() -> None:
    """Guidance's conditions are computed on both, and the video is the core's, in the fast mode too, with steps enough
    to use deep features twice.
    """
    shot, guided = Shot(9), {"lip_guidance": 2.0, "emotion_guidance": 1.5, "steps": 4}  # two windows
    for fast, core in ((False, {}), (True, {"fusion": "shifted", "reuse": True, "grid": "ays"})):
        with split(shot) as (model, seen):
            agree(shot.windowed(model, fast=fast, **guided), shot.core(**core, **guided))
        assert sorted(seen) == [8, 16], seen


def check_stock_sampler_shares_too() -> None:
    """KSampler's positive and negative, one on each card."""
    shot = Shot(9)
    with split(shot) as (model, seen):
        agree(shot.stock(model, cfg=2.0), shot.stock(cfg=2.0))
    assert seen[1] == 4, seen


def check_one_condition_stays_on_one_card() -> None:
    """Without guidance there is nothing to share: the windows of a step go one after the other."""
    shot = Shot(9)
    with split(shot) as (model, seen):
        agree(shot.windowed(model), shot.core())
    assert sorted(seen) == [0, 4], seen
