"""`meijin play --web`: what is refused before anything is served, and what a served page may do."""

import asyncio
import os
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

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


# --- Who may play: a real server and a real client ------------------------------------------------


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of a server that runs as a process of its own."""
    pytest.importorskip("textual_serve")
    with socket.socket() as probe:
        probe.bind((web.HOST, 0))
        number = probe.getsockname()[1]
    command = [sys.executable, "-m", "scripts.cli", "play", "tic_tac_toe", "--opponent", "random"]
    server = subprocess.Popen(
        [*command, "--web", "--port", str(number)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(1200):
            with socket.socket() as probe:
                if probe.connect_ex((web.HOST, number)) == 0:
                    break
            assert server.poll() is None
            time.sleep(0.1)
        yield number
    finally:
        server.terminate()
        server.wait(60)


def status_of(port: int, path: str, headers: dict[str, str]) -> int:
    """The answer to a request; 101 is a connection that plays, on which something was drawn."""
    import aiohttp

    async def ask() -> int:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(120)) as client:
            url = f"http://{web.HOST}:{port}{path}"
            if path != "/ws":
                async with client.get(url, headers=headers) as answer:
                    return answer.status
            try:
                async with client.ws_connect(url, headers=headers) as connection:
                    while (await connection.receive()).type is not aiohttp.WSMsgType.BINARY:
                        pass
                    return 101
            except aiohttp.WSServerHandshakeError as error:
                return error.status

    return asyncio.run(ask())


def test_a_page_of_the_server_itself_may_play(port: int) -> None:
    assert status_of(port, "/", {}) == 200
    assert status_of(port, "/ws", {"Origin": f"http://{web.HOST}:{port}"}) == 101


def test_strangers_are_refused(port: int) -> None:
    own = f"{web.HOST}:{port}"
    for origin in (
        "http://evil.example",
        f"http://evil.example:{port}",
        "null",
        "http://127.0.0.1",
    ):
        assert status_of(port, "/ws", {"Origin": origin}) == 403
        assert status_of(port, "/", {"Origin": origin}) == 403
    assert status_of(port, "/ws", {}) == 403  # no browser
    for host in ("evil.example", f"evil.example:{port}", f"{own}.evil.example"):
        assert status_of(port, "/", {"Host": host}) == 403  # a name that was pointed at us
        assert status_of(port, "/ws", {"Host": host, "Origin": f"http://{host}"}) == 403


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere 127.0.0.2 is no address")
def test_other_addresses_of_this_machine_are_not_listened_on(port: int) -> None:
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.2", port)) != 0
