"""Talks that training makes of others: pieced together, cut short, or held at their end."""

import torch

from emotivetalk_core.training.talks import Talk, cut_short, pieced_together, whole_talk


def numbered(clip: int, start: int = 0, stop: int = 220, frames: int = 220) -> Talk:
    """A talk whose every value says which clip and frame it is of."""
    number = clip * 1000.0 + torch.arange(start, stop)
    return whole_talk(number[:, None, None].expand(-1, 10, 2), number[:, None] + 0.25, number[:, None] + 0.5, frames)


def test_pieces_keep_together_what_belongs_to_one_frame():
    generator = torch.Generator().manual_seed(1)
    others = iter(range(1, 40))
    talk_ = pieced_together(
        numbered(0),
        lambda frames: numbered(next(others), frames.start, frames.stop, frames.stop - frames.start),
        generator,
    )
    heard = talk_.audio[:, 0, 0]
    assert torch.equal(talk_.lip[:, 0], heard + 0.25)
    assert torch.equal(heard % 1000, torch.arange(220.0))  # each piece stays where it lay in time
    assert 1 < len(set((heard // 1000).tolist())) < 20 and torch.equal(talk_.emotion[:12], numbered(0).emotion[:12])
    last = heard[-1] // 1000
    if heard[-13] // 1000 == last:  # no fade in the last dozen frames
        assert torch.allclose(talk_.expression[-1, 0], heard[-1] + 0.5)
        assert talk_.emotion[-1, 0] // 1000 == last


def test_a_talk_that_ends_early_holds_what_it_was_told_and_counts_no_more():
    generator = torch.Generator().manual_seed(4)
    for _ in range(10):
        short = cut_short(numbered(1), generator)
        length = int(short.counts.sum())
        assert 12 <= length < 220
        assert torch.equal(short.audio[:length], numbered(1).audio[:length])
        assert bool((short.audio[length:] == short.audio[length - 1]).all())


def test_a_clip_that_is_too_short_holds_its_end_and_counts_no_more():
    short = numbered(2, 0, 30, 220)
    assert short.lip.shape == (220, 1) and short.counts.sum() == 30
    assert bool((short.lip[30:] == short.lip[29]).all())
