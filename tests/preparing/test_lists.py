"""Which films there are, and what their lists and folders say of them."""

from pathlib import Path

import pytest

from emotivetalk_core.errors import InputError
from emotivetalk_core.preparing.lists import Cut, find_films


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def test_a_folder_of_films_names_their_people(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    touch(
        folder / "anna" / "b.MOV",
        folder / "anna" / "a b.mp4",
        folder / "ben.mkv",
        folder / "notes.txt",
        folder / ".x.mp4",
    )
    films = find_films([folder])
    assert [(film.name, film.person) for film in films] == [
        ("films/anna/a b.mp4", "films/anna"),
        ("films/anna/b.MOV", "films/anna"),
        ("films/ben.mkv", "films"),
    ]
    assert len({film.key for film in films}) == 3
    assert [film.person for film in find_films([folder], people="film")][1:] == ["films/anna/b", "films/ben"]
    touch(tmp_path / "other" / "films" / "c.mp4")
    with pytest.raises(InputError, match="Two of the folders are called films"):
        find_films([folder, tmp_path / "other" / "films"])
    with pytest.raises(InputError, match="no such folder"):
        find_films([tmp_path / "nothing"])
    touch(
        folder / "data" / "films" / "a.png",
        folder / "data" / "b.mp4",
        tmp_path / "unnamed" / "film",
        tmp_path / "unnamed" / "data" / "x",
    )
    assert len(find_films([folder], out=folder / "data")) == 3
    assert [film.path.name for film in find_films([tmp_path / "unnamed"], out=tmp_path / "unnamed" / "data")] == [
        "film"
    ]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no film"):
        find_films([tmp_path / "empty"])


def test_hdtf_lists_give_cuts_crops_and_people(tmp_path: Path) -> None:
    (tmp_path / "WRA_annotion_time.txt").write_text(
        "Ann0.mp4 00:30-01:00 01:30-1:02:30\nAnn1.mp4 00:05-00:10\nGone.mp4 0-9\n"
    )
    (tmp_path / "WRA_crop_wh.txt").write_text("Ann0_0.mp4 360 540 36 540\nAnn1_0.mp4 1 2 3 4\n")
    (tmp_path / "WRA_resolution.txt").write_text("Ann0.mp4 720\n")
    (tmp_path / "RD_annotion_time.txt").write_text("Radio3.mp4 00:00-00:10 00:20-00:30\n")
    touch(
        tmp_path / "WRA_Ann0.mp4", tmp_path / "Ann1.mp4", tmp_path / "cut" / "RD_Radio3_001.mp4", tmp_path / "else.mp4"
    )
    films = {film.path.name: film for film in find_films([tmp_path])}
    assert set(films) == {"WRA_Ann0.mp4", "Ann1.mp4", "RD_Radio3_001.mp4"}
    whole = films["WRA_Ann0.mp4"]
    assert whole.cuts == (Cut(30, 60, (0.5, 0.05, 1.25, 0.8)), Cut(90, 3750))
    assert films["Ann1.mp4"].cuts == (Cut(5, 10),)  # pixels of a film of a height that is not told
    assert whole.person == films["Ann1.mp4"].person  # one person in two films
    radio = films["RD_Radio3_001.mp4"]
    assert radio.cuts == (Cut(),) and radio.person.endswith("RD_Radio3") and radio.group.endswith("RD_Radio")
    (tmp_path / "RD_annotion_time.txt").write_text("Radio3.mp4 later\n")
    touch(tmp_path / "Radio3.mp4")
    with pytest.raises(InputError, match="'later' is not a stretch of time"):
        find_films([tmp_path])


@pytest.mark.parametrize("given", ["MEAD", "MEAD/M003"])
def test_mead_s_tree_gives_emotion_level_view_and_sound(tmp_path: Path, given: str) -> None:
    person = tmp_path / "MEAD" / "M003"
    touch(
        person / "video" / "front" / "surprised" / "level_2" / "001.mp4",
        person / "video" / "left_30" / "surprised" / "level_2" / "001.mp4",
        person / "video" / "front" / "neutral" / "level_1" / "002.mp4",
        person / "audio" / "surprised" / "level_2" / "001.m4a",
    )
    neutral, surprised = find_films([tmp_path / given])
    assert (surprised.person, surprised.emotion, surprised.level, surprised.view) == (
        "MEAD_M003",
        "surprised",
        "level_2",
        "front",
    )
    assert surprised.sound == person / "audio" / "surprised" / "level_2" / "001.m4a" and neutral.sound is None
    assert len(find_films([tmp_path / given], views=("front", "left_30"))) == 3
