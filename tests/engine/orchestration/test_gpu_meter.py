"""Reading nvidia-smi, with a program in its place that says what it would say."""

import os
import threading
import time

import pytest

from engine.orchestration.gpu_meter import GpuMeter


def put_in_path(monkeypatch, tmp_path, script: str) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\n" + script)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")


def wait_until(true, seconds=120.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not true():
        time.sleep(0.02)
    return true()


def test_every_gpu_that_says_so_is_read(monkeypatch, tmp_path):
    put_in_path(monkeypatch, tmp_path, "echo '0, 93'; echo '1, [N/A]'; echo '2, 7'; exec sleep 60")
    meter = GpuMeter()
    try:
        assert wait_until(lambda: len(meter.busy()) == 2)
        assert meter.busy() == {"GPU 0": pytest.approx(0.93), "GPU 2": pytest.approx(0.07)}
    finally:
        meter.close()
    assert wait_until(lambda: meter.busy() == {}), "what has ended says nothing"


def test_an_actor_of_another_machine_tells_how_busy_its_own_gpus_are(monkeypatch, tmp_path):
    pytest.importorskip("ray")
    from engine.orchestration import ray_actor
    from engine.orchestration.mailbox import Letters
    from engine.orchestration.messages import GpusBusy

    put_in_path(monkeypatch, tmp_path, 'test "$4" = "--id=1" && echo "1, 42"; exec sleep 60')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setattr(ray_actor, "_GPU_SECONDS", 0.2)
    monkeypatch.setattr(ray_actor.socket, "gethostname", lambda: "far")
    actor = ray_actor.MeijinWorker("worker", gpus=True)
    actor._tell_of_gpus("far")  # the driver's own machine: it looks for itself
    actor._tell_of_gpus("near")
    answer = actor.exchange(Letters(1, [], 0))
    assert answer.messages == [GpusBusy({"far GPU 1": pytest.approx(0.42)})]
    actor._mailbox.end()


@pytest.mark.parametrize("script", ["echo 'NVIDIA-SMI has failed'; exit 9", "exit 127"])
def test_a_tool_without_a_driver_says_nothing(monkeypatch, tmp_path, script):
    put_in_path(monkeypatch, tmp_path, script)
    meter = GpuMeter()
    meter._process.wait(60)
    assert wait_until(lambda: "gpu meter" not in {each.name for each in threading.enumerate()})
    assert meter.busy() == {}
    meter.close()


def test_without_the_tool_there_is_nothing_to_read(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    meter = GpuMeter()
    assert meter.busy() == {}
    meter.close()
