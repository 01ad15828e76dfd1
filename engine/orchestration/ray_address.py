"""Addresses of Ray clusters: read, and tried with a plain socket before Ray waits for minutes."""

from __future__ import annotations

import importlib.util
import os
import re
import socket
import threading
import time
from dataclasses import dataclass
from typing import Any

import psutil

from engine.orchestration.run_directory import RunError

LOCAL, AUTO = "local", "auto"
_CLIENT_PREFIX = "ray://"
_TRY_SECONDS = 2.0  # each of: the name, the socket, its first bytes
_ASK_SECONDS = 3.0
_HOST_AND_PORT = re.compile(r"(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})")

# The first bytes of an HTTP/2 connection (RFC 9113, section 3.4), with empty settings. Ray's
# ports speak gRPC, so whatever is Ray answers with settings of its own (frame type 4).
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
_SETTINGS = 4

# What only the one or the other port of Ray answers, and at once, however busy the cluster is.
# The requests are protocol buffers: an empty one, and ``type = PING``.
_ASK_CLUSTER = ("/ray.rpc.NodeInfoGcsService/GetClusterId", b"")
_ASK_CLIENT_SERVER = ("/ray.rpc.RayletDriver/ClusterInfo", b"\x08\x06")


@dataclass(frozen=True, slots=True)
class RayAddress:
    """Where a run's workers shall be."""

    text: str  # as Ray takes it; "local" starts Ray on this machine
    host: str = ""
    port: int = 0

    @property
    def local(self) -> bool:
        """Whether Ray is started for this run on this machine alone."""
        return self.text == LOCAL

    @property
    def client(self) -> bool:
        """Whether the driver stays outside of the cluster (Ray Client)."""
        return self.text.startswith(_CLIENT_PREFIX)


def read_address(text: str) -> RayAddress:
    """What ``--ray`` was given; nothing means this machine, or the cluster a job runs in.

    Raises:
        RunError: it is no address.
    """
    text = text.strip() or os.environ.get("RAY_ADDRESS", "").strip() or LOCAL
    if text in {LOCAL, AUTO}:
        return RayAddress(text)
    match = _HOST_AND_PORT.fullmatch(text.removeprefix(_CLIENT_PREFIX))
    if match is None or not 0 < int(match[2]) < 65536:
        raise RunError(
            f"--ray {text!r} is no address; give HOST:PORT of a cluster (6379 by default), "
            "ray://HOST:10001, auto for the one of this machine, or nothing; what follows --ray is "
            "taken for the address, so put a game before it"
        )
    return RayAddress(text, host=match[1].strip("[]"), port=int(match[2]))


def check_reachable(address: RayAddress) -> None:
    """See within ten seconds whether Ray listens there, by questions that only Ray answers.

    ``ray.init`` would try for up to eighty seconds, and say of what answers otherwise no more than
    that it is not Ray.

    Raises:
        RunError: what was tried, and what came of it; or Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise RunError(
            "--ray needs Ray, which is not installed: pip install ray; without --ray everything "
            "runs on this machine"
        )
    if not address.port or os.environ.get("RAY_USE_TLS") == "1":
        return
    where = f"{address.host} port {address.port}"
    begin = time.monotonic()
    try:
        _look_up(address.host, address.port)
        with socket.create_connection((address.host, address.port), _TRY_SECONDS) as connection:
            connection.settimeout(_TRY_SECONDS)
            connection.sendall(_PREFACE)
            answer = _read(connection, 9)
    except OSError as error:
        seconds = time.monotonic() - begin
        said = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
        raise RunError(
            f"no Ray at {address.text}: tried {where} for {seconds:.1f} s: {said}; is the cluster "
            "up (ray status), and the port open to this machine?"
        ) from error
    if len(answer) < 9 or answer[3] != _SETTINGS:
        raise RunError(
            f"no Ray at {address.text}: something listens on {where}, but it does not speak gRPC; "
            "a cluster's port is 6379 by default, of ray:// it is 10001"
        )
    _ask_for_ray(address)
    if not address.client and not _belongs_to_a_cluster():
        raise RunError(
            f"{address.text} is a cluster, but this machine does not belong to it (no raylet runs "
            f"here); do that first (ray start --address={address.text}), or say --ray "
            f"ray://{address.host}:10001 from outside"
        )


def _belongs_to_a_cluster() -> bool:
    """Whether a node of some cluster runs on this machine; without one Ray gives up in silence."""
    return any(
        process.info["name"] == "raylet" and process.info["status"] != psutil.STATUS_ZOMBIE
        for process in psutil.process_iter(["name", "status"])
    )


def _ask_for_ray(address: RayAddress) -> None:
    """Put the question that the port of this kind of address answers.

    Raises:
        RunError: it is not answered, or it is the port of the other kind.
    """
    import grpc

    wanted, other = _ASK_CLUSTER, _ASK_CLIENT_SERVER
    if address.client:
        wanted, other = other, wanted
    target = address.text.removeprefix(_CLIENT_PREFIX)
    options = [("grpc.enable_http_proxy", 0)]  # as Ray does
    with grpc.insecure_channel(target, options) as channel:
        fault = _fault_of(channel, *wanted)
        if fault is None:
            return
        said = f"no Ray at {address.text}: "
        if fault is grpc.StatusCode.UNAUTHENTICATED:
            if os.environ.get("RAY_AUTH_MODE", "").lower() == "token":
                return  # Ray shows the token itself
            raise RunError(
                f"{said}the cluster there wants a token; set RAY_AUTH_MODE=token, and have the "
                "cluster's token in ~/.ray/auth_token (or RAY_AUTH_TOKEN)"
            )
        mixed_up = fault is grpc.StatusCode.UNIMPLEMENTED and _fault_of(channel, *other) in {
            None,
            grpc.StatusCode.UNAUTHENTICATED,
        }
        if mixed_up:
            right = target if address.client else f"{_CLIENT_PREFIX}{target}"
            what = "the cluster's own port" if address.client else "Ray's client server"
            raise RunError(f"{said}{target} is {what}; say --ray {right}")
    answer = fault.name.lower().replace("_", " ")
    raise RunError(
        f"{said}asked {target} whether it is Ray, and got: {answer}; a cluster's "
        "port is 6379 by default, of ray:// it is 10001"
    )


def _fault_of(channel: Any, method: str, request: bytes) -> Any:
    """The status with which a question failed; None where it was answered."""
    import grpc

    try:
        channel.unary_unary(method)(request, timeout=_ASK_SECONDS)
    except grpc.RpcError as error:
        return error.code()
    return None


def _look_up(host: str, port: int) -> None:
    """Fail where a name is not known, or not answered for: asking it has no time limit itself."""
    failure: list[OSError] = [TimeoutError()]

    def ask() -> None:
        try:
            socket.getaddrinfo(host, port)
            failure.clear()
        except OSError as error:
            failure[:] = [error]

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_TRY_SECONDS)
    if failure:
        raise failure[0]


def _read(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            break
        data += part
    return data
