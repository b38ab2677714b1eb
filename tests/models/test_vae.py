import contextlib
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from emotivetalk_core.errors import NumericalError, SettingsError
from emotivetalk_core.models.vae import (
    decode_chunks,
    decode_frames,
    encode_mode,
    encode_modes,
    encode_video,
    finer_vae,
    fold_latent_scale,
)
from emotivetalk_core.models.vae_network import VAEConfig, build_vae
from emotivetalk_core.models.vae_tiles import decode_in_tiles
from emotivetalk_core.training import features

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


def test_large_pictures_are_encoded_a_few_at_once(vae, monkeypatch):
    """In the training's features, too, whose batches are of so many pictures, whatever their size."""
    seen: list[int] = []
    monkeypatch.setattr("emotivetalk_core.models.vae._PIXELS_DECODED_AT_ONCE", 2 * 32 * 24)
    monkeypatch.setattr(features, "load_vae", lambda *_: vae)
    job = SimpleNamespace(weights=lambda name: name, device="cpu", autocast=contextlib.nullcontext)
    pixels = torch.rand(5, 3, 32, 24)
    expected = encode_mode(vae, pixels)
    hook = vae.encoder.conv_in.register_forward_pre_hook(lambda _, given: seen.append(len(given[0])))
    for encode in (lambda pictures: encode_modes(vae, pictures), features._encode(job)):
        torch.testing.assert_close(encode(pixels), expected, rtol=1e-4, atol=1e-5)
    hook.remove()
    assert seen == [2, 2, 1] * 2


def test_the_full_shape_is_that_of_stable_video_diffusion():
    full = build_vae(VAEConfig(), device="meta")
    assert sum(p.numel() for p in full.parameters()) == 97_742_847
    assert full.decoder.conv_norm_out.num_groups == 32


@pytest.mark.parametrize(("layers", "count"), [(1, 1), (1, 11), (2, 9), (2, 70)])
def test_a_clip_comes_out_the_same_however_it_is_cut(layers, count):
    """In one piece, which is the closed form, frame by frame, and in pieces that leave a rest."""
    torch.manual_seed(2)
    vae = build_vae(VAEConfig((16, 16), layers, norm_groups=4)).eval().requires_grad_(False)
    latents = torch.randn(count, 4, 4, 4)
    (whole,) = decode_chunks(vae, latents, chunk=count)
    for chunk in (1, 3, 8, 50):
        pieces = list(decode_chunks(vae, latents, chunk=chunk))
        assert max(len(piece) for piece in pieces) <= chunk
        torch.testing.assert_close(torch.cat(pieces), whole, rtol=1e-4, atol=1e-5)


def test_no_frame_goes_through_a_layer_twice(vae):
    """Of the convolutions of pictures; those along time see two more a piece, and none a frame more than that."""
    seen: dict[str, int] = {}
    for name, layer in vae.decoder.named_modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_pre_hook(
                lambda _, given, name=name: seen.update({name: seen.get(name, 0) + len(given[0])})
            )
    list(decode_chunks(vae, torch.randn(21, 4, 4, 4), chunk=4))
    assert set(seen.values()) == {21}


@pytest.fixture(scope="module")
def shallow():
    """Whose frames depend on fewer frames before them than the tests' clips have."""
    torch.manual_seed(3)
    vae = build_vae(VAEConfig((16,), 1, norm_groups=4)).eval().requires_grad_(False)
    assert vae.decoder.reach == 2 * 3 * 16 + 1
    return vae


@pytest.mark.parametrize("first", [1, 30, 130, 149])
def test_decoding_that_begins_later_gives_the_same_bits(shallow, first):
    latents = torch.randn(150, 4, 4, 4, generator=torch.Generator().manual_seed(5))
    whole = torch.cat(list(decode_chunks(shallow, latents, chunk=4)))
    assert torch.equal(torch.cat(list(decode_chunks(shallow, latents, chunk=4, first=first))), whole[first:])


def test_a_frame_depends_on_no_frame_beyond_the_reach(shallow):
    latents = torch.randn(110, 4, 4, 4)
    whole = torch.cat(list(decode_chunks(shallow, latents, chunk=110)))
    for frame, moved in ((109 - shallow.decoder.reach - 1, False), (109 - 20, True)):
        other = latents.clone()
        other[frame] += 10
        decoded = torch.cat(list(decode_chunks(shallow, other, chunk=110)))
        assert torch.equal(decoded[109], whole[109]) != moved


