"""What is fuzzed: each target makes mutated inputs, and checks that they are used or refused with an `AacError`.

A target is a generator function `(folder, rng)` that yields one input after another, for ever: pairs of a description
and a function without arguments that uses the input. The function must return, or raise `AacError`.
"""

import http.server
import importlib.util
import io
import json
import pathlib
import threading

import numpy as np

from aac_tf.errors import AacError
from fuzz.mutations import mutate

ROOT = pathlib.Path(__file__).parents[2]
RATE = 16000
NEIGHBOURS = 6


def audio(folder, rng):
    """Sound files, several with a good one at their end, which must get its caption."""
    import soundfile

    from aac_tf.audio import AudioError

    captioner = _captioner()
    sound = (0.3 * np.sin(np.arange(RATE) * 0.1)).astype(np.float32)
    good = folder / "good.wav"
    soundfile.write(good, sound, RATE)
    expected = captioner.caption(good)[0].text
    seeds = []
    for form, subtype in (
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAV", "PCM_24"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("MP3", None),
        ("AIFF", "PCM_16"),
        ("AU", "ULAW"),
    ):
        if form in soundfile.available_formats():
            buffer = io.BytesIO()
            soundfile.write(buffer, np.stack([sound, 0.5 * sound], axis=1), RATE, format=form, subtype=subtype)
            seeds.append((form.lower(), buffer.getvalue()))

    def use(paths):
        found = list(captioner.caption_each([*paths, good]))
        assert len(found) == len(paths) + 1
        assert found[-1].text == expected, "the good neighbour has another caption"
        for caption in found:
            assert isinstance(caption, AudioError) or caption.step_edges[-1] > 0

    while True:
        paths = []
        for number in range(NEIGHBOURS):
            form, content = rng.choice(seeds)
            paths.append(folder / f"{number}.{form}")
            paths[-1].write_bytes(mutate(content, rng))
        yield " ".join(path.name for path in paths), lambda paths=tuple(paths): use(paths)


