"""Captions sound files with a served model, through TF Serving's REST or gRPC interface.

    python client.py --server http://localhost:8501 dog.wav rain.wav
    python client.py --server grpc://localhost:8500 --json dog.wav rain.wav

As a library: `Client("grpc://localhost:8500").caption(["dog.wav"])`. This file needs nothing else of the project; REST
needs Python alone, gRPC `tensorflow-serving-api`.
"""

import argparse
import base64
import dataclasses
import http.client
import json
import os
import pathlib
import socket
import sys
import time
import urllib.error
import urllib.request
from typing import List, Optional
from urllib.parse import urlsplit

# All its outputs are asked for, as a server batches only requests for the whole of a signature.
SIGNATURE = "wav_to_text"
OUTPUTS = ("captions", "log_probs", "status")
# Log-probabilities below this stand for captions that there are not.
NO_CAPTION = -1e30
# What passes when one asks again: HTTP codes, and names of gRPC's.
PASSING = (429, 502, 503, 504, "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED")
ADVICE = {
    404: "; is the model's name right, and has the server loaded it?",
    "NOT_FOUND": "; is the model's name right, and has the server loaded it?",
    413: "; send fewer files at once (--batch)",
}
OK, FAILED, MISUSED, PARTLY, INTERRUPTED = 0, 1, 2, 3, 130


class ServerError(Exception):
    """A server that cannot be reached, or that refused a request.

    Args:
        reason: str.
        code: HTTP status, or name of a gRPC status; None where no answer came.
    """

    def __init__(self, reason, code=None):
        super().__init__(reason)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Result:
    """What the server makes of a sound.

    Attributes:
        caption: str, empty where there is none.
        log_prob: natural logarithm of its probability; None where there is none.
        captions: all captions of the beam, best first.
        log_probs: theirs.
        error: why there is no caption; empty where there is one.
    """

    caption: str
    log_prob: Optional[float]
    captions: List[str]
    log_probs: List[float]
    error: str = ""


class Client:
    """A served captioner.

    Args:
        server: `http://HOST:PORT` for REST (TF Serving's port 8501), or `https://`; `grpc://HOST:PORT` for gRPC (8500).
        model: the model's name on the server.
        version: int; None takes the latest.
        timeout: seconds for a request.
        retries: how often a request is sent again when the server is not there yet or has too much to do.

    Raises:
        ValueError: for an address that is neither.
    """

    def __init__(self, server, model="captioner", version=None, timeout=60.0, retries=5):
        address = urlsplit(server)
        if address.scheme not in ("http", "https", "grpc") or not address.netloc:
            raise ValueError(f"expected http://HOST:PORT, https://HOST:PORT or grpc://HOST:PORT, got {server}")
        self.server = server
        self.timeout = timeout
        self.retries = retries
        self._call = _Grpc(address, model, version) if address.scheme == "grpc" else _Rest(server, model, version)

    def caption(self, sounds, batch_size=8):
        """Captions sounds.

        Args:
            sounds: list whose items are paths of WAV files, or bytes of such.
            batch_size: int, most sounds that are sent in one request.

        Returns:
            list of `Result`, in the order of the input. One whose file is missing or no WAV has an `error`.

        Raises:
            ServerError: if the server cannot be reached, or refuses.
        """
        results = []
        for start in range(0, len(sounds), batch_size):
            results.extend(self._caption_batch(sounds[start : start + batch_size]))
        return results

    def _caption_batch(self, sounds):
        read = [_read(sound) for sound in sounds]
        wavs = [item for item in read if isinstance(item, bytes)]
        answers = iter(self._ask(wavs) if wavs else ())
        return [next(answers) if isinstance(item, bytes) else item for item in read]

    def _ask(self, wavs):
        outputs = self._with_retries(wavs)
        try:
            rows = list(zip(*(outputs[name] for name in OUTPUTS)))
        except (KeyError, TypeError):
            rows = []
        if len(rows) != len(wavs):
            raise ServerError(f"{self.server} serves another model: its answer lacks one of {', '.join(OUTPUTS)}")
        return [_result(*row) for row in rows]

    def _with_retries(self, wavs):
        for attempt in range(self.retries + 1):
            try:
                return self._call(wavs, self.timeout)
            except ServerError as error:
                passing = error.code is None or error.code in PASSING
                if not passing or attempt == self.retries:
                    raise ServerError(f"{self.server}: {error}{ADVICE.get(error.code, '')}", error.code) from error
                time.sleep(0.25 * 2**attempt)


