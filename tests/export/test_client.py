"""The client with servers of an exported model."""

import concurrent.futures
import contextlib
import importlib.util
import json
import os
import pathlib
import socket
import threading
import time

import pytest
from model_servers import grpc_server, rest_server

EXPORT = pathlib.Path(__file__).parents[2] / "export"


@pytest.fixture(scope="module")
def client():
    """The module `export/client.py`, which is not part of a package."""
    spec = importlib.util.spec_from_file_location("client", EXPORT / "client.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module", params=[rest_server, grpc_server])
def server(request, one_model):
    with request.param(one_model) as address:
        yield address


@pytest.fixture(scope="module")
def free_port():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        return free.getsockname()[1]


def assert_same(results, captions):
    assert [result.caption for result in results] == [caption.text for caption in captions]
    for result, caption in zip(results, captions):
        assert not result.error
        assert result.log_prob == pytest.approx(caption.log_prob, abs=1e-4)
        assert result.captions[1:] == [other.text for other in caption.alternatives]
        assert result.log_probs[1:] == pytest.approx([other.log_prob for other in caption.alternatives], abs=1e-4)


def test_captions_equal_those_of_the_captioner(client, server, wavs, expected):
    caption = client.Client(server).caption
    assert_same(caption(wavs, batch_size=2), expected)
    assert_same(caption([path.read_bytes() for path in wavs]), expected)
    assert caption([]) == []


def test_style(client, small_runs, wavs, capsys):
    run = small_runs["styles"]
    for serve in (rest_server, grpc_server):
        with serve(run.model) as server:
            assert_same(
                client.Client(server, style="clotho").caption(wavs), run.captioner.caption(wavs, style="clotho")
            )
            assert_same(client.Client(server).caption(wavs), run.captioner.caption(wavs, style="audiocaps"))
            assert client.main(["--server", server, "--style", "macs", str(wavs[0])]) == 1
            assert "no style macs: there are audiocaps, clotho, none" in capsys.readouterr().err


def test_eight_clients_at_once(client, server, wavs, expected):
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        for results in clients.map(lambda _: client.Client(server).caption(wavs), range(8)):
            assert_same(results, expected)


def test_bad_files_do_not_affect_the_others(client, server, wavs, expected, tmp_path):
    bad = tmp_path / "bad.wav"
    bad.write_text("no sound")
    results = client.Client(server).caption([bad, wavs[0], tmp_path / "none.wav", tmp_path, wavs[1]])
    assert_same([results[1], results[4]], expected[:2])
    errors = [results[index].error for index in (0, 2, 3)]
    assert errors == ["not a WAV file", "no such file or directory", "is a directory"]
    assert results[0].log_prob is None


def test_a_wrong_model_name(client, server, wavs):
    with pytest.raises(client.ServerError, match="is the model's name right"):
        client.Client(server, model="other").caption(wavs)


def test_command_line(client, server, wavs, expected, tmp_path, capsys):
    files = [str(wavs[0]), str(tmp_path / "none.wav"), str(wavs[1])]
    assert client.main(["--server", server, *files[:1]]) == 0
    assert capsys.readouterr().out == f"{wavs[0]}\t{expected[0].text}\n"
    assert client.main(["--server", server, "--json", "--batch", "2", *files]) == 3
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row["file"] for row in rows] == files
    assert rows[1]["error"] == "no such file or directory"
    assert rows[2]["caption"] == expected[1].text
    assert len(rows[2]["alternatives"]) == len(expected[1].alternatives)
    assert client.main(["--server", server, files[1]]) == 1


def test_requests_are_resent_while_the_server_starts(client, one_model, wavs, expected, monkeypatch):
    waits = []
    monkeypatch.setattr(client.time, "sleep", waits.append)
    with rest_server(one_model, busy=2) as address:
        assert_same(client.Client(address).caption(wavs[:1]), expected[:1])
    assert waits == [0.25, 0.5]
    with rest_server(one_model, busy=9) as address, pytest.raises(client.ServerError, match="503: still loading"):
        client.Client(address, retries=3).caption(wavs[:1])


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_no_server(client, scheme, free_port, wavs, monkeypatch, capsys):
    monkeypatch.setattr(client.time, "sleep", lambda seconds: None)
    address = f"{scheme}://localhost:{free_port}"
    with pytest.raises(client.ServerError, match=address):
        client.Client(address, retries=1).caption(wavs)
    assert client.main(["--server", address, "--retries", "0", str(wavs[0])]) == 1
    assert "error: " in capsys.readouterr().err


def test_a_server_of_another_model(client, wavs):
    for answer in (b"<html>", b'{"predictions": []}', b'{"outputs": {"probabilities": [1]}}', b'{"outputs": [1]}'):
        with (
            rest_server(None, broken=answer) as address,
            pytest.raises(client.ServerError, match=r"the response|another model"),
        ):
            client.Client(address).caption(wavs)


ROW = {"captions": [["a dog"]], "log_probs": [[-1.0]], "status": [""]}


