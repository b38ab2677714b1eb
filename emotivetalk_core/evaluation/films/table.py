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
    own = {"fid": "fid", "fvd": fvd[0] if fvd else "", "sync_c": "sync_c", "sync_d": "sync_d", "e_fid": "e_fid"}
    lines = [f"{'':<{_NAME}}" + "".join(f"{head:>{_WIDTH}}" for head in HEADS)]
    lines.append(_row("generated films", [_said(figures.get(own[column])) for column in COLUMNS]))
    lines.append(_row("true films", ["", "", *(_said(figures.get(f"true_{c}")) for c in ("sync_c", "sync_d")), ""]))
    for tables in (TABLE_1, TABLE_5):
        for name, row in tables.get(protocol or "", {}).items():
            lines.append(_row(name, ["-" if value is None else f"{value:.2f}" for value in row]))
    for name in [*fvd, "sync_offset", "true_sync_offset", "expression_frechet"]:
        if figures.get(name) is not None:
            lines.append(f"{name}: {_said(figures[name])}")
    lines.append(f"measured with: {report['meta']['sync']}; expression: {report['meta']['expression']}")
    if report["meta"]["networks_missing"]:
        lines.append(f"left out for want of weights: {', '.join(report['meta']['networks_missing'])}")
    lines += [f"note: {name}: {why}" for name, why in report["faults"].items()]
    return lines


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """In one move. Raises OutputError."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path}: the report cannot be written ({error.strerror}); choose another place.") from error


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<{_NAME}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells)


def _said(figure: Mapping[str, Any] | None) -> str:
    if figure is None or figure["value"] is None:
        return "-"
    half = "" if figure["interval_95"] is None else f" ±{figure['interval_95']:.2f}"
    return f"{figure['value']:.2f}{half}"
