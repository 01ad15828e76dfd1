"""`meijin play --web`: what is refused before anything is served, and what a served page may do."""

import os
import select
import socket
import subprocess
import sys

import pytest

from agents.agent import AgentError
from agents.terminal import web


def test_without_textual_serve_the_line_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "textual_serve.server", None)
    with pytest.raises(AgentError, match=r"pip install 'meijin\[web\]'"):
        web.serve(["connect_four"], port=8000)


def test_a_port_that_is_taken_is_refused_in_one_line() -> None:
    pytest.importorskip("textual_serve")
    with socket.socket() as other:
        other.bind((web.HOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(AgentError, match=f"cannot serve on 127.0.0.1:{port}: .*--port"):
            web.serve(["connect_four"], port=port)


def test_a_process_knows_that_it_draws_for_a_browser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEXTUAL_DRIVER", raising=False)
    assert not web.is_served()
    monkeypatch.setenv("TEXTUAL_DRIVER", "textual.drivers.web_driver:WebDriver")
    assert web.is_served()


@pytest.mark.skipif(os.name == "nt", reason="pipes are not watched there")
def test_a_served_game_ends_when_its_server_is_gone() -> None:
    environment = {**os.environ, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"}
    command = [sys.executable, "-m", "scripts.cli", "play", "tic_tac_toe"]
    served = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert b"__GANGLION__" in os.read(served.stdout.fileno(), 65536)
        while select.select([served.stdout], [], [], 3)[0]:  # until everything is drawn
            assert os.read(served.stdout.fileno(), 65536)
        served.stdin.close()
        served.stdout.close()
        served.wait(60)
    finally:
        served.kill()