def test_folding_the_scale_changes_no_picture():
    torch.manual_seed(1)
    vae = build_vae(TINY).eval().requires_grad_(False)
    pixels = torch.rand(2, 3, 32, 32)
    before, logvar_before = encode_mode(vae, pixels), vae.encode(pixels * 2 - 1).logvar
    picture_before = decode_frames(vae, before * 0.18215)
    fold_latent_scale(vae, before.std())
    after = encode_mode(vae, pixels)
    assert (after * 0.18215).std().item() == pytest.approx(1, rel=1e-4)
    torch.testing.assert_close(decode_frames(vae, after * 0.18215), picture_before, rtol=1e-3, atol=1e-4)
    # the posterior's width, measured against the latent's size, stays what it was
    gain = after.std() / before.std()
    logvar_after = vae.encode(pixels * 2 - 1).logvar
    torch.testing.assert_close(logvar_after, logvar_before + 2 * gain.log(), rtol=1e-3, atol=1e-3)


def test_a_side_that_is_no_multiple_of_eight_is_refused(vae):
    with pytest.raises(SettingsError, match="30 x 32.*multiples of 8"):
        encode_mode(vae, torch.rand(1, 3, 32, 30))


def test_a_clip_that_stands_still_is_one_picture(vae):
    """Its first and last frames too."""
    latents = torch.randn(1, 4, 4, 4, generator=torch.Generator().manual_seed(3))
    (picture,) = decode_chunks(vae, latents)
    still = torch.cat(list(decode_chunks(vae, latents.expand(7, -1, -1, -1), chunk=2)))
    torch.testing.assert_close(still, picture.expand(7, -1, -1, -1))
    with torch.no_grad():
        middle = decode_frames(vae, latents.expand(61, -1, -1, -1))[30].clamp(
            0, 1
        )  # as far from its ends as they reach
    torch.testing.assert_close(picture[0], middle, rtol=1e-3, atol=2e-2)


