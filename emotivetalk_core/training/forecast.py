"""What a recipe will take, told before its first step: memory of a card by part, FLOPs of a step, hours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..sampling.estimate import memory_words
from .cards import SHARE_OF_PEAK, Card
from .parallel import RECOMPUTATIONS
from .recipe import Recipe
from .step_cost import StepCost, count_step

_HOW = {"none": "kept", "blocks": "recomputed by block", "nested": "recomputed, nested"}


@dataclass(frozen=True)
class StageForecast:
    """steps: how many the stage has in all · named_only: whether it is trained only when asked for by name."""

    name: str
    steps: int
    cost: StepCost
    named_only: bool = False

    def flops(self, recompute: str) -> float:
        """Of the whole stage on one card."""
        return self.cost.flops[recompute] * self.steps


def forecast(recipe: Recipe, cards: int, *, stages: Sequence[str] | None = None) -> list[StageForecast]:
    """The stages whose cost can be counted, each on so many cards. stages: of these names; None: of all that are
    trained without being named.
    """
    return [
        StageForecast(name, stage.settings.loop.steps, count_step(counted, cards), stage.named_only)
        for name, stage in recipe.stages.items()
        if stage.step is not None and (not stage.named_only if stages is None else name in stages)
        for counted in [stage.step(recipe.preset, stage.settings)]
    ]


def fitting(forecasts: Iterable[StageForecast], card: Card, first: str) -> str | None:
    """The least recomputation, from `first` on, with which every stage fits the card; None where none does."""
    listed = list(forecasts)
    for how in RECOMPUTATIONS[RECOMPUTATIONS.index(first) :]:
        if all(one.cost.memory(how) <= card.usable for one in listed):
            return how
    return None


def words(one: StageForecast, recompute: str, cards: int, card: Card | None) -> list[str]:
    """One stage in a few lines."""
    cost = one.cost
    learning = "all learn" if cost.learning == cost.parameters else f"{cost.learning:,} learn"
    at_once = f"{cost.piece} sample{'s' if cost.piece > 1 else ''} at once" + (
        f", {cost.parts} times a step" if cost.parts > 1 else ""
    )
    held = {
        "weights": cost.weights,
        "gradients": cost.gradients,
        "optimiser": cost.optimiser,
        "running mean": cost.average,
    }
    activations = ", ".join(f"{memory_words(size)} {_HOW[how]}" for how, size in cost.activations.items())
    lines = [
        f"{one.name}: {cost.parameters:,} parameters, {learning}; a card computes {at_once}"
        + (f"; trained only as --stages {one.name}" if one.named_only else ""),
        "  " + " · ".join(f"{name} {memory_words(size)}" for name, size in held.items() if size),
        f"  activations: {activations}",
        f"  a card holds {memory_words(cost.memory(recompute))}, activations {_HOW[recompute]}",
        f"  a step on a card: {cost.flops[recompute] / 1e12:,.1f} TFLOP (one forward pass of {cost.piece}: "
        f"{cost.forward / 1e12:,.1f})",
    ]
    if card is not None:
        hours = card.hours(one.flops(recompute))
        lines.append(f"  {one.steps:,} steps: {_hours(hours)} on {_cards(cards, card)}")
    return lines


def verdict(
    forecasts: Sequence[StageForecast],
    recompute: str,
    card: Card,
    others: Iterable[tuple[str, Sequence[StageForecast]]],
) -> str:
    """Whether the card's memory is enough; else what is: more recomputation, or another recipe, by its name."""
    most = max(one.cost.memory(recompute) for one in forecasts)
    room = f"the {card.name} has {card.memory} GB, of which {memory_words(card.usable)} can be used"
    if most <= card.usable:
        return f"It fits: {room}."
    if how := fitting(forecasts, card, recompute):
        return f"It does not fit: {room}; with --recompute {how} it does."
    for name, other in others:
        if how := fitting(other, card, "none"):
            more = "" if how == "none" else f" with --recompute {how}"
            return f"It does not fit: {room}; the recipe {name} does{more}."
    return f"It does not fit: {room}, and no recipe of ours does; take a card with more memory."


def assumption() -> str:
    share = f"{SHARE_OF_PEAK:.0%}"
    return f"Hours assume {share} of the card's peak in bfloat16; preparing the data and filming come on top."


def _hours(hours: float) -> str:
    if hours < 1:
        return f"{max(1, round(60 * hours))} min"
    return f"{hours:.1f} h" if hours < 9.95 else f"{hours:,.0f} h"


def _cards(cards: int, card: Card) -> str:
    return card.name if cards == 1 else f"{cards} {card.name}"
