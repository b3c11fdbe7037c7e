"""A program that uses every public name: with it, `make typecheck` checks that type checkers and editors know them."""

from typing import Any, List, Mapping, Type

import aac_tf
from aac_tf import audio, datasets, decoding, embeddings, evaluation, inference, models, text
from aac_tf.errors import AacError

specs: List[audio.SpectrogramSpec] = [audio.DCASE2020, audio.YAMNET, audio.AST]
frozen_encoders: List[Type[embeddings.FrozenEncoder]] = [embeddings.YamnetEmbedder, embeddings.AstEmbedder]
encoders: List[Type[models.Encoder]] = [models.SubsampledBiRNN]
decoders: List[Type[models.Decoder]] = [models.AttentionDecoder, models.FixedVectorDecoder]
searches: List[decoding.Search] = [
    decoding.Greedy(),
    decoding.Beam(5),
    decoding.DiverseBeam(6, groups=2),
    decoding.Sample(seed=1),
    decoding.Consensus(decoding.Beam(5)),
]
metrics: Mapping[str, evaluation.Metric] = evaluation.METRICS
corpora: List[datasets.Dataset] = [
    datasets.Clotho("clotho"),
    datasets.AudioCaps("audiocaps"),
    datasets.MACS("macs"),
    datasets.WavCaps("WavCaps"),
    datasets.Manifest("a.csv"),
]
others: List[Any] = [
    decoding.beam_search,
    decoding.greedy_search,
    decoding.score_captions,
    decoding.Constraints(forbidden_words=("music",)),
    inference.EnsembleError,
    embeddings.TFASTFeatureExtractor,
    embeddings.TFASTForAudioClassification,
    embeddings.TFASTModel,
    models.CaptioningModel,
    models.TemporalAttention,
    text.WordTokenizer,
]


def score(run: str, path: str, reference: str) -> float:
    """Captions a file, and scores the caption."""
    captioner = aac_tf.Captioner.load(run)
    try:
        waveform, _ = audio.load_audio(path, captioner.spec.sample_rate)
    except AacError:
        return 0.0
    frames = audio.spectrogram(waveform, audio.DCASE2020)
    assert frames.shape[1] == audio.DCASE2020.num_bins
    caption: inference.Caption = captioner.caption([path], search=decoding.Greedy())[0]
    corpus, _ = evaluation.score_captions({path: caption.text}, {path: [reference]}, metrics=["bleu"])
    return float(corpus["bleu_4"])
