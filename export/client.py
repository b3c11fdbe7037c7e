"""Captions sound files with a served model, through the REST or gRPC interface of TF Serving.

    python client.py --server http://localhost:8501 dog.wav rain.wav
    python client.py --server grpc://localhost:8500 --json dog.wav rain.wav

As a library: `Client("grpc://localhost:8500").caption(["dog.wav"])`. This file does not import the rest of the project.
REST needs only Python; gRPC needs `tensorflow-serving-api`.
"""

import argparse
import base64
import dataclasses
import http.client
import json
import math
import os
import pathlib
import queue
import socket
import stat
import sys
import threading
import time
import urllib.error
import urllib.request
from typing import List, Optional
from urllib.parse import urlsplit

# Requests ask for all outputs, as a server batches only requests for all outputs of a signature.
SIGNATURE, STYLED_SIGNATURE = "wav_to_text", "wav_to_text_in_style"
OUTPUTS = ("captions", "log_probs", "status")
# Log-probabilities below this mark missing captions.
NO_CAPTION = -1e30
# Bounds of what is read into memory, in bytes.
MAX_SOUND = 1 << 30
MAX_RESPONSE = 1 << 26
# Errors after which a request is sent again: HTTP codes, and names of gRPC codes.
TRANSIENT = (429, 502, 503, 504, "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED")
ADVICE = {
    404: "; is the model's name right, and has the server loaded it?",
    "NOT_FOUND": "; is the model's name right, and has the server loaded it?",
    413: "; send fewer files at once (--batch-size)",
}
OK, FAILED, MISUSED, PARTLY, INTERRUPTED = 0, 1, 2, 3, 130


class ServerError(Exception):
    """A server cannot be reached, or rejected a request.

    Args:
        reason: str.
        code: HTTP status, or name of a gRPC status; None if there was no response.
    """

    def __init__(self, reason, code=None):
        super().__init__(reason)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Result:
    """The result for a sound.

    Attributes:
        caption: str, the best caption; empty if there is none.
        log_prob: float, natural logarithm of its probability; None if there is no caption.
        captions: list of str, all captions of the search, best first.
        log_probs: list of float, their log-probabilities.
        error: str, why there is no caption; empty if there is one.
    """

    caption: str
    log_prob: Optional[float]
    captions: List[str]
    log_probs: List[float]
    error: str = ""