class _Rest:
    """Calls a server's `:predict` with JSON."""

    def __init__(self, server, model, version):
        version = "" if version is None else f"/versions/{version}"
        self.url = f"{server.rstrip('/')}/v1/models/{model}{version}:predict"

    def __call__(self, wavs, timeout):
        sounds = [{"b64": base64.b64encode(wav).decode()} for wav in wavs]
        body = json.dumps({"signature_name": SIGNATURE, "inputs": {"wav_bytes": sounds}}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return json.load(answer)["outputs"]
        except urllib.error.HTTPError as error:
            raise ServerError(_http_reason(error), error.code) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, (TimeoutError, socket.timeout)):  # two classes before Python 3.10
                raise ServerError(f"no answer within {timeout:g} s", "TIMEOUT") from error
            raise ServerError(f"not reached: {reason}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ServerError("the answer is not that of a model server", "ANSWER") from error


def _http_reason(error):
    text = error.read().decode(errors="replace")
    try:
        text = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        text = text.strip() or error.reason
    return f"HTTP {error.code}: {str(text)[:500]}"


class _Grpc:
    """Calls a server's PredictionService."""

    def __init__(self, address, model, version):
        # Imported here: REST shall not wait for TensorFlow, nor need it.
        import grpc
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        # A minute of sound is more than the 4 MB that gRPC lets through by itself.
        options = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
        self._channel = grpc.insecure_channel(address.netloc, options)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel).Predict
        self._error = grpc.RpcError
        self._empty = predict_pb2.PredictRequest()
        self._empty.model_spec.name = model
        self._empty.model_spec.signature_name = SIGNATURE
        if version is not None:
            self._empty.model_spec.version.value = version

    def __call__(self, wavs, timeout):
        request = type(self._empty)()
        request.CopyFrom(self._empty)
        tensor = request.inputs["wav_bytes"]
        tensor.dtype = 7  # DT_STRING
        tensor.tensor_shape.dim.add(size=len(wavs))
        tensor.string_val.extend(wavs)
        try:
            answer = self._predict(request, timeout=timeout)
        except self._error as error:
            code = error.code().name
            reason = f"no answer within {timeout:g} s" if code == "DEADLINE_EXCEEDED" else error.details()
            raise ServerError(f"{code}: {reason}", code) from error
        return {name: _rows(tensor) for name, tensor in answer.outputs.items()}


def _rows(tensor):
    """A TensorProto of strings or numbers as nested lists."""
    from tensorflow import make_ndarray

    return _decoded(make_ndarray(tensor).tolist())


def _decoded(values):
    if isinstance(values, list):
        return [_decoded(value) for value in values]
    return values.decode() if isinstance(values, bytes) else values


def _read(sound):
    """A sound's bytes, or the `Result` that says why there are none."""
    if isinstance(sound, (bytes, bytearray)):
        return bytes(sound)
    try:
        return pathlib.Path(sound).read_bytes()
    except OSError as error:
        return Result("", None, [], [], (error.strerror or str(error)).lower())


def _result(captions, log_probs, status):
    if status:
        return Result("", None, [], [], status)
    found = [(caption, value) for caption, value in zip(captions, log_probs) if value > NO_CAPTION]
    captions, log_probs = [caption for caption, _ in found], [value for _, value in found]
    return Result(captions[0], log_probs[0], captions, log_probs)


def main(arguments=None):
    """Parses and runs; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="client.py",
        description="Caption WAV files with a served model.",
        epilog="example:\n  client.py --server grpc://localhost:8500 --model captioner dog.wav rain.wav\n\n"
        "exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but some files were left out; 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--server", default="http://localhost:8501", help="http://HOST:PORT for REST, grpc://HOST:PORT for gRPC"
    )
    parser.add_argument("--model", default="captioner", help="the model's name on the server")
    parser.add_argument("--version", type=int, help="the model's version (default: the latest)")
    parser.add_argument("--batch-size", type=int, default=8, help="most files in one request (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds for a request")
    parser.add_argument("--retries", type=int, default=5, help="how often a request is sent again")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, with alternatives")
    parser.add_argument("files", nargs="+", metavar="FILE", help="WAV")
    options = parser.parse_args(arguments)
    if options.batch_size < 1:
        parser.error("--batch-size must be at least 1")
    # gRPC's stubs import TensorFlow, which would talk about the machine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        client = Client(options.server, options.model, options.version, options.timeout, options.retries)
        return _print(client, options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except ValueError as error:
        parser.error(str(error))
    except ImportError as error:
        print(f"error: {error}; grpc:// needs it: pip install tensorflow-serving-api", file=sys.stderr)
    except ServerError as error:
        print(f"error: {error}", file=sys.stderr)
    return FAILED


def _print(client, options):
    bad = 0
    for start in range(0, len(options.files), options.batch_size):
        files = options.files[start : start + options.batch_size]
        for file, result in zip(files, client.caption(files, options.batch_size)):
            bad += bool(result.error)
            if result.error:
                print(f"left out: {file}: {result.error}", file=sys.stderr)
            if options.json:
                print(json.dumps(_row(file, result), ensure_ascii=False), flush=True)
            elif not result.error:
                print(f"{file}\t{result.caption}", flush=True)
    if not bad:
        return OK
    return FAILED if bad == len(options.files) else PARTLY


def _row(file, result):
    if result.error:
        return {"file": file, "error": result.error}
    further = zip(result.captions[1:], result.log_probs[1:])
    alternatives = [{"caption": caption, "log_prob": log_prob} for caption, log_prob in further]
    return {"file": file, "caption": result.caption, "log_prob": result.log_prob, "alternatives": alternatives}


if __name__ == "__main__":
    sys.exit(main())
