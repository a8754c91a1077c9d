"""CuPy's adapter without a GPU: its kernels are compiled as C++ and run by threads of the host."""

from __future__ import annotations

import ctypes
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import array_api_compat
import array_api_compat.numpy
import numpy as np
import pytest

import lossapi
from lossapi import call
from lossapi.backend import get
from lossapi.backends import cuda_source
from lossapi.backends.blockwise.graph import UntraceableError
from lossapi.backends.blockwise.layout import Layout
from lossapi.conformance.oracle.exact import read_point
from lossapi.conformance.oracle.specfile import load_spec
from lossapi.losses import registry

COMPILER = shutil.which("g++") or shutil.which("clang++")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C++ compiler: install g++ or clang++")

CUDA = """\
#include <cmath>
#include <pthread.h>
#include <utility>
using namespace std;
struct Three { unsigned x; };
static thread_local Three threadIdx, blockIdx;
static Three blockDim, gridDim;
static pthread_barrier_t barrier;
#define __global__
#define __device__
#define __shared__ static
#define __syncthreads() pthread_barrier_wait(&barrier)
#define __threadfence() __sync_synchronize()
static unsigned atomicAdd(unsigned* at, unsigned more) { return __sync_fetch_and_add(at, more); }
"""
LAUNCH = """
template <class... A, size_t... I>
static void with(void (*f)(long long, A...), long long n, void** p, index_sequence<I...>)
{{ f(n, (A)p[I]...); }}
template <class... A>
static void apply_to(void (*f)(long long, A...), long long n, void** p)
{{ with(f, n, p, index_sequence_for<A...>{{}}); }}
struct Thread {{ unsigned block, thread; long long n; void** p; pthread_t handle; }};
static void* run(void* x)
{{
    Thread* own = (Thread*)x;
    blockIdx.x = own->block;
    threadIdx.x = own->thread;
    apply_to({name}, own->n, own->p);
    return nullptr;
}}
extern "C" void launch(unsigned blocks, unsigned threads, long long n, void** p)
{{
    gridDim.x = blocks;
    blockDim.x = threads;
    Thread* all = new Thread[threads];
    for (unsigned b = 0; b < blocks; b++) {{
        pthread_barrier_init(&barrier, nullptr, threads);
        for (unsigned t = 0; t < threads; t++) {{
            all[t] = {{b, t, n, p, {{}}}};
            pthread_create(&all[t].handle, nullptr, run, &all[t]);
        }}
        for (unsigned t = 0; t < threads; t++) pthread_join(all[t].handle, nullptr);
        pthread_barrier_destroy(&barrier);
    }}
    delete[] all;
}}
"""


