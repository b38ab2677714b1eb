"""The portrait's own pixels given back to the frames that were made of it, wherever they still hold. [ours]

An autoencoder and a backbone lose detail, the small ones most of it. But what both make of the unmoved portrait is
known, so a frame's difference from that tells what moved:

    out = (1 - M) (picture + A (frame - still)) + M frame

A lets a difference in where it is more than the backbone's noise; so hair, clothes and background stay the portrait's
to the last pixel. M lets the picture's detail go where the difference is so large that it shows something else: an
open mouth, a closed eye, a wrinkle that has gone. The paper says nothing of it.
Before, the colours of frame and still are brought to the portrait's own (`colour_map`).

Frame and picture need not have one size: the same difference sharpens a small talking crop, and the place in a large
photograph that the crop was cut from.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

import torch
from torch.nn import functional as F

from ..errors import SettingsError
from ..types import HeadPose
from .blur import blurred
from .close_up import CloserLook, CloseUps, is_a_face, over, place_of
from .head_turn import box_of_mask, turn_head
from .resizing import resized
from .retouch import Retoucher, retouched
from .window import WHOLE, Window, is_empty, where_changed

FINE, COARSE = 1.5 / 128, 6 / 128
"""Radii that differences are looked at in, as parts of the crop's side: the geometric mean of both is the change. The
coarse one takes along wrinkles that the autoencoder never saw, where the brow below them moved.
"""
NOISE = (0.02, 0.05)
"""A goes from 0 to 1 between these changes (root mean square over colours, of a range of 1)."""
MOVED = (0.04, 0.10)
"""So does M. Fitted on drawn people, with the truth at hand: networks that see eight features of the neighbourhood
gain 0.1 dB over these two numbers. What is lost by moving them by a third is below that.
"""
AROUND = (0.06, 0.08)
"""How far beyond the box of a face that stays in its place its changes may reach, and over what further distance the
change that counts grows e times as large; both in the box's height. Out there a collar or a badge changes by the
networks' doing alone, for they never met one.
"""
MOST_DOUBT = 10.0
"""The exponent goes no further: no change is e^10 times as large as counts, and beyond e^88 float32 is at its end."""
_MOST_AT_ONCE, _PIXELS_AT_ONCE = 8, 8 * 256 * 256
"""Frames that are looked at together in their own size, and of how many pixels: more are no quicker."""
RELEASE = 0.5
"""Of a change that ends, this share lasts into the next frame: what comes and goes does not flicker. What begins counts
at once, for a blink is short.
"""

_COLOUR_SIDE, _COLOUR_BINS, _STEADINESS = 64, 12, 3e-3
"""Of the pictures that colours are compared at, of their histogram along each axis; and of the map, as a ridge: with a
tenth of it hues are truer still (34.6 for 33.6 dB in the mouth), and red lips in a red beard turn into beard.
"""

_SOFT_RIM = 64
"""Parts of the picture's side that a mask's rim is soft over, twice."""


class DetailTransfer:
    """Gives detail back to the frames of one film, chunk by chunk. change: of the last frame [1, s, s], which the next
    goes on from; None before the first.

    amount: how much, 0…1; at 0 only the colours, at 1 all. Raises SettingsError for another · colours: whether frames
    are given the picture's where they move, too, for an autoencoder has faded them · doubt [1, 1, s, s]: how many times
    as large a change has to be to count, see `doubt_around`; None: nowhere larger.
    """

    def __init__(self, amount: float = 1.0, *, colours: bool = True, doubt: torch.Tensor | None = None) -> None:
        if not 0 <= amount <= 1:
            raise SettingsError(
                f"The detail is {amount:g}: 0 (none of the portrait's) to 1 (all that holds) is expected."
            )
        self.amount, self.colours, self.doubt = amount, colours, doubt
        self.change: torch.Tensor | None = None

    def __call__(self, frames: torch.Tensor, picture: torch.Tensor, still: torch.Tensor) -> torch.Tensor:
        """The next frames [k, 3, s, s] as they are to be seen [k, 3, h, w], all in 0…1.

        picture [1 or k, 3, h, w]: the square they were made from, at any size, turned as the head is · still [1 or k,
        3, s, s]: what a frame shows of it where nothing moves.
        """
        plain = frames
        moved = difference = frames - still
        if self.colours:
            small = resized(picture, still.shape[-2:])
            mapping = colour_map(still, small)
            frames, still = mapped(frames, mapping), mapped(still, mapping)
            difference, plain = frames - still, frames + lost_colours(small, still)
        return self.seen(plain, difference, self.changes(moved), picture)

    def changes(self, moved: torch.Tensor) -> torch.Tensor:
        """How much the next frames changed [k, 1, s, s], of their differences from the still one [k, 3, s, s]."""
        if self.amount == 0:
            return moved[:, :1]  # nobody asks
        change = _change(moved)
        if self.doubt is not None:
            change = change / resized(self.doubt.to(change), change.shape[-2:]).clamp(min=1)
        return self._steadied(change)

    def seen(
        self,
        plain: torch.Tensor,
        difference: torch.Tensor,
        change: torch.Tensor,
        picture: torch.Tensor,
        window: Window = WHOLE,
    ) -> torch.Tensor:
        """Frames [k, 3, s, s] as they are to be seen [k, 3, h, w], or that window of them: with what they show that the
        still one does not [k, 3, s, s], and how much they changed [k, 1, s, s].
        """
        size = picture.shape[-2:]
        if self.amount == 0:
            return resized(plain, size, window).clamp(0, 1)
        fields = torch.cat((plain, believable(change) * difference, _smooth_step(change, *MOVED)), 1)
        plain, shown, let_go = resized(fields, size, window).split((3, 3, 1), 1)
        detailed = torch.lerp(picture[(..., *window)] + shown, plain, let_go.clamp(0, 1))
        return torch.lerp(plain, detailed, self.amount).clamp(0, 1)

    @property
    def believed(self) -> torch.Tensor:
        """Where the last frame's change is believed to be one [1, 1, s, s], 0…1; after the first frame."""
        assert self.change is not None
        return believable(self.change[None])

    def _steadied(self, change: torch.Tensor) -> torch.Tensor:
        """The changes [k, 1, s, s] with what is left of those before them."""
        steadied = []
        for frame in change:
            if self.change is not None:
                frame = torch.maximum(frame, torch.lerp(frame, self.change, RELEASE))
            steadied.append(frame)
            self.change = frame
        return torch.stack(steadied)


