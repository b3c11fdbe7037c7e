"""Styles: tokens in place of `<START>`."""

import pytest

from aac_tf.text import StyleError, WordTokenizer

CAPTIONS = ["a dog barks", "rain falls"]


@pytest.fixture(params=["<PAD>", "<END>"])
def tokenizer(request):
    return WordTokenizer.from_captions(CAPTIONS, 1, 4, request.param, styles=["audiocaps", "clotho"])


def test_styles_follow_the_other_special_words(tokenizer, tmp_path):
    plain = WordTokenizer.from_captions(CAPTIONS, 1, 4, "<PAD>" if "<PAD>" in tokenizer.vocabulary else "<END>")
    special = len(plain.special_ids) + 1
    assert tokenizer.get_vocabulary() == [
        *plain.get_vocabulary()[:special],
        "<STYLE:audiocaps>",
        "<STYLE:clotho>",
        *plain.get_vocabulary()[special:],
    ]
    tokenizer.save(tmp_path / "vocabulary.txt")
    assert WordTokenizer.load(tmp_path / "vocabulary.txt").styles == tokenizer.styles
    assert list(tokenizer.styles) == ["audiocaps", "clotho"]
    assert plain.styles == {}


def test_captions_start_with_their_style_and_read_the_same(tokenizer):
    plain, length = tokenizer.encode(CAPTIONS)
    for style in ("clotho", ["clotho", "audiocaps"], [None, "none"]):
        tokens, same = tokenizer.encode(CAPTIONS, style)
        names = [style] * 2 if isinstance(style, str) else style
        assert tokens[:, 0].numpy().tolist() == [tokenizer.style_id(name) for name in names]
        assert (tokens[:, 1:] == plain[:, 1:]).numpy().all()
        assert (same == length).numpy().all()
        assert [text.decode() for text in tokenizer.detokenize(tokens).numpy()] == CAPTIONS
    assert len({tokenizer.style_id(style) for style in (None, "audiocaps", "clotho")}) == 3
    # No caption spells a style, and none may be generated.
    assert not set(tokenizer.styles.values()) & set(tokenizer.tokenize("<STYLE:clotho> a dog").numpy().tolist())
    assert set(tokenizer.styles.values()) <= set(tokenizer.special_ids)


def test_unknown_styles_are_refused_with_those_that_are_known(tokenizer):
    with pytest.raises(StyleError, match="no style 'macs': it knows audiocaps, clotho, none"):
        tokenizer.encode(CAPTIONS, ["clotho", "macs"])
    with pytest.raises(StyleError, match="trained without styles"):
        WordTokenizer.from_captions(CAPTIONS, 1).style_id("clotho")
    assert tokenizer.known_style("macs") is None
    assert tokenizer.known_style("clotho") == "clotho"