class HostKernel:
    """What CuPy's RawKernel is, on the host."""

    made = 0

    def __init__(self, source: str, name: str, options: tuple[str, ...]) -> None:
        assert options == ("--fmad=false",)
        HostKernel.made += 1
        stem = self.folder / f"{name}{HostKernel.made}"
        stem.with_suffix(".cpp").write_text(CUDA + source + LAUNCH.format(name=name))
        command = [COMPILER, "-std=c++17", "-O1", "-ffp-contract=off", "-fPIC", "-shared"]
        files = [str(stem.with_suffix(".cpp")), "-o", str(stem.with_suffix(".so"))]
        done = subprocess.run(
            [*command, "-w", *files, "-lpthread"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + source
        self.launch = ctypes.CDLL(str(stem.with_suffix(".so"))).launch

    folder: Path

    def __call__(self, blocks: tuple[int], threads: tuple[int], given: tuple[Any, ...]) -> None:
        count, *arrays = given
        assert all(array.flags.c_contiguous for array in arrays)
        pointers = (ctypes.c_void_p * len(arrays))(*(array.ctypes.data for array in arrays))
        self.launch(blocks[0], threads[0], ctypes.c_longlong(int(count)), pointers)


class _Device:
    def __init__(self, number: Any) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *_: object) -> None: ...


class _Array(np.ndarray[Any, Any]):
    """An array that says on which device it is."""

    @property
    def device(self) -> Any:
        return SimpleNamespace(id=0)


def _on_device(make: Any) -> Any:
    return lambda *given, **options: make(*given, **options).view(_Array)


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """The adapter, which finds NumPy where it looks for CuPy."""
    HostKernel.folder = tmp_path_factory.mktemp("kernels")
    cupy: Any = ModuleType("cupy")
    cupy.ndarray, cupy.int64, cupy.RawKernel = np.ndarray, np.int64, HostKernel
    cupy.empty, cupy.zeros = _on_device(np.empty), _on_device(np.zeros)
    cupy.ascontiguousarray, cupy.arange = _on_device(np.ascontiguousarray), np.arange
    cupy.moveaxis = np.moveaxis
    cupy.cuda = SimpleNamespace(Device=_Device)
    path = Path(__file__).parents[2] / "backends" / "cupy.py"
    spec = importlib.util.spec_from_file_location("lossapi.backends.cupy_on_the_host", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "cupy", cupy)
        patch.setitem(sys.modules, "array_api_compat.cupy", array_api_compat.numpy)
        patch.setattr(array_api_compat, "cupy", array_api_compat.numpy, raising=False)
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def both(adapter: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A call's result by NumPy, and that of the adapter in one kernel."""
    backend, numpy = adapter.CupyBackend(), get("numpy")
    seen: list[Any] = []

    def execute(plan: Any, arrays: Any) -> Any:
        due = type(numpy).execute(numpy, plan, arrays)
        given = {name: np.asarray(x).view(_Array) for name, x in arrays.items()}
        seen.append((plan, given, due))
        return due

    monkeypatch.setattr(numpy, "execute", execute)

    def compute(function: Any, *arrays: Any, kernels: int = 1, **options: Any) -> tuple[Any, Any]:
        call.forget()
        seen.clear()
        function(*arrays, **options)
        (plan, given, due), made = seen[-1], HostKernel.made
        found = backend.execute(plan, given)
        assert HostKernel.made == made + kernels
        return due, found

    return compute


def agree(found: Any, due: Any, ulp: float, *, of_the_largest: bool = False) -> None:
    """The same shapes, dtypes, infinities and NaNs, and numbers within so many ULP."""
    if isinstance(due, tuple):
        assert len(found) == len(due)
        for one, other in zip(found, due, strict=True):
            agree(one, other, ulp, of_the_largest=of_the_largest)
        return
    found, due = np.asarray(found), np.asarray(due)
    assert (found.shape, found.dtype) == (due.shape, due.dtype)
    size = np.max(np.abs(due)) if of_the_largest else np.finfo(due.dtype).tiny
    eps = np.finfo(due.dtype).eps
    np.testing.assert_allclose(found, due, rtol=ulp * eps, atol=ulp * eps * size)


def compiled(source: str) -> tuple[int, str]:
    """What NVIDIA's compiler, which needs no GPU, says of a program: its code and its log."""
    package = importlib.util.find_spec("nvidia")
    places = [Path(place) for place in package.submodule_search_locations or ()] if package else []
    found = [path for place in places for path in sorted(place.glob("*/lib/libnvrtc.so.*[0-9]"))]
    if not found:
        pytest.skip("NVIDIA's compiler is not installed: pip install nvidia-cuda-nvrtc")
    library, program, length = ctypes.CDLL(str(found[0])), ctypes.c_void_p(), ctypes.c_size_t()
    given = (ctypes.byref(program), source.encode(), b"kernel.cu", 0, None, None)
    assert library.nvrtcCreateProgram(*given) == 0
    options = [option.encode() for option in cuda_source.OPTIONS]
    code = library.nvrtcCompileProgram(program, 1, (ctypes.c_char_p * 1)(*options))
    assert library.nvrtcGetProgramLogSize(program, ctypes.byref(length)) == 0
    log = ctypes.create_string_buffer(length.value)
    assert library.nvrtcGetProgramLog(program, log) == 0
    library.nvrtcDestroyProgram(ctypes.byref(program))
    return code, log.value.decode()


PLAIN = {
    *("box_iou_loss", "complete_box_iou_loss", "distance_box_iou_loss", "generalized_box_iou_loss"),
    *(
        "center_loss",
        "center_update",
        "info_nce_loss",
        "mutual_information",
        "linear_cross_entropy",
    ),
    *("ctc_loss", "linear_chain_crf_nll", "wasserstein_distance_1d"),
}
"""What cannot be recorded: pairs of boxes, losses over a whole batch, recursions."""
NAMES = sorted(
    name for name, function in registry.items() if function.gradients and not function.libraries
)


def golden(name: str, dtype: str) -> list[Any]:
    """The golden points of a loss with its parameters as they are: most of one size."""
    spec, function = load_spec(name), registry[name]
    points = [read_point(spec, point) for point in spec.data["points"]]
    by_shape: dict[Any, list[Any]] = {}
    for given, parameters, _ in points:
        if not parameters:
            shapes = tuple(np.shape(given[n]) for n in function.inputs)
            by_shape.setdefault(shapes, []).append(given)
    inputs = max(by_shape.values(), key=len)
    labels = {n for n, entry in spec.inputs.items() if entry["dtype"] == "labels"}
    return [
        np.asarray([given[n] for given in inputs], "int64" if n in labels else dtype)
        for n in function.inputs
    ]


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PLAIN])
def test_golden_points_are_computed_as_by_numpy(name: str, both: Any) -> None:
    function = registry[name]
    options = {"reduction": "none"} if function.reduces else {}
    with np.errstate(all="ignore"):
        due, found = both(function.value_and_grad, *golden(name, "float64"), **options)
    agree(found, due, 8.0)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in PLAIN])
