"""The port of the page."""

import socket

import pytest

from aac_tf.page import serve
from aac_tf.page.serve import find_port

HOST = "127.0.0.1"


def test_a_port_that_is_taken_is_refused():
    with socket.create_server((HOST, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ValueError, match=rf"cannot listen on port {port} of 127.0.0.1 \(Address already in use\): .* with --port"
        ):
            find_port(HOST, port)
    assert find_port(HOST, port) == port


def test_without_a_port_the_first_free_one_is_taken(monkeypatch):
    with socket.create_server((HOST, 0)) as taken:
        monkeypatch.setattr(serve, "FIRST_PORT", taken.getsockname()[1])
        assert find_port(HOST) > serve.FIRST_PORT


def test_a_name_of_no_host_is_refused_at_the_first_port(monkeypatch):
    tried = []

    def create_server(address):
        tried.append(address)
        raise OSError(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "create_server", create_server)
    with pytest.raises(ValueError, match=r"--host no\.such\.host is no address of this machine"):
        find_port("no.such.host")
    assert len(tried) == 1