@pytest.mark.parametrize(
    "change",
    [
        {"captions": [[]], "log_probs": [[]]},
        {"log_probs": [[float("nan")]]},
        {"log_probs": [[None]]},
        {"log_probs": [[-1e300]]},
        {"log_probs": [[float("inf")]]},
    ],
)
def test_a_response_without_a_caption_is_an_error_of_its_file(client, wavs, change):
    with rest_server(None, broken=json.dumps({"outputs": {**ROW, **change}}).encode()) as address:
        (result,) = client.Client(address).caption(wavs[:1])
    assert result.error == "the model found no caption"
    assert result.log_prob is None


@pytest.mark.parametrize(
    "answer",
    [
        b" ",
        b"null",
        b"[" * 200000,
        b"\xff\xfe",
        *(
            json.dumps({"outputs": {**ROW, **change}}).encode()
            for change in (
                {"captions": None},
                {"captions": "a"},
                {"captions": [["a", "b"]]},
                {"captions": [[7]]},
                {"captions": {"0": "a"}},
                {"log_probs": [["high"]]},
                {"log_probs": [[[-1.0]]]},
                {"status": [0]},
                {"status": ["", ""]},
            )
        ),
    ],
    ids=range(13),
)
def test_other_responses_are_errors_of_the_server(client, wavs, answer, capsys):
    with rest_server(None, broken=answer) as address:
        with pytest.raises(client.ServerError, match=r"the response|another model"):
            client.Client(address).caption(wavs[:1])
        assert client.main(["--server", address, str(wavs[0])]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_captions_that_the_terminal_lacks_are_printed(client, wavs, capsys):
    answer = {"outputs": {**ROW, "captions": [["caf\u00e9 \udcff\n\u2028x"]]}}
    with rest_server(None, broken=json.dumps(answer).encode()) as address:
        assert client.main(["--server", address, str(wavs[0])]) == 0
        assert client.main(["--server", address, "--json", str(wavs[0])]) == 0
    plain, row = capsys.readouterr().out.splitlines()
    assert plain.endswith("\tcaf\u00e9 \\udcff x")
    assert json.loads(row)["caption"] == answer["outputs"]["captions"][0][0]


@contextlib.contextmanager
def slow_server(start, piece, pause):
    """Answers each request with `start` and then `piece` for ever; yields the address."""
    listener = socket.create_server(("localhost", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=answer, args=[connection], daemon=True).start()

    def answer(connection):
        with connection, contextlib.suppress(OSError):
            connection.sendall(start)
            while True:
                connection.sendall(piece)
                time.sleep(pause)

    threading.Thread(target=serve, daemon=True).start()
    with listener:
        yield f"http://localhost:{listener.getsockname()[1]}"


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 500 No\r\n\r\n"])
def test_the_timeout_is_a_deadline(client, wavs, start):
    begin = time.monotonic()
    with slow_server(start, b"x", 0.1) as address, pytest.raises(client.ServerError, match="no response within 1 s"):
        client.Client(address, timeout=1).caption(wavs[:1])
    assert time.monotonic() - begin < 3


def test_endless_responses_are_not_kept(client, wavs, monkeypatch):
    monkeypatch.setattr(client, "MAX_RESPONSE", 1 << 20)
    with (
        slow_server(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 100000, 0) as address,
        pytest.raises(client.ServerError, match="larger than 1 MB"),
    ):
        client.Client(address).caption(wavs[:1])


def test_devices_and_huge_files_are_not_read(client, tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "fifo")
    with open(tmp_path / "huge", "wb") as file:
        file.truncate(client.MAX_SOUND + 1)
    results = client.Client("http://localhost:1").caption([tmp_path / "fifo", "/dev/zero", tmp_path / "huge", "a\0b"])
    errors = ["not a regular file", "not a regular file", "larger than 1024 MB", "a null byte in its name"]
    assert [result.error for result in results] == errors


@pytest.mark.parametrize(("timeout", "retries"), [(0, 1), (-1, 1), (float("nan"), 1), (float("inf"), 1), (1, -1)])
def test_numbers_out_of_range(client, timeout, retries):
    with pytest.raises(ValueError, match="timeout must be above 0"):
        client.Client("http://localhost:1", timeout=timeout, retries=retries)


def test_an_invalid_address(client, capsys):
    with pytest.raises(ValueError, match="grpc://HOST:PORT"):
        client.Client("localhost:8501")
    with pytest.raises(SystemExit):
        client.main(["--server", "localhost:8501", "a.wav"])
    assert "expected http://HOST:PORT" in capsys.readouterr().err


def test_server_configs_are_consistent(client):
    """`models.config` is valid for the server, and the files agree with each other and the client."""
    from google.protobuf import text_format
    from tensorflow_serving.config import model_server_config_pb2

    text = (EXPORT / "models.config").read_text()
    (model,) = text_format.Parse(text, model_server_config_pb2.ModelServerConfig()).model_config_list.config
    compose = (EXPORT / "docker-compose.yml").read_text()
    assert model.name == client.Client("http://localhost:8501")._call.url.split("/")[-1].split(":")[0]
    assert f":{model.base_path}:ro" in compose
    for name in ("models.config", "batching.config"):
        assert f"./{name}:/models/{name}:ro" in compose
