"""The synthetic suite: films of drawn or rendered people whom training never saw, judged by probes that are no part of
the generator.

Read `PROTOCOLS` as the list of what is measured; each protocol's docstring says how.
"""

import platform
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from ..device import pick_device, pick_dtype, pick_picture_dtype
from ..models.face_probe import BUNDLED_PEOPLE_PROBE, BUNDLED_PROBE, load_probe
from ..models.model_set import load_model_set
from ..synthesis.people.render import require_renderer
from ..version import __version__
from ..weight_files.bundled import BUNDLED_PROBES
from .ablation import measure_ablation
from .direction import measure_direction
from .expression import measure_dicte
from .long_video import measure_long
from .plan import FULL, SECTIONS, SMALL, SuitePlan, of_rendered_people
from .probes import load_head_probe
from .protocols import measure_emotion, measure_face_finder, measure_probes, measure_sync
from .report import Figures, Report, digest_of, digests
from .sources import measure_sources
from .speed import measure_speed
from .studio import OnStep, Studio
from .unseen import FIRST_SEED

BUNDLED_HEAD_PROBE = BUNDLED_PROBES / "head_pose_probe.safetensors"

JUDGES = {"drawn": BUNDLED_PROBE, "rendered": BUNDLED_PEOPLE_PROBE}
"""Who reads which heads. Figures of drawn ones are compared over the years, so one probe goes on reading them."""


def _directed(studio: Studio, plan: SuitePlan) -> Figures:
    return measure_direction(studio, plan, load_head_probe(BUNDLED_HEAD_PROBE))


PROTOCOLS: dict[str, Callable[[Studio, SuitePlan], Figures]] = {
    "probes": measure_probes,  # how well the probes read true drawings
    "face_finder": measure_face_finder,  # are drawn faces found?
    "sync": measure_sync,  # does the mouth follow the speech, rest in silence, and does the person stay the same?
    "emotion": measure_emotion,  # is the emotion that was asked for the one that is seen?
    "sources": measure_sources,  # the same, for every source that an emotion can come from
    "direction": _directed,  # are intensity, blends, timelines, silence and head motion seen as directed?
    "speed": measure_speed,  # seconds, frames per second, memory
    "dicte": measure_dicte,  # does the expression live, and do seeds differ? (fig. 4)
    "ablation": measure_ablation,  # what each latent and each part is worth (fig. 3, table 2, fig. 12)
    "long": measure_long,  # do long films stay what short ones are? (table 3)
}
assert tuple(PROTOCOLS) == SECTIONS


def run(
    weights: Path,
    out: Path,
    *,
    heads: str = "drawn",
    small: bool = False,
    plan: SuitePlan | None = None,
    probe: Path | None = None,
    device: str = "auto",
    on_step: OnStep | None = None,
) -> Figures:
    """Measures a weights folder, writes the report to `out` after every section, and gives it back.

    Sections that a report at `out` already has of the same weights, probe and plan are kept. Beside it stands a
    folder with what the probes read, one file for each film, so that a stop loses one film; it may be deleted. `plan`
    takes the place of the small or the full one of the heads, one of clip.HEADS; `probe` that of their judge. Raises
    WeightsError, OutputError, and SettingsError where people cannot be rendered.
    """
    if plan is None:
        plan = SMALL if small else FULL
        plan = of_rendered_people(plan) if heads == "rendered" else plan
    if plan.heads == "rendered":
        require_renderer()
    probe = probe or JUDGES[plan.heads]
    place = pick_device(device)
    models = load_model_set(weights, place, pick_dtype(place), picture_dtype=pick_picture_dtype(place))
    judge = load_probe(probe, place)
    measured = {"weights": digests(sorted(weights.glob("*.safetensors"))), "probe": digests([probe])}
    variants = digests(sorted((weights / "ablation").glob("*.safetensors")))
    meta = {
        "versions": {"emotivetalk": __version__, "torch": torch.__version__, "python": platform.python_version()},
        "device": str(place),
        "number_format": str(next(models.ethd.parameters()).dtype).removeprefix("torch."),
        "sampling": asdict(models.defaults),
        "first_seed": FIRST_SEED,
        "plan": asdict(plan),
        **measured,
        "ablation_weights": variants,
    }
    depends = {section: [measured, asdict(plan), variants if section == "ablation" else {}] for section in SECTIONS}
    report = Report(out, meta, {section: digest_of(all_of_it) for section, all_of_it in depends.items()})
    of_heads = measured if plan.heads == "drawn" else {**measured, "heads": plan.heads}
    archive = out.with_name(f"{out.stem}.films") / digest_of(of_heads)
    studio = Studio(weights, models, judge, archive, on_step)
    for section in plan.sections:
        if not report.has(section):
            report.add(section, PROTOCOLS[section](studio, plan))
    return report.figures