class Client:
    """A client of a served captioner.

    Args:
        server: str, `http://HOST:PORT` or `https://HOST:PORT` for REST (port 8501 of TF Serving), `grpc://HOST:PORT`
            for gRPC (port 8500).
        model: str, name of the model on the server.
        version: int, version of the model; None takes the latest.
        timeout: float, seconds until a request must be answered completely.
        retries: int, how often a request is sent again if the server is not ready or overloaded.
        style: str, style of the captions, of a model that was trained with styles; None for the model's default.

    Raises:
        ValueError: if the address has another form.
    """

    def __init__(self, server, model="captioner", version=None, timeout=60.0, retries=5, style=None):
        address = urlsplit(server)
        if address.scheme not in ("http", "https", "grpc") or not address.netloc:
            raise ValueError(f"expected http://HOST:PORT, https://HOST:PORT or grpc://HOST:PORT, got {server}")
        if not 0 < timeout < float("inf") or retries < 0:
            raise ValueError(f"timeout must be above 0 and finite, and retries at least 0, got {timeout} and {retries}")
        self.server = server
        self.timeout = timeout
        self.retries = retries
        arguments = (model, version, style)
        self._call = _Grpc(address, *arguments) if address.scheme == "grpc" else _Rest(server, *arguments)

    def caption(self, sounds, batch_size=8):
        """Captions sounds.

        Args:
            sounds: list of paths of WAV files, or of their contents as bytes.
            batch_size: int, maximum number of sounds per request.

        Returns:
            list of `Result`, in the order of the input; `error` is set for files that are missing or not WAV files.

        Raises:
            ServerError: if the server cannot be reached, or rejects a request.
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
        columns = [outputs.get(name) for name in OUTPUTS] if isinstance(outputs, dict) else [None]
        if not all(isinstance(column, list) and len(column) == len(wavs) for column in columns):
            raise ServerError(f"{self.server} serves another model: its response lacks one of {', '.join(OUTPUTS)}")
        rows = list(zip(*columns))
        if not all(map(_is_row, rows)):
            raise ServerError(f"{self.server} serves another model: its response has values of other types")
        return [_result(*row) for row in rows]

    def _with_retries(self, wavs):
        for attempt in range(self.retries + 1):
            try:
                return self._call(wavs, self.timeout)
            except ServerError as error:
                transient = error.code is None or error.code in TRANSIENT
                if not transient or attempt == self.retries:
                    raise ServerError(f"{self.server}: {error}{ADVICE.get(error.code, '')}", error.code) from error
                time.sleep(0.25 * 2**attempt)


class _Rest:
    """Calls the REST interface of a server."""

    def __init__(self, server, model, version, style):
        version = "" if version is None else f"/versions/{version}"
        self.style = style
        self.url = f"{server.rstrip('/')}/v1/models/{model}{version}:predict"

    def __call__(self, wavs, timeout):
        body = {
            "signature_name": SIGNATURE,
            "inputs": {"wav_bytes": [{"b64": base64.b64encode(wav).decode()} for wav in wavs]},
        }
        if self.style is not None:
            body["signature_name"], body["inputs"]["style"] = STYLED_SIGNATURE, [self.style] * len(wavs)
        body = json.dumps(body).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})
        try:
            return json.loads(_within(timeout, lambda: self._post(request, timeout)))["outputs"]
        except urllib.error.HTTPError as error:
            raise ServerError(f"HTTP {error.code}: {error.reason}", error.code) from error
        except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, (TimeoutError, socket.timeout)):  # two classes before Python 3.10
                raise ServerError(f"no response within {timeout:g} s", "TIMEOUT") from error
            raise ServerError(f"cannot be reached: {reason}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise ServerError("the response is not that of a model server", "RESPONSE") from error

    def _post(self, request, timeout):
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return _bounded(answer)
        except urllib.error.HTTPError as error:
            # The reason is part of the response, which must arrive in time, too.
            error.msg = _http_reason(error)
            raise


def _within(timeout, work):
    """The result of a function, or `TimeoutError`: the timeout of a socket starts anew with each byte that arrives."""
    done = queue.Queue()

    def run():
        try:
            done.put((work(), None))
        except BaseException as error:
            done.put((None, error))

    # A daemon, so that an unfinished response does not keep the program from exiting.
    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = done.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return result


def _bounded(answer):
    """Reads a response."""
    content = answer.read(MAX_RESPONSE + 1)
    if len(content) > MAX_RESPONSE:
        raise ServerError(f"the response is larger than {MAX_RESPONSE >> 20} MB", "RESPONSE")
    return content


def _http_reason(error):
    try:
        text = _bounded(error).decode(errors="replace")
    except (OSError, http.client.HTTPException):
        return str(error.reason)
    try:
        text = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError, RecursionError):
        text = text.strip() or error.reason
    return " ".join(str(text)[:500].split())


class _Grpc:
    """Calls the gRPC interface of a server, its PredictionService."""

    def __init__(self, address, model, version, style):
        # Imported here, as REST does not need TensorFlow.
        import grpc
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        # A minute of sound exceeds gRPC's default limit of 4 MB.
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", MAX_RESPONSE)]
        self._channel = grpc.insecure_channel(address.netloc, options)
        self._predict = prediction_service_pb2_grpc.PredictionServiceStub(self._channel).Predict
        self._error = grpc.RpcError
        self._empty = predict_pb2.PredictRequest()
        self._empty.model_spec.name = model
        self._empty.model_spec.signature_name = SIGNATURE if style is None else STYLED_SIGNATURE
        self._style = style
        if version is not None:
            self._empty.model_spec.version.value = version

    def __call__(self, wavs, timeout):
        request = type(self._empty)()
        request.CopyFrom(self._empty)
        inputs = {"wav_bytes": wavs}
        if self._style is not None:
            inputs["style"] = [self._style.encode()] * len(wavs)
        for name, values in inputs.items():
            request.inputs[name].dtype = 7  # DT_STRING
            request.inputs[name].tensor_shape.dim.add(size=len(wavs))
            request.inputs[name].string_val.extend(values)
        try:
            answer = self._predict(request, timeout=timeout)
        except self._error as error:
            code = error.code().name
            reason = f"no response within {timeout:g} s" if code == "DEADLINE_EXCEEDED" else error.details()
            if code == "RESOURCE_EXHAUSTED" and "larger than max" in str(reason):
                code = "RESPONSE"  # the same request would get the same response
            raise ServerError(f"{code}: {reason}", code) from error
        try:
            return {name: _rows(answer.outputs[name]) for name in OUTPUTS if name in answer.outputs}
        except (ValueError, TypeError, KeyError) as error:
            raise ServerError("the response is not that of a model server", "RESPONSE") from error


def _rows(tensor):
    """Converts a TensorProto of strings or numbers to nested lists."""
    from tensorflow import make_ndarray

    # A shape can ask for more than the message holds.
    if math.prod(max(dim.size, 0) for dim in tensor.tensor_shape.dim) > MAX_RESPONSE:
        raise ValueError("the shape of a tensor is too large")
    return _decoded(make_ndarray(tensor).tolist())


def _decoded(values):
    if isinstance(values, list):
        return [_decoded(value) for value in values]
    return values.decode(errors="replace") if isinstance(values, bytes) else values


def _read(sound):
    """Returns the bytes of a sound, or a `Result` with the error if they cannot be read."""
    if isinstance(sound, (bytes, bytearray)):
        return bytes(sound)
    try:
        found = os.stat(sound)
        if stat.S_ISDIR(found.st_mode):
            return _failed("is a directory")
        if not stat.S_ISREG(found.st_mode):
            return _failed("not a regular file")  # reading it may never end
        if found.st_size > MAX_SOUND:
            return _failed(f"larger than {MAX_SOUND >> 20} MB")
        return pathlib.Path(sound).read_bytes()
    except OSError as error:
        return _failed((error.strerror or str(error)).lower())
    except ValueError:
        return _failed("a null byte in its name")


def _is_row(row):
    """Whether it is captions, their log-probabilities, and a status."""
    captions, log_probs, status = row
    return (
        isinstance(status, str)
        and isinstance(captions, list)
        and isinstance(log_probs, list)
        and len(captions) == len(log_probs)
        and all(isinstance(caption, str) for caption in captions)
        # JSON has no NaN; TF Serving writes it nevertheless, others write null.
        and all(value is None or isinstance(value, (int, float)) for value in log_probs)
    )


def _result(captions, log_probs, status):
    if status:
        return _failed(status)
    found = [
        (caption, value)
        for caption, value in zip(captions, log_probs)
        if value is not None and math.isfinite(value) and value > NO_CAPTION
    ]
    if not found:
        return _failed("the model found no caption")
    captions, log_probs = [caption for caption, _ in found], [value for _, value in found]
    return Result(captions[0], log_probs[0], captions, log_probs)


def _failed(reason):
    return Result("", None, [], [], reason)


def main(arguments=None):
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="client.py",
        description="Caption WAV files with a served model.",
        epilog="example:\n  client.py --server grpc://localhost:8500 --model captioner dog.wav rain.wav\n\n"
        "exit codes: 0 done; 1 failed; 2 wrong usage; 3 done, but some files were skipped; 130 interrupted",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--server",
        default="http://localhost:8501",
        help="http://HOST:PORT for REST, grpc://HOST:PORT for gRPC (default: %(default)s)",
    )
    parser.add_argument("--model", default="captioner", help="name of the model on the server (default: %(default)s)")
    parser.add_argument("--version", type=int, metavar="N", help="version of the model (default: the latest)")
    parser.add_argument(
        "--batch-size",
        type=int,
        default=8,
        metavar="N",
        help="maximum number of files per request (default: %(default)s)",
    )
    parser.add_argument(
        "--timeout",
        type=float,
        default=60.0,
        metavar="S",
        help="seconds until a request must be answered completely (default: %(default)s)",
    )
    parser.add_argument(
        "--retries", type=int, default=5, metavar="N", help="how often to resend a request (default: %(default)s)"
    )
    parser.add_argument("--style", metavar="NAME", help="style of captions, of a model with styles (default: its own)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per file, with alternatives")
    parser.add_argument("files", nargs="+", metavar="FILE", help="WAV file")
    options = parser.parse_args(arguments)
    if options.batch_size < 1:
        parser.error("--batch-size must be at least 1")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # names and captions may have characters that it lacks
    # gRPC's stubs import TensorFlow, which prints messages about the machine.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        client = Client(options.server, options.model, options.version, options.timeout, options.retries, options.style)
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
    skipped = 0
    for start in range(0, len(options.files), options.batch_size):
        files = options.files[start : start + options.batch_size]
        for file, result in zip(files, client.caption(files, options.batch_size)):
            skipped += bool(result.error)
            if result.error:
                print(f"skipped: {file}: {result.error}", file=sys.stderr)
            if options.json:
                print(_json_line(_row(file, result)), flush=True)
            elif not result.error:
                print(f"{file}\t{' '.join(result.caption.split())}", flush=True)
    if not skipped:
        return OK
    return FAILED if skipped == len(options.files) else PARTLY


def _json_line(row):
    """A line of JSON, readable if standard output has all its characters."""
    line = json.dumps(row, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(row)
    return line


def _row(file, result):
    if result.error:
        return {"file": file, "error": result.error}
    further = zip(result.captions[1:], result.log_probs[1:])
    alternatives = [{"caption": caption, "log_prob": log_prob} for caption, log_prob in further]
    return {"file": file, "caption": result.caption, "log_prob": result.log_prob, "alternatives": alternatives}


if __name__ == "__main__":
    sys.exit(main())
