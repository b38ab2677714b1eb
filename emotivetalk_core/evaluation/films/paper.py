"""What the paper measured (EmotiveTalk tables 1, 2, 3 and 5), to stand beside figures of ours; and how long its films
are (section 7.1).

Facts of the paper. It names no implementation, no weights and no crop, so that figures of two programs compare roughly.
"""

from dataclasses import dataclass

COLUMNS = ("fid", "fvd", "sync_c", "sync_d", "e_fid")


@dataclass(frozen=True)
class Protocol:
    """frames: of each film, at 25 a second · fvd_frames: the first ones, which FVD sees · padded: frames that shorter
    speech is filled up to with silence before it is spoken; what goes beyond is cut off again.
    """

    name: str
    frames: int
    fvd_frames: int
    padded: int


HDTF = Protocol("hdtf", 144, 128, 0)
MEAD = Protocol("mead", 76, 72, 120)
PROTOCOLS = {protocol.name: protocol for protocol in (HDTF, MEAD)}
LENGTHS = (120, 250, 750, 1500)
"""Frames of table 3's films."""

TABLE_1 = {
    "hdtf": {
        "paper: true films": (None, None, 8.63, 6.75, None),
        "paper: EmotiveTalk, by sound": (16.64, 140.96, 8.24, 7.09, 0.54),
        "paper: EmotiveTalk, by sound and video": (16.09, 120.70, 8.41, 7.11, 0.34),
        "paper: Hallo": (17.15, 276.31, 7.99, 7.50, 0.65),
        "paper: AniPortrait": (17.71, 676.30, 3.75, 10.63, 1.21),
        "paper: SadTalker": (22.34, 589.63, 7.75, 7.36, 0.66),
        "paper: AniTalker": (51.66, 583.70, 7.73, 7.43, 1.11),
        "paper: DreamTalk": (29.37, 263.78, 6.80, 8.03, 0.55),
        "paper: StyleTalk": (29.65, 184.60, 4.34, 10.35, 0.42),
        "paper: PD-FGC": (67.97, 464.90, 7.30, 7.72, 0.74),
    },
    "mead": {
        "paper: true films": (None, None, 7.30, 8.31, None),
        "paper: EmotiveTalk, by sound": (53.21, 207.67, 6.82, 7.43, 0.57),
        "paper: EmotiveTalk, by sound and video": (50.84, 153.71, 6.79, 7.58, 0.40),
        "paper: Hallo": (52.07, 210.56, 7.45, 7.47, 0.60),
        "paper: AniPortrait": (42.43, 379.08, 2.30, 12.38, 2.69),
        "paper: SadTalker": (36.88, 132.27, 6.46, 8.07, 1.14),
        "paper: AniTalker": (68.01, 941.49, 6.76, 7.64, 1.11),
        "paper: DreamTalk": (105.92, 204.48, 5.64, 8.69, 0.87),
        "paper: StyleTalk": (118.48, 197.18, 3.86, 10.74, 0.56),
        "paper: PD-FGC": (121.46, 353.75, 5.15, 8.77, 1.92),
    },
}
"""By COLUMNS; None where the paper has no figure."""

TABLE_5 = {
    "hdtf": {
        "paper: 1024 pixels, by sound": (12.75, 134.64, 7.04, 8.09, 0.62),
        "paper: 1024 pixels, by sound and video": (12.68, 147.40, 7.85, 7.82, 0.42),
    },
    "mead": {
        "paper: 1024 pixels, by sound": (37.97, 303.55, 4.60, 9.58, 0.54),
        "paper: 1024 pixels, by sound and video": (38.33, 275.04, 5.00, 9.55, 0.43),
    },
}
"""Beside the rows of 512 pixels, which are table 1's."""

TABLE_2 = {
    "both latents": (16.64, None, 8.24, None, 0.54),
    "without lip latents": (16.02, None, 0.65, None, 0.57),
    "without expression latents": (14.86, None, 8.04, None, 1.23),
    "not decoupled": (16.98, None, 7.72, None, 0.66),
}
"""Of HDTF: what driving without one of the two latents costs."""

TABLE_3 = {
    120: (16.78, None, 8.25, None, 0.60),
    250: (16.96, None, 8.21, None, 0.67),
    750: (16.93, None, 8.46, None, 0.62),
    1500: (16.97, None, 8.40, None, 0.61),
}
"""Of HDTF, by frames."""

_METHOD = "paper: EmotiveTalk, "
PAPER_ROWS: dict[tuple[int, str, str], tuple[float | None, ...]] = {
    **{
        (1, suite, name.removeprefix(_METHOD)): row
        for suite, rows in TABLE_1.items()
        for name, row in rows.items()
        if name.startswith(_METHOD)
    },
    **{(2, "hdtf", name): row for name, row in TABLE_2.items()},
    **{(3, "hdtf", f"{frames} frames"): row for frames, row in TABLE_3.items()},
    **{(5, suite, name.removeprefix("paper: ")): row for suite, rows in TABLE_5.items() for name, row in rows.items()},
}
"""The method's own rows, by table, suite and name of the row."""
