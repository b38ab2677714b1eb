"""The English words are the schemas' own; every other language says all that they say."""

import json

import pytest
from installation import ROOT
from write_words import ENGLISH, our_words

HOW = "run `python tests/host/write_words.py`, and translate what changed"


def test_english_is_what_the_nodes_say(definitions):
    assert json.loads(ENGLISH.read_text(encoding="utf-8")) == our_words(definitions), HOW


@pytest.mark.parametrize("language", ["zh"])
def test_a_translation_leaves_nothing_out(language, definitions):
    words = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))
    assert places(words) == places(our_words(definitions)), HOW


def places(words: dict) -> set[tuple[str, ...]]:
    """The path to each text."""
    return {
        (name, *path) for name, inner in words.items() for path in (places(inner) if isinstance(inner, dict) else [()])
    }
