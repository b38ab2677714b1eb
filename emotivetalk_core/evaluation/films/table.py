"""The films' figures as a table, with the paper's rows below them, and as a file."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import OutputError
from .paper import COLUMNS, TABLE_1, TABLE_5

HEADS = ("FID", "FVD", "Sync-C", "Sync-D", "E-FID")
_WIDTH, _NAME = 18, 40


def table(report: Mapping[str, Any], protocol: str | None) -> list[str]:
    """Lines: of both folders, and of the paper's films where they were measured by its protocol; then what is beside
    that.
    """
    figures = report["figures"]
    fvd = [name for name in figures if name.startswith("fvd_")]
    lines = [f"{'':<{_NAME}}" + "".join(f"{head:>{_WIDTH}}" for head in HEADS)]
    lines.append(_row("generated films", [_said(figures.get(own)) for own in _own(figures)]))
    lines.append(_row("true films", _true(figures)))
    for tables in (TABLE_1, TABLE_5):
        for name, row in tables.get(protocol or "", {}).items():
            lines.append(_row(name, _numbers(row)))
    for name in [*fvd, "sync_offset", "true_sync_offset", "expression_frechet"]:
        if figures.get(name) is not None:
            lines.append(f"{name}: {_said(figures[name])}")
    lines += _measured_with(report["meta"])
    lines += [f"note: {name}: {why}" for name, why in report["faults"].items()]
    return lines


def tables(report: Mapping[str, Any], protocol: str) -> list[str]:
    """Lines: of each table its rows, the paper's figures below each, and what others reached below table 1."""
    lines = []
    notes: list[str] = []
    for number, rows in report["tables"].items():
        lines.append(f"{f'table {number}':<{_NAME}}" + "".join(f"{head:>{_WIDTH}}" for head in HEADS))
        true = None
        for name, row in rows.items():
            figures = row.get("figures", {})
            lines.append(_row(name, [_said(figures.get(own)) for own in _own(figures)]))
            if row["paper"] is not None:
                lines.append(_row("  paper", _numbers(row["paper"])))
            true = figures if true is None and figures else true
            notes += [f"{row['key']}: {name}: {why}" for name, why in row.get("faults", {}).items()]
            if "why" in row:
                notes.append(f"{row['key']}: {row['why']}")
        if true is not None:
            lines.append(_row("true films", _true(true)))
        if number == "1":
            others = TABLE_1.get(protocol, {}).items()
            lines += [_row(name, _numbers(row)) for name, row in others if "EmotiveTalk" not in name]
    lines += _measured_with(report["meta"])
    return [*lines, *(f"note: {note}" for note in notes)]


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """In one move. Raises OutputError."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path}: the report cannot be written ({error.strerror}); choose another place.") from error


def _own(figures: Mapping[str, Any]) -> list[str]:
    """The figure of ours that stands in each of COLUMNS."""
    fvd = next((name for name in figures if name.startswith("fvd_")), "")
    return [fvd if column == "fvd" else column for column in COLUMNS]


def _true(figures: Mapping[str, Any]) -> list[str]:
    return ["", "", *(_said(figures.get(f"true_{name}")) for name in ("sync_c", "sync_d")), ""]


def _numbers(row: Sequence[float | None]) -> list[str]:
    return ["-" if value is None else f"{value:.2f}" for value in row]


def _measured_with(meta: Mapping[str, Any]) -> list[str]:
    if not meta:  # no row was measured
        return []
    lines = [f"measured with: {meta['sync']}; expression: {meta['expression']}"]
    if meta["networks_missing"]:
        lines.append(f"left out for want of weights: {', '.join(meta['networks_missing'])}")
    return lines


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<{_NAME}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)


def _said(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    half = "" if figure["interval_95"] is None else f" ±{figure['interval_95']:.2f}"
    return f"{figure['value']:.2f}{half}"