def doubt_around(face_mask: torch.Tensor) -> torch.Tensor:
    """How little a change is believed away from a face that stands still [1, 1, s, s]: 1 in the box of its mask [1, s,
    s] and a little around, growing with the distance.
    """
    left, top, right, bottom = box_of_mask(face_mask)
    centres = torch.arange(face_mask.shape[-1]) + 0.5
    across = torch.maximum(left - centres, centres - right).clamp(min=0)[None]
    down = torch.maximum(top - centres, centres - bottom).clamp(min=0)[:, None]
    near, further = (share * (bottom - top) for share in AROUND)
    beyond = (across.square() + down.square()).sqrt() - near
    return (beyond / further).clamp(0, MOST_DOUBT).exp()[None, None]


def colour_map(still: torch.Tensor, picture: torch.Tensor) -> torch.Tensor:
    """What turns the colours of a decoded portrait into the portrait's own [b, 4, 3], pictures [b, 3, s, s]: the affine
    map of least squares, drawn towards no change at all.

    An autoencoder confuses colours, the same ones in every frame: it makes red lips purple, which are too small for
    what `lost_colours` gives back. Rare colours weigh more than their few pixels, the middle, where the face is, more
    than the edges, and sharpness, which is another matter, nothing: both pictures are made small first.
    """
    still, picture = (F.avg_pool2d(each.float(), max(1, each.shape[-1] // _COLOUR_SIDE)) for each in (still, picture))
    colours = still.flatten(2)  # [b, 3, n]
    bins = (colours.clamp(0, 1) * (_COLOUR_BINS - 1)).round().long()
    bins = (bins[:, 0] * _COLOUR_BINS + bins[:, 1]) * _COLOUR_BINS + bins[:, 2]  # [b, n]
    counts = torch.zeros(len(bins), _COLOUR_BINS**3, device=bins.device)
    counts.scatter_add_(1, bins, torch.ones_like(colours[:, 0]))
    rows, columns = (torch.linspace(-2, 2, side, device=bins.device).square() for side in still.shape[-2:])
    weight = torch.exp(-(rows[:, None] + columns) / 2).flatten() * counts.gather(1, bins).rsqrt()
    weight = weight / weight.sum(1, keepdim=True)
    known = torch.cat([colours, torch.ones_like(colours[:, :1])], 1)  # [b, 4, n]
    weighted, change = known * weight[:, None], picture.flatten(2) - colours
    steady = _STEADINESS * torch.eye(4, device=known.device)
    solved = torch.linalg.solve(weighted @ known.mT + steady, weighted @ change.mT)  # [b, 4, 3]
    return solved + torch.eye(4, 3, device=known.device)


def mapped(pictures: torch.Tensor, mapping: torch.Tensor) -> torch.Tensor:
    """Pictures [k, 3, h, w] with their colours by a map [1 or k, 4, 3]."""
    turned = torch.einsum("kchw,kcd->kdhw", pictures.float(), mapping[:, :3].expand(len(pictures), -1, -1))
    return (turned + mapping[:, 3, :, None, None]).to(pictures)


def lost_colours(picture: torch.Tensor, still: torch.Tensor) -> torch.Tensor:
    """What an autoencoder loses of a picture's colours: both [b, 3, s, s], their difference blurred.

    A small one fades strong colours in the same way in every frame, also where the face moves. Only what is smooth is
    given back there, so nothing that moves is drawn twice.
    """
    sigma = picture.shape[-1] / 40
    return blurred(picture - still, sigma, _reach(2 * sigma))


def at_own_resolution(
    frames: Iterable[torch.Tensor],
    squares: Iterable[torch.Tensor],
    crop: torch.Tensor,
    *,
    amount: float = 1.0,
    head_pose: HeadPose | None = None,
    face_box: torch.Tensor | None = None,
    retoucher: Retoucher | None = None,
    motions: Iterable[torch.Tensor] | None = None,
    lip_mask: torch.Tensor | None = None,
    close_ups: CloseUps | None = None,
    eyes_mouth: torch.Tensor | None = None,
) -> Iterator[torch.Tensor]:
    """Frames [3, f, f] of the talking crop in the detail of the picture it was cut from: [3, side, side] each.

    squares: for each frame the part of the picture that the crop shows [3, side, side]; it ends with the shorter of
    the two · crop [3, s, s]: as it was given to the networks · face_box [4]: in pixels of the crop, needed with a head
    pose · retoucher, close_ups: of the weights that made the frames, see face/retouch.py and face/close_up.py; None:
    they have none · motions: for each frame what both are told of it, `VideoConditions.motion` [d], looked at no sooner
    than the frame; None: nothing, and there are no close-ups · lip_mask [1, m, m]: where in the crop the retoucher is
    believed wherever it is told the motion, though frames change nothing there; None: nowhere · eyes_mouth [3, 2]: in
    pixels of the crop; None: nobody knows, and there are no close-ups. Frames of another size than the crop's, such as
    an upscaler's, are themselves where the detail is let go.

    What is small is computed of some frames at once; what is as large as the picture, of one, and only where something
    changed.
    """
    transfer, shown, lips, look, first = DetailTransfer(amount, colours=False), None, None, None, 0
    upright: list[torch.Tensor] = []
    motions = None if motions is None else iter(motions)
    for together, square in _with_one_square(frames, squares):
        if square is not shown:  # mostly one for the whole film
            shown, picture = square, square[None].to(together)
            still = resized(crop[None].to(together), together.shape[-2:])
            upright = [still, resized(picture, still.shape[-2:]), picture]
            lips = None if lip_mask is None else around_lips(lip_mask.to(together), still.shape[-2:])
            if close_ups is not None and eyes_mouth is not None and is_a_face(place_of(eyes_mouth)):
                look = CloserLook(picture, eyes_mouth * (picture.shape[-1] / crop.shape[-1]), close_ups)
        still, small, picture = upright
        box = poses = None
        if head_pose is not None and face_box is not None:
            poses, box = head_pose.values[first : first + len(together)].to(together), face_box.to(together)[None]
            still, small = (_turned(each, box, crop, poses) for each in (still, small))
        first += len(together)
        difference = together - still
        change = transfer.changes(difference)
        believed = believable(change)
        motion = None if motions is None else torch.stack(list(islice(motions, len(together))))
        if motion is not None and lips is not None:
            asked = lips if box is None or poses is None else _turned(lips, box, crop, poses)
            believed = torch.maximum(believed, asked)
        retouch = retoucher(together, small, motion) if retoucher is not None and amount > 0 else None
        near = look.at(motion) if look is not None and motion is not None and amount > 0 else None
        small = small.expand(len(together), -1, -1, -1)
        for one in (slice(index, index + 1) for index in range(len(together))):
            large, close, there = picture, None, WHOLE
            if look is not None and near is not None:
                close, there = amount * look.shown(near.of(one)), look.window
            if box is not None and poses is not None:
                layers = [picture] if close is None else [picture, _in_whole(close, there, picture.shape[-2:])]
                large, *turned = _turned(torch.cat(layers, 1), box, crop, poses[one]).split([3, 4][: len(layers)], 1)
                close, there = turned[0] if turned else None, WHOLE
            window = where_changed(believed[one], large.shape[-2:]) if amount == 1 else WHOLE
            sharp = large.clamp(0, 1)
            if not is_empty(window):
                seen = transfer.seen(together[one], difference[one], change[one], large, window)
                if retouch is not None:
                    parts = (together[one], large, small[one], seen, believed[one])
                    seen = torch.lerp(seen, retouched(retouch.of(one), *parts, window), amount).clamp(0, 1)
                sharp[(..., *window)] = seen
            if close is not None:
                sharp[(..., *there)] = over(close, sharp[(..., *there)])
            yield sharp[0]


def _with_one_square(
    frames: Iterable[torch.Tensor], squares: Iterable[torch.Tensor]
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Frames [k, 3, f, f] that have one and the same square [3, side, side], as many as are best looked at together."""
    together: list[torch.Tensor] = []
    shown = None
    for frame, square in zip(frames, squares):
        if together and shown is not None and square is not shown:
            yield torch.stack(together), shown
            together = []
        together.append(frame)
        shown = square
        if len(together) >= min(_MOST_AT_ONCE, _PIXELS_AT_ONCE // frame[0].numel()):
            yield torch.stack(together), square
            together = []
    if together and shown is not None:
        yield torch.stack(together), shown


def _in_whole(part: torch.Tensor, window: Window, size: torch.Size) -> torch.Tensor:
    """A window [1, c, h, w] of a picture of that size in its place, 0 around it."""
    whole = part.new_zeros(*part.shape[:2], *size)
    whole[(..., *window)] = part
    return whole


def _turned(picture: torch.Tensor, face_box: torch.Tensor, crop: torch.Tensor, poses: torch.Tensor) -> torch.Tensor:
    """The picture [1, c, h, w] with its head in k poses; the face box [1, 4] is in pixels of the crop."""
    return turn_head(picture, face_box * (picture.shape[-1] / crop.shape[-1]), poses)


def _change(difference: torch.Tensor) -> torch.Tensor:
    """How much a neighbourhood differs [k, 1, s, s], from differences [k, 3, s, s]."""
    energy = difference.square().mean(1, keepdim=True)
    side = difference.shape[-1]
    fine, coarse = (blurred(energy, radius * side, _reach(2.5 * radius * side)) for radius in (FINE, COARSE))
    return (fine * coarse) ** 0.25


def around_lips(lip_mask: torch.Tensor, size: torch.Size) -> torch.Tensor:
    """A mask [1, m, m] at that size, with a soft rim [1, 1, h, w]."""
    rim = 2 * (size[-1] // _SOFT_RIM) + 1
    return F.avg_pool2d(resized(lip_mask[None], size), rim, 1, padding=rim // 2, count_include_pad=False)


def believable(change: torch.Tensor) -> torch.Tensor:
    """A: how far changes are believed to be some, 0…1."""
    return _smooth_step(change, *NOISE)


def _reach(pixels: float) -> int:
    return max(1, round(pixels))


def _smooth_step(value: torch.Tensor, low: float, high: float) -> torch.Tensor:
    share = ((value - low) / (high - low)).clamp(0, 1)
    return share * share * (3 - 2 * share)
