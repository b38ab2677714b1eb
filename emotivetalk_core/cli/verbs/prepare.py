"""`prepare`: makes training data out of films."""

import argparse
from dataclasses import replace

from ...preparing import records
from ...preparing.lists import find_films
from ...preparing.networks import Given
from ...preparing.prepare import prepare
from ...preparing.settings import read_settings
from ..progress import StageBars

_PARTS = 1000  # of the work, for the bar


def run(arguments: argparse.Namespace) -> None:
    settings = read_settings(arguments.settings)
    if arguments.size is not None:
        settings = replace(settings, size=arguments.size)
    films = find_films(arguments.films, people=arguments.people, views=settings.views, out=arguments.out)
    given = Given(arguments.vae, tuple(arguments.latents), arguments.syncnet)
    records.begin(arguments.out, settings, arguments.licence, arguments.consent, given)
    with StageBars() as bars:

        def on_progress(share: float, done: int, seconds: float) -> None:
            bars("films", round(share * _PARTS), _PARTS, f"{done} of {len(films)} films, {seconds / 3600:.2f} h")

        rows = prepare(films, arguments.out, settings, workers=arguments.workers, given=given, on_progress=on_progress)
    record = records.read_record(arguments.out)
    print(
        f"{record['kept']} of {record['pieces']} pieces kept, {record['kept_hours']:.2f} h of {record['people']} "
        f"people, {record['held_out_people']} of them held out: {arguments.out.resolve()}"
    )
    if record["people"] > 1 and not record["held_out_people"]:
        print(
            "Nobody is held out, so nothing will show how well training works on strangers; "
            '--settings with {"held_out": 0.3} holds out more.'
        )
    if any(row["why"] for row in rows):
        print(f"why the others were dropped: {(arguments.out / records.TABLE).resolve()}, {records.SHEET}")
    for name in ("licence", "consent"):
        if record[name] == records.NOT_STATED:
            print(f"The data's {name} is not stated; give --{name} TEXT, and the weights' records will state it.")
