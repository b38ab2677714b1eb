"""Which films there are, and what is known of each before it is watched: any folder, HDTF's lists, MEAD's tree."""

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..types import EMOTIONS

PEOPLE = ("folder", "film")
FILMS = (
    ".mp4",
    ".m4v",
    ".mov",
    ".mkv",
    ".webm",
    ".avi",
    ".mpg",
    ".mpeg",
    ".mts",
    ".m2ts",
    ".ts",
    ".wmv",
    ".flv",
    ".f4v",
    ".3gp",
    ".3g2",
    ".ogv",
    ".mxf",
    ".vob",
    ".asf",
)
"""What a film is called. Other files are passed over, unless they are all there is."""

Crop = tuple[float, float, float, float]


@dataclass(frozen=True)
class Cut:
    """A stretch of a film that is taken. start, end in seconds, end None: to the film's end · crop: left, top, right,
    bottom, where the face is looked for, as shares of the picture's sides; None: everywhere.
    """

    start: float = 0.0
    end: float | None = None
    crop: Crop | None = None


@dataclass(frozen=True)
class ListedFilm:
    """name: its path below the folder that was given, with that folder's name before it: the same on every machine ·
    group: people who are held out together, as they may be one · emotion: a label in the list's own words, "" where it
    has none · level, view: as MEAD has them · sound: another file that holds it, or None · list: which reader knew it.
    """

    path: Path
    name: str
    person: str
    group: str = ""
    emotion: str = ""
    level: str = ""
    view: str = ""
    list: str = "folder"
    cuts: tuple[Cut, ...] = (Cut(),)
    sound: Path | None = None

    @property
    def key(self) -> str:
        """Its name as a file's, and different from every other's."""
        words = re.sub(r"[^A-Za-z0-9]+", "-", self.name.rsplit(".", 1)[0]).strip("-")[-48:]
        return f"{words or 'film'}-{zlib.crc32(self.name.encode()):08x}"


def find_films(
    folders: Sequence[Path], *, people: str = "folder", views: Sequence[str] = ("front",), out: Path | None = None
) -> list[ListedFilm]:
    """The films below the folders, in the order of their names. A folder that holds HDTF's lists or MEAD's tree is read
    as such. people: a film's person is the "folder" that it lies in, or each "film" has its own · out: the folder that
    the data goes to; what lies there is no film.

    Raises InputError for a folder that is not there, two of one name, and where there is no film at all.
    """
    films: list[ListedFilm] = []
    names = [folder.resolve().name for folder in folders]
    for folder, name in zip(folders, names):
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; give a folder of films.")
        if names.count(name) > 1:
            raise InputError(f"Two of the folders are called {name}; rename one, or give the folder above both.")
        films += _read(folder, name, people, views, out)
    if not films:
        raise InputError(f"There is no film in {' or '.join(map(str, folders))}; give a folder of films, such as mp4.")
    return films


def _read(folder: Path, name: str, people: str, views: Sequence[str], out: Path | None) -> list[ListedFilm]:
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not _hidden(file.relative_to(folder)))
    if out is not None:
        files = [file for file in files if out.resolve() not in file.resolve().parents]
    lists = [file for file in files if file.name.endswith("_annotion_time.txt")]
    if lists:
        return list(_hdtf(folder, name, files, lists))
    mead = [found for file in files if (found := _MEAD.fullmatch(file.relative_to(folder.parent).as_posix()))]
    if mead:
        return [film for found in mead if (film := _mead(folder, name, found, views)) is not None]
    films = [file for file in files if file.suffix.lower() in FILMS] or files
    return [_plain(folder, name, file, people) for file in films]


def _hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def _plain(folder: Path, name: str, file: Path, people: str) -> ListedFilm:
    inner = file.relative_to(folder)
    person = inner.parent if people == "folder" else inner.with_suffix("")
    return ListedFilm(file, f"{name}/{inner.as_posix()}", (Path(name) / person).as_posix())


# HDTF (github.com/MRzzm/HDTF), in three parts: PART_annotion_time.txt has a film and its cuts in each line
# ("Radio11.mp4 00:30-01:00 01:30-02:30"), PART_crop_wh.txt a cut's left, width, top and height in pixels
# ("Radio11_1.mp4 557 478 0 478") of a film of the height that PART_resolution.txt names ("Radio11.mp4 720").


