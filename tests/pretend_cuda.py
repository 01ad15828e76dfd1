"""CUDA devices that are made up: they compute on the processor, and keep a GPU's rules.

Tensors say that they are on ``cuda:0`` or another; what they hold lies in ordinary memory. Every
operation is carried out at once, so answers are right however wrong the waiting is. What is checked
instead is the order that streams, events and locks promise: each stream and each thread has a
vector clock (Lamport 1978, Mattern 1989), each piece of memory remembers who wrote and read it
last, and an access that nothing puts after the one before raises ``DeviceFault``. So do tensors of
two devices in one operation, an asynchronous copy of memory that is not pinned, and what a graph
must not capture. Not seen: memory that PyTorch's allocator hands to another stream too early, and
whatever only a real GPU does.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import Counter
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._pytree import tree_flatten, tree_map_only


class DeviceFault(AssertionError):
    """Something that a GPU would not forgive, or would answer wrongly."""


class OnDevice(torch.Tensor):
    """A tensor that says it is on a made-up device."""

    @staticmethod
    def __new__(cls, memory, device, index):
        with torch.inference_mode(False):  # views of tensors from outside it could not be wrapped
            made = torch.Tensor._make_wrapper_subclass(
                cls, memory.shape, strides=memory.stride(), dtype=memory.dtype, device="cpu",
                storage_offset=memory.storage_offset(),
            )  # fmt: skip
        made.memory, made.of, made.number = memory, device, index
        return made

    # To PyTorch's own code it is one of the processor, whose build may know no other device.
    device = property(lambda self: torch.device("cuda", self.number))
    is_cuda = property(lambda self: True)

    def cpu(self):
        return self.to("cpu")

    def __deepcopy__(self, memo):
        copied = self.detach().clone(memory_format=torch.preserve_format)
        if isinstance(self, torch.nn.Parameter):
            copied = torch.nn.Parameter(copied)
        return copied.requires_grad_(self.requires_grad)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        found = next(x for x in tree_flatten((args, kwargs))[0] if isinstance(x, OnDevice))
        return found.of.carry_out(func, args, kwargs or {})


class Clock(Counter):
    """Per agent, how much of what it did is known to have happened."""

    def learn(self, other):
        for agent, ticks in other.items():
            self[agent] = max(self[agent], ticks)


class Agent:
    """A stream or a thread."""

    _numbers = itertools.count()

    def __init__(self):
        self.number = next(Agent._numbers)
        self.clock = Clock()

    def tick(self):
        self.clock[self.number] += 1
        return self.clock[self.number]


class _Memory:
    """Who wrote a storage last, and who has read it since."""

    def __init__(self, storage):
        self.storage = StorageWeakRef(storage)
        self.written: tuple[int, int] | None = None
        self.read: dict[int, int] = {}


class Stream(Agent):
    def __init__(self, device=None, priority=0):
        super().__init__()
        self.device = PretendCuda.now
        self.index = self.device.index_of(device)
        self.device.used.add(self.index)

    def synchronize(self):
        self.device.forbid("a wait for a stream")
        self.device.thread().clock.learn(self.clock)

    def wait_event(self, event):
        self.clock.learn(self.device.thread().clock)
        self.clock.learn(event.clock)


class Event:
    def __init__(self, enable_timing=False, blocking=False):
        self.timing, self.clock = enable_timing, Clock()
        self.recorded = False

    def record(self, stream=None):
        device = PretendCuda.now
        stream = stream or device.stream(device.index_of(None))
        stream.clock.learn(device.thread().clock)
        self.clock, self.recorded = Clock(stream.clock), True

    def synchronize(self):
        PretendCuda.now.forbid("a wait for an event")
        PretendCuda.now.thread().clock.learn(self.clock)

    def elapsed_time(self, end):
        for event in (self, end):
            if not (event.timing and event.recorded):
                raise DeviceFault("the time of an event that keeps none")
            if not PretendCuda.now.thread().clock >= event.clock:
                raise DeviceFault("the time of an event that may not have come")
        return 1.0


class Graph:
    """What was carried out while it was captured, carried out again on the same memory."""

    def __init__(self):
        self.steps: list[tuple[Any, Any, Any, Any]] = []
        self.stream: Stream | None = None

    @torch.inference_mode()
    def replay(self):
        device = PretendCuda.now
        if device.stream(self.stream.index) is not self.stream:
            raise DeviceFault("a graph replayed in a stream that was not meant for it")
        device.replays += 1
        for func, args, kwargs, before in self.steps:
            after = func(*args, **kwargs)
            fresh = [
                *zip(_fresh(before, (args, kwargs)), _fresh(after, (args, kwargs)), strict=True)
            ]
            device.note(func, args, kwargs, [old for old, _ in fresh], self.stream)
            for old, new in fresh:
                old.copy_(new)


class Lock:
    """A lock through which threads learn what the one before them knew."""

    def __init__(self, device):
        self.inner, self.device, self.clock = threading.Lock(), device, Clock()

    def __enter__(self):
        self.inner.acquire()
        self.device.thread().clock.learn(self.clock)

    def __exit__(self, *_):
        self.clock.learn(self.device.thread().clock)
        self.inner.release()


class PretendCuda:
    """The devices; ``install`` puts them where PyTorch would have GPUs.

    Attributes:
        used: numbers of those that this process has computed on, or waited for: each has cost a
            real process some 500 MB.
    """

    now: PretendCuda

    def __init__(self, count=1):
        self.count = count
        self.used: set[int] = set()
        PretendCuda.now = self
        self.guard = threading.RLock()
        self.memories: dict[int, _Memory] = {}
        self.pinned: set[int] = set()
        self.local = threading.local()
        self.main = Agent()
        self.local.thread = self.main
        self.defaults = [Stream(index) for index in range(count)]
        self.used.clear()
        self.replays = self.operations = 0

    def install(self, monkeypatch):
        """Patch PyTorch for as long as ``monkeypatch`` lasts."""
        cuda = torch.cuda
        for name, value in {
            "Stream": Stream,
            "Event": Event,
            "CUDAGraph": Graph,
            "graph": self._graph,
            "stream": self._stream,
            "current_stream": lambda device=None: self.stream(self.index_of(device)),
            "current_device": lambda: self.index_of(None),
            "set_device": lambda device: setattr(self.local, "index", self.index_of(device)),
            "graph_pool_handle": lambda: (0, 1),
            "synchronize": self._synchronize,
            "empty_cache": lambda: None,
            "is_available": lambda: True,
            "is_bf16_supported": lambda including_emulation=True: True,
            "device_count": lambda: self.count,
            "get_device_name": lambda device=None: "made up",
            "is_current_stream_capturing": lambda: False,
        }.items():
            monkeypatch.setattr(cuda, name, value)
        # Where PyTorch itself asks for a device, there is none.
        accelerator = torch.accelerator
        monkeypatch.setattr(accelerator, "current_accelerator", lambda check_available=False: None)
        for name in ("zeros", "ones", "empty", "tensor", "arange", "zeros_like", "empty_like"):
            monkeypatch.setattr(torch, name, self._factory(getattr(torch, name)))
        # Modules then take converted tensors for parameters, whatever their class.
        monkeypatch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
        monkeypatch.setattr(torch.Tensor, "to", self._to(torch.Tensor.to))
        return self

    def thread(self):
        """The calling thread; a new one knows what the main thread knew."""
        if not hasattr(self.local, "thread"):
            self.local.thread = Agent()
            self.local.thread.clock.learn(self.main.clock)
        return self.local.thread

    def index_of(self, device):
        """The number of a device; the calling thread's current one where nothing is said."""
        if isinstance(device, str):
            device = torch.device(device)
        index = device.index if isinstance(device, torch.device) else device
        return getattr(self.local, "index", 0) if index is None else index

    def stream(self, index):
        """The calling thread's current stream on a device."""
        stream = getattr(self.local, "stream", None)
        return stream if stream is not None and stream.index == index else self.defaults[index]

    def forbid(self, what):
        """Refuse what a capture of this thread does not allow."""
        if getattr(self.local, "graph", None) is not None:
            raise DeviceFault(f"{what} while a graph is captured")

    def carry_out(self, func, args, kwargs):
        """One operation on tensors of the device."""
        with self.guard:
            return self._carry_out(func, args, dict(kwargs))

    def _carry_out(self, func, args, kwargs):
        name = func._schema.name
        self.operations += 1
        tensors = [x for x in tree_flatten((args, kwargs))[0] if isinstance(x, torch.Tensor)]
        host = [x for x in tensors if not isinstance(x, OnDevice)]
        indices = {x.number for x in tensors if isinstance(x, OnDevice)}
        if len(indices) > 1:
            raise DeviceFault(f"{name} of tensors on several devices")
        (index,) = indices
        stream = self.stream(index)
        waits = name == "aten::_local_scalar_dense"
        if waits:
            self.forbid(name)
        if host and name != "aten::copy_" and any(x.ndim for x in host):
            raise DeviceFault(f"{name} of tensors on the device and on the processor")
        if host and name == "aten::copy_":
            waits = self._copies_and_waits(host, args, kwargs)
        plain, options = tree_map_only(OnDevice, lambda x: x.memory, (args, kwargs))
        if "device" in options:
            options["device"] = "cpu"
        options.pop("pin_memory", None)
        result = func(*plain, **options)
        self.note(func, plain, options, _fresh(result, (plain, options)), stream)
        if waits:
            self._wait_for(stream)
        graph = getattr(self.local, "graph", None)
        if graph is not None:
            graph.steps.append((func, plain, options, result))
        if any(x.alias_info is not None and x.alias_info.is_write for x in func._schema.returns):
            return args[0]
        return tree_map_only(torch.Tensor, lambda x: OnDevice(x, self, index), result)

    def note(self, func, args, kwargs, fresh, stream):
        """Check and remember what an operation reads and writes; ``fresh`` are new results."""
        if not fresh and not func._schema.is_mutable:
            return  # a view: nothing is computed
        self.used.add(stream.index)
        stream.clock.learn(self.thread().clock)
        for spec, value in _arguments(func, args, kwargs):
            write = spec.alias_info is not None and spec.alias_info.is_write
            self.touch(tree_flatten(value)[0], stream, write=write)
        self.touch(fresh, stream, write=True)

    def touch(self, tensors, agent, *, write):
        """An access by a stream or thread, which must come after those it could collide with."""
        with self.guard:
            for tensor in tensors:
                if isinstance(tensor, torch.Tensor):
                    self._touch(tensor, agent, write)

    def _touch(self, tensor, agent, write):
        storage = tensor.untyped_storage()
        key = storage.data_ptr()
        if not key:
            return
        memory = self.memories.get(key)
        if memory is None or memory.storage.expired():  # the address has been given out anew
            memory = self.memories[key] = _Memory(storage)
        known = agent.clock
        last = memory.written
        if last is not None and known[last[0]] < last[1]:
            raise DeviceFault(f"{'written' if write else 'read'} while it may yet be written")
        if write:
            for reader, tick in memory.read.items():
                if known[reader] < tick:
                    raise DeviceFault("written while it may yet be read")
            memory.written, memory.read = (agent.number, agent.tick()), {}
        else:
            memory.read[agent.number] = agent.tick()

    def host_touch(self, tensor, *, write):
        """The processor itself reads or writes memory, as through a NumPy array."""
        self.touch([tensor], self.thread(), write=write)

    def _copies_and_waits(self, host, args, kwargs):
        """Check a copy between processor and device; whether the thread waits for it."""
        self.forbid("a copy between processor and device")
        if not (kwargs.get("non_blocking") or (len(args) > 2 and args[2])):
            return True
        if any(_address(x) not in self.pinned for x in host):
            raise DeviceFault("an asynchronous copy of memory that is not pinned")
        return False

    def _wait_for(self, stream):
        stream.clock.learn(self.thread().clock)
        self.thread().clock.learn(stream.clock)

    def _synchronize(self, device=None):
        raise DeviceFault("a wait for the whole device, which breaks what other threads capture")

    @contextlib.contextmanager
    def _stream(self, stream):
        before = getattr(self.local, "stream", None), self.index_of(None)
        self.local.stream, self.local.index = stream, stream.index
        try:
            yield
        finally:
            self.local.stream, self.local.index = before

    @contextlib.contextmanager
    def _graph(self, graph, pool=None, stream=None, capture_error_mode="global"):
        if capture_error_mode != "thread_local":
            raise DeviceFault("a capture that other threads' work would break")
        self.used.add(self.index_of(None))  # PyTorch waits for the current device to begin with
        graph.stream = stream
        self.local.graph = graph
        try:
            with self._stream(stream):
                yield
        finally:
            self.local.graph = None

    def _factory(self, plain):
        def make(*args, device=None, pin_memory=False, **kwargs):
            here = device is not None and torch.device(device).type == "cuda"
            if not here or any(isinstance(x, OnDevice) for x in args):
                made = plain(*args, **({} if device is None else {"device": device}), **kwargs)
                if pin_memory:
                    self.pin(made)
                return made
            if plain.__name__ == "tensor":
                self.forbid("a new tensor of fixed contents")
            made = plain(*args, **kwargs)
            index = self.index_of(device)
            self._written_here(made, self.stream(index))
            return OnDevice(made, self, index)

        make.__name__ = plain.__name__
        return make

    def pin(self, tensor):
        """Memory of the processor that copies may reach by themselves."""
        with self.guard:
            self.pinned.add(_address(tensor))

    def _read_here(self, tensor, stream):
        stream.clock.learn(self.thread().clock)
        self.touch([tensor], stream, write=False)
        self._wait_for(stream)

    def _written_here(self, tensor, stream):
        self.used.add(stream.index)
        stream.clock.learn(self.thread().clock)
        self.touch([tensor], stream, write=True)

    def _to(self, plain):
        def to(tensor, *args, **kwargs):
            named = wanted = kwargs.get("device", args[0] if args else None)
            wanted = torch.device(wanted).type if isinstance(wanted, (str, torch.device)) else None
            if wanted == "cuda":  # which PyTorch's own code is not told of
                if "device" in kwargs:
                    kwargs = kwargs | {"device": "cpu"}
                else:
                    args = ("cpu", *args[1:])
            is_here = isinstance(tensor, OnDevice)
            if wanted == "cuda" and is_here and tensor.number != self.index_of(named):
                raise DeviceFault("a copy from one device to another")
            if wanted is None or is_here == (wanted == "cuda"):
                return plain(tensor, *args, **kwargs)
            self.forbid("a copy between processor and device")
            with torch.no_grad():
                if wanted == "cpu":
                    self._read_here(tensor.memory, self.stream(tensor.number))
                    return plain(tensor.memory.clone(), *args, **kwargs)
                copied = plain(tensor, *args, **kwargs, copy=True)
                index = self.index_of(named)
                self._written_here(copied, self.stream(index))
                self._wait_for(self.stream(index))
                return OnDevice(copied, self, index)

        return to


def _arguments(func, args, kwargs):
    """Each argument with what the schema says of it."""
    for number, spec in enumerate(func._schema.arguments):
        if number < len(args):
            yield spec, args[number]
        elif spec.name in kwargs:
            yield spec, kwargs[spec.name]


def _fresh(results, arguments):
    """Those of the results that share no memory with an argument."""
    old = {_address(x) for x in tree_flatten(arguments)[0] if isinstance(x, torch.Tensor)}
    found = [x for x in tree_flatten(results)[0] if isinstance(x, torch.Tensor)]
    return [x for x in found if _address(x) not in old]


def _address(tensor):
    return tensor.untyped_storage().data_ptr()
