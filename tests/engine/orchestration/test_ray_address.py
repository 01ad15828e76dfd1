"""Addresses: read, and answered for within seconds whatever listens there."""

import socket
import subprocess
import threading
import time
from concurrent import futures
from types import SimpleNamespace

import pytest
from ray_runs import command

from engine.orchestration import ray_address
from engine.orchestration.ray_address import check_reachable, read_address
from engine.orchestration.ray_connection import join
from engine.orchestration.run_directory import RunError

grpc = pytest.importorskip("grpc")
pytest.importorskip("ray")

CLUSTER = "/ray.rpc.NodeInfoGcsService/GetClusterId"
CLIENT_SERVER = "/ray.rpc.RayletDriver/ClusterInfo"


@pytest.fixture
def grpc_server():
    """Start servers that answer given methods, as ``address = start({method: handler})``."""
    servers = []

    def start(handlers):
        class Handlers(grpc.GenericRpcHandler):
            def service(self, details):
                handler = handlers.get(details.method)
                return handler and grpc.unary_unary_rpc_method_handler(handler)

        server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handlers()])
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        server.stop(0)


def answer(request, context):
    return b""


def want_a_token(request, context):
    context.abort(grpc.StatusCode.UNAUTHENTICATED, "no token")


def sleep(request, context):
    time.sleep(8)
    return b""


def test_patience_with_an_address_is_less_than_ten_seconds_in_all():
    """Its name, the socket, the first bytes, and one question; a second follows an answer only."""
    assert 3 * ray_address._TRY_SECONDS + ray_address._ASK_SECONDS < 10


@pytest.mark.parametrize("text", ["go9", "10.0.0.1", "ray://host", "host:0", "host:99999", "a b:1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(RunError, match="is no address"):
        read_address(text)


def test_an_address_is_what_was_given_or_the_job_s_or_this_machine(monkeypatch):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert read_address("").local
    assert read_address("ray://h:1").client
    assert read_address("[::1]:6379").host == "::1"
    monkeypatch.setenv("RAY_ADDRESS", "10.1.2.3:6379")
    assert read_address("").text == "10.1.2.3:6379"


def test_closed_silent_and_foreign_ports_are_told_apart():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(RunError, match=f"127.0.0.1 port {port}.*no answer"):
            check_reachable(read_address(f"127.0.0.1:{port}"))

        def greet():
            for _ in range(2):  # the silent one's connection is first in the queue
                connection, _ = server.accept()
                with connection:
                    connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")

        threading.Thread(target=greet, daemon=True).start()
        with pytest.raises(RunError, match="does not speak gRPC"):
            check_reachable(read_address(f"ray://127.0.0.1:{port}"))
    with pytest.raises(RunError, match="refused"):
        check_reachable(read_address(f"127.0.0.1:{port}"))


@pytest.fixture
def member(monkeypatch):
    """``member(yes)``: whether this machine is a node of some cluster."""

    def be(yes):
        monkeypatch.setattr(ray_address, "_belongs_to_a_cluster", lambda: yes)

    be(True)
    return be


def test_a_cluster_that_this_machine_is_no_node_of_says_what_would_do(grpc_server, member):
    member(False)
    address = grpc_server({CLUSTER: answer})
    with pytest.raises(RunError, match=rf"ray start --address={address}.* --ray ray://127"):
        check_reachable(read_address(address))


def test_each_kind_of_address_is_asked_what_only_its_port_answers(grpc_server, member):
    check_reachable(read_address(grpc_server({CLUSTER: answer})))
    check_reachable(read_address(f"ray://{grpc_server({CLIENT_SERVER: answer})}"))


def test_a_mix_up_of_the_ports_is_named_with_what_was_meant(grpc_server):
    cluster = grpc_server({CLUSTER: answer})
    with pytest.raises(RunError, match=f"the cluster's own port; say --ray {cluster}$"):
        check_reachable(read_address(f"ray://{cluster}"))
    client_server = grpc_server({CLIENT_SERVER: want_a_token})
    with pytest.raises(RunError, match=f"client server; say --ray ray://{client_server}$"):
        check_reachable(read_address(client_server))


def test_what_speaks_grpc_and_is_not_ray_is_named(grpc_server):
    with pytest.raises(RunError, match="got: unimplemented"):
        check_reachable(read_address(grpc_server({})))
    with pytest.raises(RunError, match="got: deadline exceeded"):
        check_reachable(read_address(grpc_server({CLUSTER: sleep})))


def test_a_cluster_that_wants_a_token_says_how_to_show_one(grpc_server, monkeypatch, member):
    address = read_address(grpc_server({CLUSTER: want_a_token}))
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    with pytest.raises(RunError, match="RAY_AUTH_MODE=token"):
        check_reachable(address)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    check_reachable(address)  # Ray shows it itself


@pytest.mark.parametrize("kind", ["", "ray://"])
def test_a_wrong_address_gets_one_line_and_leaves_nothing_behind(kind, grpc_server, tmp_path):
    address = kind + grpc_server({})
    result = subprocess.run(
        command(tmp_path / "run", "--ray", address), capture_output=True, text=True, timeout=300
    )
    assert result.returncode != 0
    assert address in result.stderr and len(result.stderr.splitlines()) == 1, result.stderr
    assert not (tmp_path / "run").exists()


def test_a_game_taken_for_the_address_is_told_where_it_belongs():
    with pytest.raises(RunError, match="put a game before it"):
        read_address("connect_four")


def test_auto_without_a_cluster_is_told_in_words_of_our_own():
    def init(**options):
        raise ConnectionError("Could not find any running Ray instance")

    with pytest.raises(RunError, match=r"no cluster of this machine .* Could not find any"):
        join(SimpleNamespace(init=init), read_address("auto"))
