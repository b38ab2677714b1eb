"""What is learnt from, on disk: what was written is read again, by slice; and every way in which it can be unfit."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from emotivetalk_core.errors import InputError
from emotivetalk_core.training.source import Clip, Source
from emotivetalk_core.training.source_writer import SourceWriter, WrittenClip, remove_unfinished, write_shard

PEAK_BEGINS = Path("/proc/self/clear_refs")
PICTURES = np.random.default_rng(0).integers(0, 256, (2, 7, 8, 8, 3), np.uint8)


def write(folder):
    writer = SourceWriter(folder)
    clips = [
        WrittenClip(Clip("a", "anna", "clips", 7, portraits="b"), {"pictures": PICTURES[0]}),
        WrittenClip(Clip("b", "anna", "portraits", 3, held_out=True), {"pictures": PICTURES[1, :3]}),
    ]
    writer.add(write_shard(folder, "clips-0.safetensors", clips))
    return folder


def test_what_was_written_is_read_by_slice(tmp_path):
    source = Source.open(write(tmp_path))
    clip = source.named("a")
    assert (clip.person, clip.kind, clip.frames, clip.rows("pictures")) == ("anna", "clips", 7, 7)
    torch.testing.assert_close(source.read(clip, "pictures", 2, 5), torch.from_numpy(PICTURES[0, 2:5]))
    assert source.portraits(clip) == [source.named("b")]
    assert source.portraits(source.named("b")) == [clip]  # any other clip of the same person
    assert source.clips("portraits") == [] and source.clips("portraits", held_out=True) == [source.named("b")]
    source.check()


def test_fields_of_another_folder_are_added(tmp_path):
    write(tmp_path / "clips")
    writer = SourceWriter(tmp_path / "features", "index-latents-0")
    writer.add(write_shard(tmp_path / "features", "l.safetensors", [WrittenClip("a", {"latents": torch.ones(7, 4)})]))
    source = Source.open(tmp_path / "clips", tmp_path / "features")
    assert source.read(source.named("a"), "latents").shape == (7, 4)
    assert [clip.id for clip in source.clips("clips", "pictures", "latents")] == ["a"]
    assert source.clips("portraits", "latents", held_out=None) == []
    lines = [WrittenClip("of a film that other data left out", {"latents": torch.ones(7, 4)})]
    writer.add(write_shard(tmp_path / "features", "other.safetensors", lines))
    assert set(Source.open(tmp_path / "clips", tmp_path / "features").by_id) == {"a", "b"}
    with pytest.raises(InputError, match="describes no clips"):
        Source.open(tmp_path / "features")


def test_clips_of_one_name_in_two_folders_are_refused(tmp_path):
    one, other = (write(tmp_path / name) for name in ("one", "other"))
    with pytest.raises(InputError, match=r"one and .*other both hold a clip called a, .*; give one of the two folders"):
        Source.open(one, other)
    assert set(Source.open(one, one).by_id) == {"a", "b"}


def test_a_kill_while_the_index_is_written_costs_that_line_only(tmp_path):
    write(tmp_path)
    with open(tmp_path / "index.jsonl", "a") as file:
        file.write('{"clip": "half", "fields": {"x": [1]}')
    assert set(Source.open(tmp_path).by_id) == {"a", "b"}
    assert SourceWriter(tmp_path, "index-of-another").shards() == {"clips-0.safetensors"}
    writer = SourceWriter(tmp_path)
    assert writer.shards() == {"clips-0.safetensors"}
    writer.add(write_shard(tmp_path, "more.safetensors", [WrittenClip(Clip("c", "ben", "clips", 1), {"x": PICTURES})]))
    assert set(Source.open(tmp_path).by_id) == {"a", "b", "c"}


def test_a_shard_that_a_kill_left_half_written_is_removed(tmp_path):
    write(tmp_path)
    (tmp_path / "clips-1.safetensors.123.part").write_bytes(b"half")
    remove_unfinished(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips-0.safetensors", "index.jsonl"]


@pytest.mark.skipif(not PEAK_BEGINS.exists(), reason="asks Linux for the peak of this process' memory")
def test_a_slice_of_a_large_shard_costs_little_memory(tmp_path):
    """A hundred megabytes of pictures, of which 120 frames are asked for."""
    frames = torch.zeros(2_000, 128, 128, 3, dtype=torch.uint8)
    writer = SourceWriter(tmp_path)
    writer.add(write_shard(tmp_path, "l.safetensors", [WrittenClip(Clip("a", "anna", "clips", 2_000), {"p": frames})]))
    source = Source.open(tmp_path)
    PEAK_BEGINS.write_text("5")
    before = kilobytes("VmRSS")
    read = source.read(source.named("a"), "p", 900, 1_020)
    assert read.shape == (120, 128, 128, 3) and not read.any()
    assert kilobytes("VmHWM") - before < 30_000


def kilobytes(name: str) -> int:
    """Of this process' memory: VmRSS as it is, VmHWM at most since its peak was begun anew."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{name}:")[2].split()[0])


def cut(folder):
    shard = folder / "clips-0.safetensors"
    shard.write_bytes(shard.read_bytes()[:-5])


def remove(folder):
    (folder / "clips-0.safetensors").unlink()


def scribble(folder):
    (folder / "index.jsonl").write_text('{"clip": 3}\n')


def empty(folder):
    (folder / "index.jsonl").unlink()


def undescribed(folder):
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    lines = [{key: value for key, value in line.items() if key not in ("person", "kind", "frames")} for line in lines]
    (folder / "index.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (cut, "clips-0.safetensors has .* bytes where .* were written; copy it again"),
        (remove, "index.jsonl lists clips-0.safetensors, which is missing"),
        (scribble, "index.jsonl, line 1, is not an entry of an index"),
        (empty, "There are no clips in .*; prepare the data first"),
        (undescribed, "give the clips' own folder"),
    ],
)
def test_data_that_is_unfit_is_refused_in_a_sentence(tmp_path, harm, sentence):
    harm(write(tmp_path))
    with pytest.raises(InputError, match=sentence):
        Source.open(tmp_path)


def test_a_shard_that_was_altered_is_found_by_its_checksum(tmp_path):
    shard = write(tmp_path) / "clips-0.safetensors"
    data = bytearray(shard.read_bytes())
    data[-1] ^= 1
    shard.write_bytes(data)
    with pytest.raises(InputError, match="has been altered since it was written"):
        Source.open(tmp_path).check()


def test_a_field_or_rows_that_a_clip_does_not_have_are_named(tmp_path):
    source = Source.open(write(tmp_path))
    with pytest.raises(InputError, match="'latents', only pictures"):
        source.read(source.named("a"), "latents")
    with pytest.raises(InputError, match="7 rows of 'pictures'; 5 to 8 were asked for"):
        source.read(source.named("a"), "pictures", 5, 8)
    with pytest.raises(InputError, match="no 'clips' with latents, which this stage learns from"):
        source.some_clips("clips", "latents")
