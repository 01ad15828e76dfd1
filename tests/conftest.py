"""What tests of every folder may use."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pretend_cuda import Lock, PretendCuda


@pytest.fixture
def cuda(monkeypatch):
    """A made-up CUDA device, in place of any real one for as long as a test lasts.

    Whoever asks a port reads the answers and writes the next batch: this is checked, too.
    """
    import engine.devices.backend as backend

    device = PretendCuda().install(monkeypatch)
    monkeypatch.setattr(backend, "threading", SimpleNamespace(Lock=lambda: Lock(device)))
    run = backend.Port.run

    def run_and_use(port, n):
        answer = run(port, n)
        device.host_touch(port._received, write=False)
        device.host_touch(port._sent, write=True)
        return answer

    monkeypatch.setattr(backend.Port, "run", run_and_use)
    return device