def _hdtf(folder: Path, name: str, files: Sequence[Path], lists: Sequence[Path]) -> Iterator[ListedFilm]:
    by_stem = {file.stem: file for file in files if file.suffix.lower() in FILMS}
    for times in lists:
        part = times.name.removesuffix("_annotion_time.txt")
        crops = _table(times.with_name(f"{part}_crop_wh.txt"))
        heights = _table(times.with_name(f"{part}_resolution.txt"))
        for film, stretches in _table(times).items():
            stem = film.rsplit(".", 1)[0]
            person = f"{name}/{part}_{stem if part == 'RD' else stem.rstrip('0123456789')}"
            group = f"{name}/{part}_{stem.rstrip('0123456789')}"  # whether RD's films show one person is not said
            height = float(heights.get(film, ["0"])[0])
            whole = by_stem.get(f"{part}_{stem}") or by_stem.get(stem)
            if whole is not None:
                cuts = tuple(
                    Cut(*_seconds(stretch, times), _crop(crops.get(f"{stem}_{at}.mp4"), height))
                    for at, stretch in enumerate(stretches)
                )
                inner = whole.relative_to(folder).as_posix()
                yield ListedFilm(whole, f"{name}/{inner}", person, group, list="hdtf", cuts=cuts)
                continue
            for at in range(len(stretches)):  # cut and cropped already, as the programs that fetch it leave it
                for stem_of_cut in (f"{part}_{stem}_{at:03d}", f"{stem}_{at}", f"{part}_{stem}_{at}"):
                    if (file := by_stem.get(stem_of_cut)) is not None:
                        inner = file.relative_to(folder).as_posix()
                        yield ListedFilm(file, f"{name}/{inner}", person, group, list="hdtf")
                        break


def _table(file: Path) -> dict[str, list[str]]:
    """Lines of words apart by spaces: the first word of each, and the rest."""
    if not file.is_file():
        return {}
    rows = (line.split() for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
    return {row[0]: row[1:] for row in rows if row}


def _seconds(stretch: str, file: Path) -> tuple[float, float]:
    try:
        start, end = (
            sum(float(part) * 60**at for at, part in enumerate(reversed(side.split(":"))))
            for side in stretch.split("-")
        )
    except ValueError as error:
        raise InputError(f"{file}: {stretch!r} is not a stretch of time; write it as 00:30-01:00.") from error
    return start, end


def _crop(numbers: Sequence[str] | None, height: float) -> Crop | None:
    """Shares of the picture's height on both axes, as only the height is known: the width is brought in later."""
    if numbers is None or len(numbers) != 4 or not height:
        return None
    left, width, top, tall = (float(number) / height for number in numbers)
    return left, top, left + width, top + tall


# MEAD (wywu.github.io/projects/MEAD): M003/video/front/angry/level_1/001.mp4, and M003/audio/angry/level_1/001.m4a.
_MEAD = re.compile(
    r"(?:.*/)?(?P<root>[MW]\d{3})/video/"
    r"(?P<view>[^/]+)/(?P<emotion>[^/]+)/(?P<level>level_\d)/(?P<take>[^/.]+)\.\w+"
)
_MEAD_EMOTIONS = {"surprise": "surprised", "disgust": "disgusted", "fearful": "fear", "anger": "angry"}


def _mead(folder: Path, name: str, found: re.Match[str], views: Sequence[str]) -> ListedFilm | None:
    if found["view"] not in views:
        return None
    path = folder.parent / found.string
    spoken = path.parents[4] / "audio" / found["emotion"] / found["level"]
    sound = next((file for file in sorted(spoken.glob(f"{found['take']}.*")) if file.is_file()), None)
    emotion = _MEAD_EMOTIONS.get(found["emotion"], found["emotion"])
    inner = path.relative_to(folder).as_posix()
    person = f"MEAD_{found['root']}"
    return ListedFilm(
        path,
        f"{name}/{inner}",
        person,
        emotion=emotion,
        level=found["level"],
        view=found["view"],
        list="mead",
        sound=sound,
    )


def emotion_number(emotion: str) -> int | None:
    """The place of a label among the eight of the paper, or None."""
    return EMOTIONS.index(emotion) if emotion in EMOTIONS else None
