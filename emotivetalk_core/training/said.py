"""What a person says in JSON of a settings dataclass: only what is different, checked by name and kind."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ..errors import SettingsError


def changed(settings: Any, said: Any, where: str) -> Any:
    """A settings dataclass with what is said of it. SettingsError for an unknown name or a value of another type."""
    types = get_type_hints(type(settings))
    only(named(said, where), [field.name for field in dataclasses.fields(settings)], where)
    values = {}
    for name, value in said.items():
        before = getattr(settings, name)
        if dataclasses.is_dataclass(before):
            values[name] = changed(before, value, f"{where}.{name}")
            continue
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(value, types[name]):
            raise SettingsError(
                f"{where}.{name} is {json.dumps(said[name])}, but a value such as {json.dumps(before)} is expected; "
                "give one of that kind."
            )
        values[name] = value
    try:
        return dataclasses.replace(settings, **values)
    except SettingsError as error:
        raise SettingsError(f"{where}: {error}") from error


def _fits(value: Any, wanted: Any) -> bool:
    """Whether a value is of an annotated type: a plain one, a tuple of one, a union of such, or one of a few words."""
    if isinstance(wanted, UnionType):
        return any(_fits(value, each) for each in get_args(wanted))
    if get_origin(wanted) is Literal:
        return value in get_args(wanted)
    if get_origin(wanted) is tuple:
        return isinstance(value, tuple) and all(_fits(each, get_args(wanted)[0]) for each in value)
    return type(value) is wanted or (wanted is float and type(value) is int)


def named(said: Any, where: str) -> Mapping[str, Any]:
    """The said as names and values. SettingsError for anything else."""
    if not isinstance(said, dict):
        raise SettingsError(f"{where} is {json.dumps(said)}, but settings are expected; write them as {{name: value}}.")
    return said


def only(said: Iterable[Any], known: Any, where: str) -> None:
    """SettingsError where a name is not known."""
    for name in said:
        if name not in known:
            raise SettingsError(f"{where} has {name!r}, which is not known there; choose from {', '.join(known)}.")
