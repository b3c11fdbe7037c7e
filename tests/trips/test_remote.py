"""Data sets, embeddings, run folders and sounds in a bucket: an S3 server on this machine."""

import csv
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request

import numpy as np
import pytest
import soundfile

ROOT = pathlib.Path(__file__).parents[2]
BUCKET = "s3://clips"
# A name that has to be quoted in requests.
NAMES = [f"sound {number} (é+&).wav" for number in range(6)]
SMALL = [
    *["data.source=manifest", f"data.root={BUCKET}/data", "vocabulary.min_count=1", "training.batch_size=3"],
    *["encoder.units=8", "decoder.units=8", "decoder.embedding=4", "decoder.attention_units=4"],
]
EMBEDDED = [
    *["embedding.kind=ast", f"embedding.source={ROOT}/tests/embeddings/fixtures/ast/audioset"],
    f"data.embedding_folder={BUCKET}/embeddings",
]


@pytest.fixture(scope="module")
def environment():
    """Environment variables of a process that uses the server."""
    pytest.importorskip("tensorflow_io", reason="tensorflow-io has no build for Python 3.12 and later")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(120):
            try:
                urllib.request.urlopen(url, timeout=5).close()
                break
            except OSError:
                time.sleep(0.5)
        keys = {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any", "AWS_REGION": "us-east-1"}
        yield {**os.environ, **keys, "S3_ENDPOINT": url, "S3_USE_HTTPS": "0", "PYTHONPATH": str(ROOT)}
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def bucket(environment):
    """The bucket, with a dataset in `data`."""
    import boto3

    keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    bucket = boto3.resource("s3", endpoint_url=environment["S3_ENDPOINT"], **keys).create_bucket(Bucket="clips")
    for split, names in {"train": NAMES[:4], "validation": NAMES[4:]}.items():
        rows = [["file_name", "caption"], *([name, f"a noise number {name[6]}"] for name in names)]
        bucket.put_object(Key=f"data/{split}.csv", Body="".join(f"{a},{b}\n" for a, b in rows).encode())
    for seed, name in enumerate(NAMES):
        path = pathlib.Path(environment["AAC_TF_CACHE"], "remote.wav")
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 16000 + 3000 * seed), 16000)
        bucket.upload_file(str(path), f"data/{name}")
    return bucket


def run(environment, *command):
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr
    return done


def keys(bucket, prefix):
    return {item.key for item in bucket.objects.filter(Prefix=prefix)}


def history(bucket, name):
    return list(csv.DictReader(bucket.Object(f"{name}/history.csv").get()["Body"].read().decode().splitlines()))


@pytest.mark.slow
def test_a_run_lives_in_a_bucket(environment, bucket):
    folder = f"{BUCKET}/runs/demo"
    trained = run(environment, "train.py", "--run", folder, *SMALL, "training.epochs=1", "--json", "--config", "demo")
    assert trained.returncode == 0, trained.stderr
    assert json.loads(trained.stdout)["run"] == folder
    assert {"runs/demo/config.yaml", "runs/demo/checkpoints/last/checkpoint"} <= keys(bucket, "runs/demo/")
    assert any("tensorboard" in key for key in keys(bucket, "runs/demo/"))

    again = run(environment, "train.py", "--run", folder, *SMALL, "training.epochs=1", "--config", "demo")
    assert (again.returncode, f"{folder} already holds a run" in again.stderr) == (2, True)

    resumed = run(environment, "train.py", "--run", folder, "--resume", "training.epochs=3")
    assert resumed.returncode == 0, resumed.stderr
    assert [row["epoch"] for row in history(bucket, "runs/demo")] == ["1", "2", "3"]
    # Old checkpoints are deleted in the bucket, too.
    indices = [key for key in keys(bucket, "runs/demo/checkpoints/last") if key.endswith(".index")]
    assert len(indices) == 2

    sounds = [f"{BUCKET}/data/{NAMES[0]}", f"{BUCKET}/data/none.wav"]
    captioned = run(environment, "caption.py", "--run", folder, "--json", *sounds)
    assert captioned.returncode == 3, captioned.stderr
    first, second = map(json.loads, captioned.stdout.splitlines())
    assert first["file"] == sounds[0]
    assert "caption" in first
    assert second == {"file": sounds[1], "error": "no such file"}

    scored = run(environment, "evaluate.py", "--run", folder, "--split", "validation", "--metrics", "bleu")
    assert scored.returncode == 0, scored.stderr
    assert {"runs/demo/predictions-validation.csv", "runs/demo/metrics-validation.json"} <= keys(bucket, "runs/demo/")

    missing = run(environment, "caption.py", "--run", f"{BUCKET}/runs/none", sounds[0])
    assert missing.returncode == 2
    assert missing.stderr.strip() == f"error: {BUCKET}/runs/none is not a run folder: it has no config.yaml"


@pytest.mark.slow
def test_embeddings_are_stored_in_a_bucket(environment, bucket, tmp_path):
    (tmp_path / "small.yaml").write_text("name: small\n")
    options = [*SMALL, *EMBEDDED, "training.epochs=1", "--config", str(tmp_path / "small.yaml")]
    trained = run(environment, "train.py", "--run", str(tmp_path / "first"), *options)
    assert trained.returncode == 0, trained.stderr
    stored = {item.key: item.last_modified for item in bucket.objects.filter(Prefix="embeddings/")}
    assert stored
    again = run(environment, "train.py", "--run", str(tmp_path / "second"), *options)
    assert again.returncode == 0, again.stderr
    assert {item.key: item.last_modified for item in bucket.objects.filter(Prefix="embeddings/")} == stored
