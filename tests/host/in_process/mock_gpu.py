"""A graphics card where there is none: main memory that says it is a CUDA device, and is as strict as one.

A tensor that is moved there becomes a MockTensor: `device` says cuda:0, its values lie in main memory, and every
operation on it computes there. One that mixes it with a tensor of the CPU raises, as on a real card; numbers without a
dimension may mix, as they may there. So whatever the host and the pack do with a card (moving weights, loading in
part, fetching weights layer by layer) runs for real, on any machine; what only a card can show, its speed and its
kernels' rounding, is not here.

`install` must come before the host is imported, for the host looks for a card once. Use the MockGPU in a `with`
statement around all that is to compute.
"""

import contextlib
import functools
import types
import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

CUDA, CPU = torch.device("cuda", 0), torch.device("cpu")

MOVES = ("aten::to", "aten::type_as")
"""Operations that torch composes of a move and others: taken apart until the move itself is seen."""

ASKS_TO_SWAP = "aten::_has_compatible_shallow_copy_type"
"""Whether a moved weight may be put under the old one's name: never, for the old one is another class."""

BETWEEN_DEVICES = ("aten::_to_copy", "aten::copy_")
TAKES_INDICES = ("aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_")
"""Operations whose own tensor may lie on the card while their indices do not."""


class MockTensor(torch.Tensor):
    """A tensor on the mock card. held: its values, in main memory."""

    held: torch.Tensor

    def __new__(cls, held: torch.Tensor) -> "MockTensor":
        tensor = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, held.stride(), held.storage_offset(), dtype=held.dtype, layout=held.layout, device=CUDA
        )
        tensor.held = held
        return tensor

    def __repr__(self, **_: Any) -> str:
        return f"MockTensor({self.held})"

    def tolist(self) -> Any:
        return self.held.tolist()

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(function, args, kwargs or {})


class MockGPU(TorchDispatchMode):
    """The card. total: bytes of memory that it has; more is out of memory · live: bytes held by tensors on it."""

    def __init__(self, total: int) -> None:
        super().__init__()
        self.total = total
        self.live = 0
        self._storages: set[int] = set()

    def __enter__(self) -> "MockGPU":
        torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor(…, device="cuda") then moves where we can see it
        return super().__enter__()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = name_of(function)
        if name in MOVES:
            with self:
                return function.decompose(*args, **(kwargs or {}))
        results = compute(function, args, kwargs or {})
        for result in results if isinstance(results, list | tuple) else (results,):
            if isinstance(result, MockTensor):
                self._count(result.held.untyped_storage())
        return results

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self._storages:
            if self.live + storage.nbytes() > self.total:
                raise torch.cuda.OutOfMemoryError(f"{self.total} bytes in all, {self.live} in use")
            self._storages.add(storage._cdata)
            self.live += storage.nbytes()
            weakref.finalize(storage, self._free, storage._cdata, storage.nbytes())

    def _free(self, key: int, size: int) -> None:
        self._storages.discard(key)
        self.live -= size


def compute(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """One operation on the tensors' values; on the card if its tensors are there, or it is told so. RuntimeError where
    they are on two devices. A film takes a hundred thousand of them, so what an operation is given is looked through by
    hand: torch's own `tree_map` takes longer than most operations.
    """
    tensors: list[torch.Tensor] = []
    values = [values_of(given, tensors) for given in args]
    named = {key: values_of(given, tensors) for key, given in kwargs.items()} if kwargs else kwargs
    mocks = [tensor for tensor in tensors if isinstance(tensor, MockTensor)]
    device = kwargs.get("device")
    on_card = bool(mocks) if device is None else torch.device(device).type == "cuda"
    if mocks:
        name = name_of(function)
        if name == ASKS_TO_SWAP:
            return False
        if len(mocks) < len(tensors) and name not in BETWEEN_DEVICES:
            refuse_strays(name, tensors, mocks)
    generator = kwargs.get("generator")
    if generator is not None and on_card and generator.device.type != "cuda":
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")
    if device is not None:
        named["device"] = CPU
    results = function(*values, **named)

    def returned(result: Any) -> Any:
        if not isinstance(result, torch.Tensor):
            return result
        for mock in mocks:
            if mock.held is result:  # changed in place
                return mock
        return MockTensor(result) if on_card else result

    return type(results)(map(returned, results)) if isinstance(results, list | tuple) else returned(results)


@functools.cache
def name_of(function: Any) -> str:
    return function._schema.name


def values_of(given: Any, tensors: list[torch.Tensor]) -> Any:
    """What an operation is given, with the values of tensors on the card in their place. Its tensors join `tensors`:
    they lie in it, or in a list of it; operations take no other containers.
    """
    if isinstance(given, torch.Tensor):
        tensors.append(given)
        return given.held if isinstance(given, MockTensor) else given
    return [values_of(part, tensors) for part in given] if isinstance(given, list | tuple) else given


def refuse_strays(name: str, tensors: list[torch.Tensor], mocks: list[MockTensor]) -> None:
    """RuntimeError where tensors that are not on the card may not be mixed with those that are."""
    own = tensors[:1] if name in TAKES_INDICES and isinstance(tensors[0], MockTensor) else tensors
    strays = [tensor for tensor in own if not isinstance(tensor, MockTensor) and tensor.dim() > 0]
    if strays:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {name} got {[list(t.shape) for t in mocks]} on cuda:0 "
            f"and {[list(t.shape) for t in strays]} on the CPU"
        )


def set_data(parameter: torch.Tensor, values: torch.Tensor) -> None:
    """What `parameter.data = values` means where either lies on the card: it becomes a tensor of another class."""
    if isinstance(values, MockTensor) or isinstance(parameter, MockTensor):
        torch.utils.swap_tensors(parameter, torch.nn.Parameter(values, requires_grad=False))
    else:
        torch.Tensor.data.__set__(parameter, values)


class MockStream:
    """A queue of the card's work; here everything is done at once."""

    cuda_stream = 0

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def wait_stream(self, _: Any) -> None:
        pass

    def synchronize(self) -> None:
        pass

    def record_event(self, *_: Any) -> None:
        pass


def install(total: int) -> MockGPU:
    """Makes this process' torch say that there is one NVIDIA card with `total` bytes. It lasts for the process."""
    card = MockGPU(total)
    properties = types.SimpleNamespace(
        name="a mock of a card", major=8, minor=9, total_memory=total, multi_processor_count=1, gcnArchName=""
    )
    answers = {
        "_lazy_init": None,
        "is_available": True,
        "current_device": 0,
        "device_count": 1,
        "get_device_name": properties.name,
        "get_device_properties": properties,
        "get_device_capability": (properties.major, properties.minor),
        "is_bf16_supported": True,
        "synchronize": None,
        "empty_cache": None,
        "ipc_collect": None,
        "current_stream": MockStream(),
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, answer=answer, **__: answer)
    torch.cuda.mem_get_info = lambda *_: (total - card.live, total)
    torch.cuda.memory_stats = lambda *_: {f"{kind}_bytes.all.current": card.live for kind in ("active", "reserved")}
    torch.cuda.Stream = MockStream
    torch.cuda.stream = lambda _: contextlib.nullcontext()
    for kind in (torch.nn.Parameter, MockTensor):
        kind.data = property(torch.Tensor.data.__get__, set_data)
    torch.version.cuda = torch.version.cuda or "13.0"
    torch._C._ensureCUDADeviceGuardSet()
    return card