def test_the_compiler_takes_it(
    name: str, both: Any, monkeypatch: pytest.MonkeyPatch, adapter: ModuleType
) -> None:
    sources: list[str] = []

    class Written:
        def __init__(self, source: str, name: str, options: tuple[str, ...]) -> None:
            sources.append(source)
            HostKernel.made += 1

        def __call__(self, *_: Any) -> None:
            """Nothing is computed."""

    monkeypatch.setattr(adapter.cp, "RawKernel", Written)
    with np.errstate(all="ignore"):
        both(registry[name].value_and_grad, *golden(name, "float32"))
    (source,) = sources
    code, log = compiled(source)
    assert code == 0, log


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_what_is_said_to_be_no_single_kernel_is_none(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    numpy, seen = get("numpy"), []

    def execute(plan: Any, arrays: Any) -> Any:
        seen.append((plan, arrays))
        return type(numpy).execute(numpy, plan, arrays)

    monkeypatch.setattr(numpy, "execute", execute)
    call.forget()
    with np.errstate(all="ignore"):
        registry[name].value_and_grad(*golden(name, "float64"))
    with pytest.raises(UntraceableError):
        Layout(*seen[0]).record(numpy)


MEANS = ["absolute_error", "huber_loss", "log_cosh", "sigmoid_binary_cross_entropy", "poisson_nll"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", MEANS)
def test_blocks_and_threads_add_up_what_is_reduced(
    name: str, dtype: str, both: Any, monkeypatch: pytest.MonkeyPatch, adapter: ModuleType
) -> None:
    monkeypatch.setattr(cuda_source, "THREADS", 8)
    monkeypatch.setattr(adapter, "_BLOCKS", 3)
    rng, function = np.random.default_rng(1), registry[name]
    x = rng.normal(size=(10, 101)).astype(dtype)
    y = (rng.random((10, 101)) < 0.5).astype(dtype)
    due, found = both(function.value_and_grad, x, y)
    agree(found, due, 4.0, of_the_largest=True)
    due, found = both(function, x.T, y.T, reduction="sum", weights=y.T, where=x.T > -1)
    agree(found, due, 4.0, of_the_largest=True)
    due, found = both(function.grad, x, y, wrt=tuple(function.gradients))
    agree(found, due, 4.0, of_the_largest=True)


def test_curvatures_and_arrays_without_axes_too(both: Any) -> None:
    x = np.linspace(-3, 3, 7)
    due, found = both(lossapi.huber_loss.hessian_diag, x, 0 * x)
    agree(found, due, 0.0)
    due, found = both(lossapi.huber_loss, x, 0 * x, delta=np.asarray(0.5), reduction="none")
    agree(found, due, 4.0)
    due, found = both(lossapi.huber_loss.value_and_grad, x, np.asarray(0.25))
    agree(found, due, 4.0)


def test_what_waits_for_a_sum_of_weights_is_a_second_kernel(both: Any) -> None:
    x = np.linspace(-1, 1, 6)
    options = {"weights": np.abs(x), "where": x < 0.5, "kernels": 2}
    due, found = both(lossapi.huber_loss.value_and_grad, x, 0 * x, **options)
    agree(found, due, 4.0)
    loss, labels = lossapi.sparse_softmax_cross_entropy, np.asarray([0, 1, 1])
    due, found = both(loss.grad, x.reshape(3, 2), labels, ignore_index=0, kernels=2)
    agree(found, due, 4.0)


def test_few_classes_along_any_axis(both: Any) -> None:
    rng = np.random.default_rng(2)
    x, labels = rng.normal(size=(4, 10, 5)), rng.integers(0, 10, size=(4, 5))
    loss = lossapi.sparse_softmax_cross_entropy
    due, found = both(loss.value_and_grad, x, labels, axis=1)
    agree(found, due, 4.0, of_the_largest=True)
    due, found = both(loss, x, labels, axis=1, ignore_index=3)
    agree(found, due, 4.0)


@pytest.mark.parametrize(
    "form", ["many classes", "halves", "no entries", "a sum that waits for a sum"]
)
def test_what_is_no_single_kernel_is_computed_as_ever(form: str, both: Any) -> None:
    x = np.linspace(-1, 1, 6, dtype="float16" if form == "halves" else "float64")
    function, arrays, options = lossapi.squared_error, [x, 0 * x], {}
    if form == "many classes":
        function, arrays = lossapi.softmax_cross_entropy, [np.ones((2, 100)), np.eye(100)[:2]]
    elif form == "a sum that waits for a sum":
        arrays, options = [x, np.asarray(0.25)], {"weights": x + 2, "wrt": "target"}
    elif form == "no entries":
        arrays, options = [x[:0], x[:0]], {"reduction": "sum"}
    due, found = both(function.value_and_grad, *arrays, kernels=0, **options)
    agree(found, due, 2.0)