def test_a_stream_of_a_moving_clip_differs_little_from_the_whole():
    """Which is Stable Video Diffusion's decode. Its norms see every frame at once, those of a stream sixteen, so they
    cannot equal each other to the last digit; the difference away from the ends is small.
    """
    torch.manual_seed(0)
    vae = build_vae(VAEConfig(block_channels=(32, 64, 64, 64))).eval().requires_grad_(False)
    keys = torch.randn(5, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    times = torch.linspace(0, 4, 32)
    before = times.long().clamp(max=3)
    share = (times - before)[:, None, None, None]
    latents = (1 - share) * keys[before] + share * keys[before + 1]
    whole = decode_frames(vae, latents).clamp(0, 1)
    streamed = torch.cat(list(decode_chunks(vae, latents, chunk=8)))
    assert 0 < (streamed - whole)[4:-4].abs().mean() < 0.005


def test_tiles_of_a_decoder_that_looks_at_nothing_else_are_the_whole():
    latents = torch.randn(2, 3, 11, 23)

    def enlarge(part):
        return part.repeat_interleave(4, -1).repeat_interleave(4, -2)

    for tile in (8, 16, 64):
        torch.testing.assert_close(decode_in_tiles(enlarge, latents, tile), enlarge(latents))


def full_beyond(vae, monkeypatch, side: int, error: Exception) -> list[int]:
    """Memory that has no room for latents wider than this; fills with the widths that are tried."""
    sides, pieces = [], vae.decoder.pieces

    def small(part, *given, **options):
        sides.append(part.shape[-1])
        if part.shape[-1] > side:
            raise error
        return pieces(part, *given, **options)

    monkeypatch.setattr(vae.decoder, "pieces", small)
    return sides


def test_a_chunk_that_does_not_fit_is_decoded_in_tiles_and_so_are_those_after_it(shallow, monkeypatch, caplog):
    """Like the whole but for the group norms' statistics, which tiles take of themselves."""
    latents = torch.randn(4, 4, 40, 40)
    whole = torch.cat(list(decode_chunks(shallow, latents, chunk=2)))
    sides = full_beyond(shallow, monkeypatch, 32, torch.cuda.OutOfMemoryError("made for this test"))
    tiled = torch.cat(list(decode_chunks(shallow, latents, chunk=2)))
    assert sides == [40, *[32] * 8]
    assert 0 < (tiled - whole).abs().mean() < 0.05
    assert caplog.text.count("trying tiles") == 1


def test_tiles_go_on_where_the_memory_was_full_in_the_middle_of_a_clip(shallow, monkeypatch):
    latents = torch.randn(40, 4, 36, 36)
    stream = decode_chunks(shallow, latents, chunk=20)
    before = next(stream)
    full_beyond(shallow, monkeypatch, 32, torch.cuda.OutOfMemoryError("made for this test"))
    assert sum(map(len, stream)) == 40 - len(before)


def test_what_does_not_fit_in_the_smallest_tiles_is_out_of_memory(shallow, monkeypatch):
    sides = full_beyond(shallow, monkeypatch, 0, RuntimeError("MPS backend out of memory"))
    with pytest.raises(RuntimeError, match="out of memory"):
        next(decode_chunks(shallow, torch.randn(1, 4, 80, 80)))
    assert sides == [80, 64, 32]


def test_other_faults_of_the_decoder_are_not_taken_for_a_full_memory(shallow, monkeypatch):
    full_beyond(shallow, monkeypatch, 0, RuntimeError("made for this test"))
    with pytest.raises(RuntimeError, match="made for this test"):
        next(decode_chunks(shallow, torch.randn(1, 4, 80, 80)))


@pytest.mark.parametrize("layers", [1, 2])
def test_the_network_is_stable_video_diffusions(layers):
    """diffusers' class with the same weights: posterior, and two clips of five frames decoded whole."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    widths = (32, 64, 64)
    theirs = diffusers.AutoencoderKLTemporalDecoder(
        block_out_channels=widths, down_block_types=("DownEncoderBlock2D",) * 3, layers_per_block=layers
    ).eval()
    ours = build_vae(VAEConfig(widths, layers)).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
        ours.load_state_dict(theirs.state_dict())
        pixels, latents = torch.rand(3, 3, 32, 24) * 2 - 1, torch.randn(10, 4, 8, 6)
        wanted, posterior = theirs.encode(pixels).latent_dist, ours.encode(pixels)
        torch.testing.assert_close(posterior.mean, wanted.mean, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(posterior.std, wanted.std, rtol=1e-4, atol=1e-5)
        decoded = theirs.decode(latents, num_frames=5).sample
        torch.testing.assert_close(ours.decode(latents, 5), decoded, rtol=1e-4, atol=1e-5)


FINER = replace(TINY, finer=2)


def test_a_finer_decoder_begins_as_the_coarse_one():
    torch.manual_seed(2)
    coarse = build_vae(TINY).eval().requires_grad_(False)
    fine = finer_vae(coarse, 2).eval().requires_grad_(False)
    latents = torch.randn(5, 4, 4, 4)
    pixels = decode_frames(coarse, latents)
    torch.testing.assert_close(decode_frames(fine, latents), pixels.repeat_interleave(2, -1).repeat_interleave(2, -2))
    assert torch.equal(encode_mode(fine, pixels.clamp(0, 1)), encode_mode(coarse, pixels.clamp(0, 1)))


def test_a_finer_decoder_streams_as_any_other():
    torch.manual_seed(4)
    vae = build_vae(FINER).eval().requires_grad_(False)
    latents = torch.randn(11, 4, 4, 6)
    whole = torch.cat(list(decode_chunks(vae, latents, chunk=11)))
    assert whole.shape == (11, 3, 4 * 16, 6 * 16) and FINER.decoded_pixels_per_latent == 16
    torch.testing.assert_close(torch.cat(list(decode_chunks(vae, latents, chunk=3))), whole, rtol=0, atol=1e-5)
    tiles = decode_in_tiles(lambda part: torch.cat(list(decode_chunks(vae, part))), latents, 4)
    assert tiles.shape == whole.shape


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_value_that_is_not_finite_ends_it(vae, value):
    latents = torch.zeros(5, 4, 4, 4)
    latents[3, 0, 1, 1] = value
    with pytest.raises(NumericalError, match="frames 0 to 4 gave values that are not finite"):
        list(decode_chunks(vae, latents))
