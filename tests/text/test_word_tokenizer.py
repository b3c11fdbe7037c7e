import csv

import pytest
import tensorflow as tf

from aac_tf.text import WordTokenizer, standardize

CAPTIONS = ["A dog barks; a bell rings.", "the dog's bark, and RAIN", "Rain, rain!"]


def test_a_vocabulary_has_the_frequent_words():
    tokenizer = WordTokenizer.from_captions(CAPTIONS, min_count=2)
    # Three times rain, twice a; dog and dogs are different words.
    assert tokenizer.get_vocabulary() == ["<PAD>", "<START>", "<END>", "<UNK>", "rain", "a"]
    assert tokenizer.vocabulary_size() == len(tokenizer.get_vocabulary())
    assert tokenizer.id_to_token(tokenizer.token_to_id("rain")) == "rain"
    assert tokenizer.id_to_token(tokenizer.token_to_id("howls")) == "<UNK>"


def test_round_trip_in_a_graph():
    tokenizer = WordTokenizer.from_captions(CAPTIONS, min_count=1)
    round_trip = tf.function(lambda text: tokenizer.detokenize(tokenizer.tokenize(text)))
    assert round_trip(tf.constant(CAPTIONS)).numpy().tolist() == standardize(tf.constant(CAPTIONS)).numpy().tolist()
    assert round_trip(tf.constant("A Bell")).numpy() == b"a bell"


def test_encode_truncates_to_max_words_and_appends_end():
    tokenizer = WordTokenizer.from_captions(["a b c d e"], min_count=1, max_words=3)
    tokens, length = tokenizer.encode(["a b c d e", "b zebra", ""])
    start, end, pad, unknown = tokenizer.start_id, tokenizer.end_id, tokenizer.pad_id, tokenizer.unknown_id
    a, b, c = (tokenizer.token_to_id(word) for word in "abc")
    assert tokens.numpy().tolist() == [
        [start, a, b, c, end],
        [start, b, unknown, end, pad],
        [start, end, pad, pad, pad],
    ]
    assert length.numpy().tolist() == [5, 4, 2]


def test_padding_with_end_needs_two_special_words_and_drops_unknown_words():
    tokenizer = WordTokenizer.from_captions(CAPTIONS, min_count=1, padding="<END>")
    assert tokenizer.get_vocabulary()[:2] == ["<START>", "<END>"]
    assert not {"<PAD>", "<UNK>"} & set(tokenizer.get_vocabulary())
    assert tokenizer.pad_id == tokenizer.end_id
    assert tokenizer.detokenize(tokenizer.tokenize("a zebra barks")).numpy() == b"a barks"
    assert tokenizer.detokenize(tokenizer.tokenize(["a zebra barks", "zebra"])).numpy().tolist() == [b"a barks", b""]


def test_detokenize_stops_at_the_first_end():
    tokenizer = WordTokenizer.from_captions(["a dog"], min_count=1)
    a, dog, end = tokenizer.token_to_id("a"), tokenizer.token_to_id("dog"), tokenizer.end_id
    ids = [[[a, dog, end, dog]], [[end, a, a, a]]]
    assert tokenizer.detokenize(ids).numpy().tolist() == [[b"a dog"], [b""]]


def test_a_saved_vocabulary_gives_the_same_ids(tmp_path):
    tokenizer = WordTokenizer.from_captions([*CAPTIONS, "crème"], min_count=1)
    tokenizer.save(tmp_path / "vocabulary.txt")
    loaded = WordTokenizer.load(tmp_path / "vocabulary.txt")
    assert loaded.get_vocabulary() == tokenizer.get_vocabulary()
    restored = WordTokenizer.from_config(tokenizer.get_config())
    assert restored.tokenize(CAPTIONS).to_list() == tokenizer.tokenize(CAPTIONS).to_list()


@pytest.mark.parametrize("words", [["<START>", "a"], ["<START>", "<END>", "a", "a"]])
def test_incomplete_and_duplicate_vocabularies_are_refused(words):
    with pytest.raises(ValueError, match="vocabulary"):
        WordTokenizer(words)


@pytest.mark.real_data
@pytest.mark.parametrize(("version", "distinct", "frequent"), [("v1", 4365, 1382), ("v2.1", 4369, 1727)])
def test_word_counts_of_clotho(real_data, version, distinct, frequent):
    with open(real_data / f"clotho_{version}" / "clotho_captions_development.csv", encoding="utf-8") as file:
        captions = [row[f"caption_{k}"] for row in csv.DictReader(file) for k in range(1, 6)]
    assert WordTokenizer.from_captions(captions, min_count=1).vocabulary_size() == distinct + 4
    assert WordTokenizer.from_captions(captions, min_count=1, padding="<END>").vocabulary_size() == distinct + 2
    assert WordTokenizer.from_captions(captions, min_count=10).vocabulary_size() == frequent + 4
