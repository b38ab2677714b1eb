import pytest
import torch

from emotivetalk_core.errors import SettingsError
from emotivetalk_core.models.vae import (
    VAEConfig,
    build_vae,
    decode_chunks,
    decode_frames,
    encode_mode,
    encode_video,
    fold_latent_scale,
)
from emotivetalk_core.models.vae_tiles import decode_in_tiles

TINY = VAEConfig(block_channels=(32, 32, 32, 32), layers_per_block=1, norm_groups=8)


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return build_vae(TINY).eval().requires_grad_(False)


def test_shapes_and_scaling(vae):
    pixels = torch.rand(3, 3, 32, 24)
    mode = encode_mode(vae, pixels)
    assert mode.shape == (3, 4, 4, 3)
    torch.testing.assert_close(encode_video(vae, pixels, chunk=2), mode * 0.18215, rtol=1e-4, atol=1e-5)
    assert decode_frames(vae, mode * 0.18215).shape == pixels.shape


def test_the_full_shape_is_that_of_stable_video_diffusion():
    full = build_vae(VAEConfig(), device="meta")
    assert sum(p.numel() for p in full.parameters()) == 97_742_847
    assert full.decoder.conv_norm_out.num_groups == 32


def test_chunks_cover_every_frame_once_and_meet_without_a_seam(vae):
    latents = torch.randn(7, 4, 4, 4)
    whole = decode_frames(vae, latents).clamp(0, 1)
    with_all_context = torch.cat(list(decode_chunks(vae, latents, chunk=3, context=7)))
    torch.testing.assert_close(with_all_context, whole, rtol=1e-4, atol=1e-4)
    chunks = list(decode_chunks(vae, latents, chunk=3, context=2))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    bare = torch.cat(list(decode_chunks(vae, latents, chunk=3, context=0)))
    assert (torch.cat(chunks) - whole).abs().mean() <= (bare - whole).abs().mean()


def test_folding_the_scale_changes_no_picture():
    torch.manual_seed(1)
    vae = build_vae(TINY).eval().requires_grad_(False)
    pixels = torch.rand(2, 3, 32, 32)
    before, logvar_before = encode_mode(vae, pixels), vae.encode(pixels * 2 - 1).latent_dist.logvar
    picture_before = decode_frames(vae, before * 0.18215)
    fold_latent_scale(vae, before.std())
    after = encode_mode(vae, pixels)
    assert (after * 0.18215).std().item() == pytest.approx(1, rel=1e-4)
    torch.testing.assert_close(decode_frames(vae, after * 0.18215), picture_before, rtol=1e-3, atol=1e-4)
    # the posterior's width, measured against the latent's size, stays what it was
    gain = after.std() / before.std()
    logvar_after = vae.encode(pixels * 2 - 1).latent_dist.logvar
    torch.testing.assert_close(logvar_after, logvar_before + 2 * gain.log(), rtol=1e-3, atol=1e-3)


def test_a_side_that_is_no_multiple_of_eight_is_refused(vae):
    with pytest.raises(SettingsError, match="30 x 32.*multiples of 8"):
        encode_mode(vae, torch.rand(1, 3, 32, 30))


def test_held_ends_have_the_context_that_the_middle_has(vae):
    latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3)).expand(7, -1, -1, -1)
    held = torch.cat(list(decode_chunks(vae, latents, chunk=1, context=2, hold_ends=True)))
    with torch.no_grad():
        middle = decode_frames(vae, latents[:5])[2].clamp(0, 1)
    torch.testing.assert_close(held, middle.expand(7, -1, -1, -1))
    bare = torch.cat(list(decode_chunks(vae, latents, chunk=1, context=2)))
    assert not torch.allclose(bare[-1], middle)


def test_chunks_of_a_moving_clip_differ_little_from_the_whole_and_do_not_jump():
    """diffusers' decode of the whole clip is the reference. Its norms see every frame at once, so chunks cannot equal
    it to the last digit, wherever their seams are: the difference and the jumps at the seams must be small.
    """
    torch.manual_seed(0)
    vae = build_vae(VAEConfig(block_channels=(32, 64, 64, 64))).eval().requires_grad_(False)
    keys = torch.randn(5, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    times = torch.linspace(0, 4, 32)
    before = times.long().clamp(max=3)
    share = (times - before)[:, None, None, None]
    latents = (1 - share) * keys[before] + share * keys[before + 1]
    whole = (vae.decode(latents / 0.18215, num_frames=32).sample / 2 + 0.5).clamp(0, 1)
    steps = (whole[1:] - whole[:-1]).abs().mean(dim=(1, 2, 3))
    for context, difference, jump in ((2, 0.01, 1.5), (4, 0.005, 1.1)):
        parts = torch.cat(list(decode_chunks(vae, latents, chunk=8, context=context)))
        assert (parts - whole).abs().mean() < difference
        assert ((parts[1:] - parts[:-1]).abs().mean(dim=(1, 2, 3)) / steps)[[7, 15, 23]].max() < jump


def test_tiles_of_a_decoder_that_looks_at_nothing_else_are_the_whole():
    latents = torch.randn(2, 3, 11, 23)

    def enlarge(part):
        return part.repeat_interleave(4, -1).repeat_interleave(4, -2)

    for tile in (8, 16, 64):
        torch.testing.assert_close(decode_in_tiles(enlarge, latents, tile), enlarge(latents))


def test_a_chunk_that_does_not_fit_is_decoded_in_tiles_and_so_are_those_after_it(vae, monkeypatch, caplog):
    """Like the whole but for the group norms' statistics, which tiles take of themselves."""
    latents, decode, sides = torch.randn(4, 4, 40, 40), vae.decode, []

    def small(part, **options):
        sides.append(part.shape[-1])
        if part.shape[-1] > 32:
            raise torch.cuda.OutOfMemoryError("made for this test")
        return decode(part, **options)

    whole = torch.cat(list(decode_chunks(vae, latents, chunk=2)))
    monkeypatch.setattr(vae, "decode", small)
    tiled = torch.cat(list(decode_chunks(vae, latents, chunk=2)))
    assert sides == [40, *[32] * 8]
    assert 0 < (tiled - whole).abs().mean() < 0.05
    assert caplog.text.count("trying tiles") == 1


def test_what_does_not_fit_in_the_smallest_tiles_is_out_of_memory(vae, monkeypatch):
    sides = []

    def full(part, **options):
        sides.append(part.shape[-1])
        raise RuntimeError("MPS backend out of memory")

    monkeypatch.setattr(vae, "decode", full)
    with pytest.raises(RuntimeError, match="out of memory"):
        next(decode_chunks(vae, torch.randn(1, 4, 80, 80)))
    assert sides == [80, 64, 32]


def test_other_faults_of_the_decoder_are_not_taken_for_a_full_memory(vae, monkeypatch):
    def broken(part, **options):
        raise RuntimeError("made for this test")

    monkeypatch.setattr(vae, "decode", broken)
    with pytest.raises(RuntimeError, match="made for this test"):
        next(decode_chunks(vae, torch.randn(1, 4, 80, 80)))
