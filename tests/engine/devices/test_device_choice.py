import pytest
import torch

from engine.devices.choice import DeviceError, choose_device


class FakeCuda:
    """PyTorch as it looks on a machine with GPUs; those in ``broken`` refuse to compute."""

    def __init__(self, monkeypatch, names, broken=()):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(names))
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
        monkeypatch.setattr(
            torch.cuda, "get_device_name", lambda name: names[int(name.partition(":")[2])]
        )
        ones = torch.ones

        def ones_somewhere(*shape, device=None):
            if device in broken:
                raise RuntimeError("CUDA error: no kernel image is available\nmore lines")
            return ones(*shape)

        monkeypatch.setattr(torch, "ones", ones_somewhere)


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


def test_auto_takes_every_gpu_that_computes(monkeypatch):
    FakeCuda(monkeypatch, ["H100", "K80", "H200"], broken={"cuda:1"})
    choice = choose_device("auto")
    assert choice.names == ("cuda:0", "cuda:2") and not choice.is_cpu
    assert "H100" in choice.reason and "cuda:1 fails (CUDA error: no kernel image" in choice.reason
    assert [choice.of_worker(number) for number in range(3)] == ["cuda:0", "cuda:2", "cuda:0"]
    assert choose_device("cuda:2").names == ("cuda:2",)
    with pytest.raises(DeviceError, match="no kernel image is available"):
        choose_device("cuda:1")


def test_a_gpu_that_does_not_exist_is_named_with_those_that_do(monkeypatch):
    FakeCuda(monkeypatch, ["H100"])
    with pytest.raises(DeviceError, match=r"sees 1 GPU\(s\), cuda:0 alone"):
        choose_device("cuda:1")


@pytest.mark.parametrize("text", ["gpu", "cuda:", "cuda:x", "", "CPU"])
def test_other_texts_are_refused(text):
    with pytest.raises(DeviceError, match="no device"):
        choose_device(text)
