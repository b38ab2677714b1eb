"""What computes, on three ways in which the host uses a graphics card, with a mock of one: each network once, for what
a card can break is where weights and values lie. That the numbers are right is proven on the CPU.
"""

import pytest
from host_checks import PATIENCE, Check, checks_of, outcomes_of

pytestmark = PATIENCE

COMPUTES: dict[str, tuple[str, ...]] = {
    "card_checks": ("check_the_card_is_strict", "check_weights_lie_where_the_host_wants_them"),
    "audio_and_vae_checks": (
        "check_host_encodes_with_our_encoder",
        "check_we_encode_with_the_hosts_encoder",
        "check_lips_are_the_cores",
        "check_expression_is_the_cores",
        "check_vae_is_the_cores",
        "check_host_nodes_take_the_vae",
        "check_video_has_frames_and_sound",
    ),
    "face_checks": ("check_expression_equals", "check_a_sequence_is_read"),
    "speech_emotion_checks": ("check_the_node_hears", "check_the_recogniser_is_never_loaded_in_part"),
    "head_pose_checks": ("check_the_portrait_is_turned_as_the_core_turns_it", "check_a_head_is_read_from_frames"),
    "photograph_checks": ("check_a_clip_shorter",),
    "model_checks": (
        "check_one_frame_is_the_cores",
        "check_stock_seed_and_scheduler_agree",
        "check_lora_changes_the_video",
        "check_half_precision_weights_agree",
        "check_compiled_model_agrees",
    ),
    "fast_checks": ("check_conditions_may_be_computed", "check_lora_is_felt"),
}
"""Files and the beginnings of their checks' names; none for all."""

ON_CARDS: dict[str, dict[str, tuple[str, ...]]] = {
    "low_vram": COMPUTES | {"card_checks": ()},
    "dynamic_vram": COMPUTES,
    "gpu_only": {"card_checks": COMPUTES["card_checks"], "workflow_checks": ()},
}
"""A card too small for the weights; the host's default on NVIDIA's; and one where values stay between the nodes too, so
that no check can compare them with the CPU's.
"""

NOT_ON = {Check("low_vram", "audio_and_vae_checks.check_we_encode_with_the_hosts_encoder")}
"""The host's own Wav2Vec2 does not run on a card that cannot hold it whole."""

CHECKS = [
    check
    for device, chosen in ON_CARDS.items()
    for stem, beginnings in chosen.items()
    for check in checks_of(stem, device, beginnings)
    if check not in NOT_ON
]


@pytest.fixture(scope="module")
def show(request, installation, tmp_path_factory):
    return outcomes_of(request, installation, tmp_path_factory)


@pytest.mark.parametrize("check", CHECKS, ids=str)
def test_check(check, show):
    show(check)
