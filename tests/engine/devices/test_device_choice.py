import os

import pytest
import torch

from engine.devices import choice as choosing
from engine.devices.choice import DeviceError, choose_device

FAKE = """
import os, sys, torch

def fake(names, broken, setattr):
    setattr(torch.cuda, "is_available", lambda: bool(names))
    setattr(torch.cuda, "device_count", lambda: len(names))
    setattr(torch.cuda, "get_device_name", lambda name: names[int(name.partition(":")[2])])
    ones = torch.ones

    def ones_somewhere(*shape, device=None):
        if broken.get(device) == "crashes":
            print("a driver's last words", file=sys.stderr, flush=True)
            os.abort()
        if device in broken:
            raise RuntimeError(broken[device] + "\\nmore lines")
        return ones(*shape)

    setattr(torch, "ones", ones_somewhere)
"""
_made: dict = {}
exec(FAKE, _made)


class FakeCuda:
    """PyTorch as it looks on a machine with GPUs; those in ``broken`` refuse to compute."""

    def __init__(self, monkeypatch, names, broken=()):
        _made["fake"](names, broken or {}, monkeypatch.setattr)


def test_auto_without_a_gpu_is_the_processor_and_says_why(monkeypatch):
    FakeCuda(monkeypatch, [])
    choice = choose_device("auto")
    assert choice.is_cpu and choice.names == ("cpu",)
    assert f"PyTorch {torch.__version__}" in choice.reason and "sees no GPU" in choice.reason


@pytest.mark.parametrize("wanted", ["cuda", "cuda:0", "cuda:3"])
def test_a_gpu_that_was_asked_for_is_never_swapped_for_the_processor(monkeypatch, wanted):
    FakeCuda(monkeypatch, [])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with pytest.raises(DeviceError) as error:
        choose_device(wanted)
    said = str(error.value)
    assert said.startswith(f"--device {wanted}: PyTorch") and "\n" not in said
    assert "CUDA_VISIBLE_DEVICES is '7'" in said and "--device cpu" in said


BROKEN = {"cuda:1": "CUDA error: no kernel image is available", "cuda:3": "crashes"}
NAMES = ["H100", "K80", "H200", "L4"]


def test_auto_takes_every_gpu_that_computes_and_touches_none_of_them_itself(monkeypatch, tmp_path):
    """What tries them are real processes, to which the GPUs are made up as well."""
    site = f"{FAKE}\nfake({NAMES!r}, {BROKEN!r}, setattr)\n"
    (tmp_path / "sitecustomize.py").write_text(site)
    path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setattr(choosing, "_tried_apart", choosing._tried_apart.__wrapped__)
    FakeCuda(monkeypatch, NAMES, {f"cuda:{number}": "touched" for number in range(4)})
    choice = choose_device("auto")
    assert choice.names == ("cuda:0", "cuda:2") and not choice.is_cpu
    assert choice.reason == (
        "Networks run on cuda:0 (H100), cuda:2 (H200): it works; not used: cuda:1 fails (CUDA "
        "error: no kernel image is available); cuda:3 fails (trying it ended with code -6: a "
        "driver's last words)."
    )
    assert [choice.of_worker(f"w{n}.1.9") for n in range(3)] == ["cuda:0", "cuda:2", "cuda:0"]
    with pytest.raises(DeviceError, match="no kernel image is available"):
        choose_device("cuda:1")
    with pytest.raises(DeviceError, match=r"cuda:2 fails \(touched\)"):
        choose_device("cuda:2", here=True)


def test_whoever_computes_on_a_gpu_tries_it_himself(monkeypatch):
    FakeCuda(monkeypatch, NAMES, BROKEN | {"cuda:3": "out of memory"})
    assert choose_device("auto", here=True).names == ("cuda:0", "cuda:2")
    assert choose_device("cuda:2", here=True).names == ("cuda:2",)
    with pytest.raises(DeviceError, match=r"cuda:3 fails \(out of memory\); use"):
        choose_device("cuda:3", here=True)


def test_a_gpu_that_does_not_exist_is_named_with_those_that_do(monkeypatch):
    FakeCuda(monkeypatch, ["H100"])
    with pytest.raises(DeviceError, match=r"sees 1 GPU\(s\), cuda:0 alone"):
        choose_device("cuda:1")


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "", "CPU"])
def test_other_texts_are_refused(text):
    with pytest.raises(DeviceError, match="no device"):
        choose_device(text)
