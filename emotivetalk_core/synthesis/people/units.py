"""From the drawn heads' state to the 52 face units: speech, action units, blinks and gaze, a little askew as in
people.
"""

import numpy as np

from ..head_state import HeadState

_PAIRS: dict[str, dict[str, float]] = {
    "AU2": {"browOuterUp": 1.4},
    "AU4": {"browDown": 1.2},
    "AU5": {"eyeWide": 1.0},
    "AU6": {"cheekSquint": 0.85, "eyeSquint": 0.25},
    "AU7": {"eyeSquint": 0.65},
    "AU9": {"noseSneer": 1.15},
    "AU10": {"mouthUpperUp": 0.6},
    "AU12": {"mouthSmile": 0.8, "mouthDimple": 0.2},
    "AU15": {"mouthFrown": 1.05},
    "AU20": {"mouthStretch": 0.85},
    "AU23": {"mouthPress": 0.55},
    "AU43": {"eyeBlink": 0.72},
}
"""Face units, without their side, that an action unit at its height raises; ARKit's names beside FACS's."""

_SINGLES: dict[str, dict[str, float]] = {
    "AU1": {"browInnerUp": 1.5},
    "AU17": {"mouthShrugLower": 0.6, "mouthShrugUpper": 0.15},
    "AU23": {"mouthRollLower": 0.22, "mouthRollUpper": 0.18},
}


def face_units(
    state: HeadState, liveliness: float = 1.0, lean: float = 0.0, open_eyes: float = 0.0
) -> dict[str, float]:
    """The face units of a frame, by name. Lips that the mouth's opening of 0 leaves ajar are shut by `anatomy`.

    liveliness scales expression, not speech; lean -1…1 makes one side move more; open_eyes is how wide the eyes rest.
    """
    raised: dict[str, float] = {}

    def add(name: str, amount: float) -> None:
        if abs(amount) > 1e-4:
            raised[name] = raised.get(name, 0.0) + amount

    def add_pair(name: str, amount: float, askew: float = 0.0) -> None:
        add(f"{name}Left", amount * (1 + askew))
        add(f"{name}Right", amount * (1 - askew))

    action = state.units
    for name, units in _PAIRS.items():
        for unit, share in units.items():
            askew = 0.0 if unit == "eyeBlink" else lean * (1.6 if name in ("AU2", "AU9", "AU12") else 1.0)
            add_pair(unit, share * action[name] * liveliness, askew)
    for name, units in _SINGLES.items():
        for unit, share in units.items():
            add(unit, share * action[name] * liveliness)
    opening, width, rounding, teeth, tongue = (float(v) for v in state.mouth)
    parted = min(1.0, 4 * opening)
    smile = action["AU12"] * liveliness
    add("jawOpen", 0.75 * opening * (1 - 0.3 * rounding))
    add("mouthPucker", 0.75 * rounding * (1 - 0.5 * opening) + 0.25 * max(-width, 0))
    add("mouthFunnel", rounding * (0.25 + 0.55 * opening))
    add_pair("mouthStretch", 0.4 * max(width, 0))
    add_pair("mouthSmile", 0.14 * max(width, 0) * (1 - min(1.0, action["AU15"])))
    # Open lips show teeth: more where the sound asks for them, and in a smile most of all.
    add_pair("mouthUpperUp", parted * (0.10 + 0.22 * teeth + 0.32 * smile) * (1 - 0.7 * rounding))
    add_pair("mouthLowerDown", parted * (0.16 + 0.18 * teeth + 0.10 * smile) * (1 - 0.7 * rounding))
    # An f tucks the lower lip under the upper teeth; an s, as narrow, is told from it by its width.
    tucked = teeth * max(0.0, 1 - opening / 0.16) * max(0.0, 1 - 3 * max(width, 0)) * parted
    add("mouthRollLower", 0.7 * tucked)
    add("tongueOut", 0.22 * max(0.0, tongue - 0.55) * parted)
    blink = min(max(state.blink, 0.0), 1.0)
    shut = 1 - (1 - blink) * (1 - raised.get("eyeBlinkLeft", 0.0))
    right, down = (float(v) for v in state.gaze)
    for side, outward in (("Left", right), ("Right", -right)):
        raised[f"eyeBlink{side}"] = shut
        rest = 1 - shut
        raised[f"eyeWide{side}"] = (raised.get(f"eyeWide{side}", 0.0) + open_eyes) * rest
        raised[f"eyeSquint{side}"] = raised.get(f"eyeSquint{side}", 0.0) * rest
        add(f"eyeLookDown{side}", 0.75 * max(down, 0.0) * rest)
        add(f"eyeLookUp{side}", 0.75 * max(-down, 0.0) * rest)
        add(f"eyeLookOut{side}", 0.3 * max(outward, 0.0) * rest)
        add(f"eyeLookIn{side}", 0.3 * max(-outward, 0.0) * rest)
    return {name: float(np.clip(amount, 0, 1.6)) for name, amount in raised.items()}