def waveforms(folder, rng):
    """Arrays of all types, shapes and values."""
    from aac_tf.audio.waveforms import read_waveform

    types = ["f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "c8", "?", "O", "S4", "U4", "M8[s]"]
    while True:
        odd = [rng.choice([0, 1, 2, 9, 799, 5000]) for _ in range(rng.randint(0, 2))]
        shape = rng.choice([odd, [5000], [5000, 2], [1, 5000]])
        values = np.random.default_rng(rng.randrange(1 << 30)).normal(0, rng.choice([1e-30, 0.1, 1, 100, 1e5]), shape)
        kind, rate = rng.choice(types), rng.choice([None, 16000, 44100, 8000, rng.choice([0, -1, 1e9, 8000.5, "x"])])
        with np.errstate(all="ignore"):
            array = np.zeros(shape, kind) if kind[0] in "OSUM" else values.astype(kind)
        if array.size and kind[0] == "f" and rng.random() < 0.3:
            array.flat[rng.randrange(array.size)] = rng.choice([np.nan, np.inf, -np.inf, 65504])
        yield f"{kind}{shape} at {rate}", lambda array=array, rate=rate: read_waveform(array, RATE, rate)


CSVS = [
    'file_name,caption_1,caption_2\na.wav,a dog,"barks, loudly"\nb.wav,rain,wind\n',
    'file_name,caption\na.wav,a dog\na.wav,"a ""big"" dog"\nb.wav,rain\n',
    "audiocap_id,youtube_id,start_time,caption\n1,abc,30,rain\n2,xyz,0,wind\n",
    "file_name,caption_predicted\na.wav,a dog\nb.wav,rain\n",
]


def csv(folder, rng):
    """Files of captions."""
    from aac_tf.datasets import AudioCaps, Manifest
    from aac_tf.evaluation.prediction_files import read_candidates, read_references

    (folder / "a.wav").touch()
    references = lambda: read_references(folder / "train.csv", ["a.wav"])  # noqa: E731
    manifest = lambda: [Manifest(folder).clips(split) for split in ("train", "validation")]  # noqa: E731
    # Of each of `CSVS`.
    uses = [
        [manifest, references],
        [manifest, references],
        [lambda: AudioCaps(folder).clips("train"), references],
        [lambda: read_candidates(folder / "train.csv")],
    ]
    while True:
        place = rng.randrange(len(CSVS))
        content = mutate(CSVS[place].encode(), rng, is_text=rng.random() < 0.8)
        chosen = rng.choice(uses[place])

        def use(content=content, chosen=chosen):
            (folder / "train.csv").write_bytes(content)
            chosen()

        yield f"use {place} of {content[:200]!r}", use


def config(folder, rng):
    """Files of run folders, and overrides."""
    from aac_tf.config import load_config
    from aac_tf.runs import Run
    from aac_tf.text import WordTokenizer

    run = Run(folder / "run")
    words = WordTokenizer.from_captions(["a dog barks"], min_count=1)
    run.create(load_config(None, ["audio.normalize=true"]), words, (np.zeros(64), np.ones(64)), {"train": None}, [1.0])
    whole = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    overrides = ["encoder.units=8", "paper={bleu_1: 0.5}", "data.root=x", "data.sources=[{source: clotho}]", "name=x"]

    def use():
        config = run.config()
        run.tokenizer(config)
        run.normalization(64)
        run.data()
        run.check_network([1.0])

    while True:
        name = rng.choice(sorted(whole))
        content = mutate(whole[name], rng, is_text=rng.random() < 0.8)
        if rng.random() < 0.3:
            override = mutate(rng.choice(overrides).encode(), rng, is_text=True).decode(errors="replace")
            yield f"override {override[:200]!r}", lambda override=override: load_config(None, [override])
            continue

        def use_changed(name=name, content=content):
            for other, original in whole.items():
                (run.folder / other).write_bytes(content if other == name else original)
            use()

        yield f"{name}: {content[:200]!r}", use_changed


def weights(folder, rng):
    """Weights of frozen encoders."""
    import shutil

    import h5py

    from aac_tf.embeddings.ast.source import load_ast
    from aac_tf.embeddings.yamnet.weights import read_weights

    ast = shutil.copytree(ROOT / "tests" / "embeddings" / "fixtures" / "ast" / "audioset", folder / "ast")
    (ast / "preprocessor_config.json").write_text('{"mean": -4.2, "std": 4.5}')
    names = ["config.json", "model.safetensors", "preprocessor_config.json"]
    whole = {name: (ast / name).read_bytes() for name in names}
    np.savez(folder / "yamnet.npz", **{"l1/kernel": np.zeros([3, 3, 1, 32], "f4"), "l1/bias": np.zeros(32, "f4")})
    with h5py.File(folder / "yamnet.h5", "w") as file:
        file["layer1/conv/kernel"] = np.zeros([3, 3, 1, 32], "f4")
    files = {name: (folder / name).read_bytes() for name in ("yamnet.npz", "yamnet.h5")}
    while True:
        name = rng.choice([*names, *names, *files])
        content = mutate(whole.get(name) or files[name], rng, is_text=name.endswith("json"))

        def use(name=name, content=content):
            if name in files:
                (folder / name).write_bytes(content)
                read_weights(folder / name)
                return
            for other, original in whole.items():
                (ast / other).write_bytes(content if other == name else original)
            load_ast(ast)

        yield f"{name}: {content[:200]!r}", use


def served(folder, rng):
    """Responses of servers."""
    client = _client_module()
    row = {"captions": [["a dog", "a cat"]], "log_probs": [[-1.0, -2.0]], "status": [""]}
    seeds = [json.dumps({"outputs": row}).encode(), json.dumps({"error": "no such model"}).encode()]
    answer = [b""]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.wfile.write(answer[0])

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("localhost", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    caption = client.Client(f"http://localhost:{server.server_port}", timeout=5, retries=0).caption
    heads = [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"]

    def use(content):
        answer[0] = content
        try:
            results = caption([b"RIFF"])
        except client.ServerError as error:
            raise AacError(str(error)) from error
        assert [isinstance(result, client.Result) for result in results] == [True]

    while True:
        head, body = rng.choice([heads[0], *heads]), rng.choice([seeds[0], *seeds])
        if rng.random() < 0.2:
            head = mutate(head, rng)
        else:
            body = mutate(body, rng, is_text=rng.random() < 0.8)
        yield repr((head + body)[:200]), lambda content=head + body: use(content)


TARGETS = {target.__name__: target for target in (audio, waveforms, csv, config, weights, served)}


def _captioner():
    """A captioner with random weights."""
    import tensorflow as tf

    from aac_tf import Captioner
    from aac_tf.build import build_model
    from aac_tf.config import load_config
    from aac_tf.text import WordTokenizer

    tf.keras.utils.set_random_seed(3)
    small = ["encoder.units=8", "decoder.units=8", "decoder.embedding=8", "decoder.attention_units=8"]
    settings = load_config(None, [*small, "audio.sample_rate=16000", "decoding.beam_size=2"])
    words = WordTokenizer.from_captions(["a dog barks", "rain falls on a roof"], min_count=1)
    return Captioner(build_model(settings, words.vocabulary_size()), words, settings)


def _client_module():
    spec = importlib.util.spec_from_file_location("client", ROOT / "export" / "client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
