"""The kernel as machine code: built once for a machine, kept on disk.

A file is named after all that it depends on (processor, llvmlite, the rules and the generator) and opens with a digest of
what follows; one that is damaged or was left unfinished is built anew. A cache that cannot be written is no error.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

NAMES = ("execute", "reverse", "forward", "backward", "spread_forward", "spread_backward", "share")
_SOURCES = (
    "instructions.py",
    "vectors.py",
    "kernel_parameters.py",
    "writer.py",
    "rows.py",
    "lists.py",
    "means.py",
    "kernel.py",
    "marking.py",
    "chunks.py",
    "sharing.py",
    "objectcode.py",
)
_lock = threading.Lock()
_kernels: dict[bool, Kernel] = {}


def _forget_lock() -> None:
    """A thread that held it when the process was forked is not there in the new one."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_lock)


class Kernel:
    """Entry points that take the address of their parameters; ``width`` floats make a vector."""

    def __init__(self, engine: Any, width: int, double: bool) -> None:
        self._engine = engine  # owns the code
        self.width = width
        self.double = double
        entry = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
        self.addresses = {name: engine.get_function_address(name) for name in NAMES}
        functions = map(entry, self.addresses.values())
        self.execute, self.reverse, self.forward, self.backward, self.spread_forward, self.spread_backward, _ = functions


@functools.cache
def available() -> bool:
    """Are llvmlite and numpy there (the extra ``relaxpy[fast]``)?"""
    return all(importlib.util.find_spec(name) is not None for name in ("llvmlite", "numpy"))


def kernel(double: bool) -> Kernel:
    """The kernel for float64 or float32."""
    known = _kernels.get(double)
    if known is None:
        with _lock:
            known = _kernels.get(double)
            if known is None:
                known = _kernels[double] = _made(double)
    return known


def some_kernel() -> Kernel:
    """One that is there already, if there is one, for what is the same in all."""
    return next(iter(_kernels.values()), None) or kernel(True)


def directory() -> Path:
    """Where kernels are kept: ``$RELAXPY_CACHE``, or the user's cache directory."""
    chosen = os.environ.get("RELAXPY_CACHE")
    if chosen:
        return Path(chosen) / "kernels"
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "relaxpy" / "kernels"


def _made(double: bool) -> Kernel:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features()
    vector_bytes = 64 if features.get("avx512f") else 32 if features.get("avx") else 16
    width = vector_bytes // (8 if double else 4)
    machine = llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features.flatten(), opt=2, jit=True
    )
    path = directory() / f"{_key(double, width, features.flatten())}.o"
    code = _read(path)
    if code is not None:
        return Kernel(_loaded(llvm, machine, code), width, double)
    return Kernel(_built(llvm, machine, double, width, path), width, double)


def _key(double: bool, width: int, features: str) -> str:
    import llvmlite
    import llvmlite.binding as llvm

    here = Path(__file__).parent
    digest = hashlib.sha256()
    for part in (llvmlite.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(), features, double, width):
        digest.update(repr(part).encode())
    for name in _SOURCES:
        digest.update((here / name).read_bytes())
    return digest.hexdigest()[:32]


def _loaded(llvm: Any, machine: Any, code: bytes) -> Any:
    """An engine with code that was built before."""
    stub = llvm.parse_assembly("\n".join(f"define void @{name}(ptr %p) {{ ret void }}" for name in NAMES))
    stub.triple = llvm.get_process_triple()
    engine = llvm.create_mcjit_compiler(stub, machine)
    engine.set_object_cache(lambda module, buffer: None, lambda module: code)
    engine.finalize_object()
    return engine


def _built(llvm: Any, machine: Any, double: bool, width: int, path: Path) -> Any:
    from relaxpy.engine.chunks import module_text

    module = llvm.parse_assembly(module_text(double, width))
    module.verify()
    # rows are a few groups of lanes: code for many at once would be in the way
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_unrolling = options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.set_object_cache(lambda module, buffer: _write(path, bytes(buffer)), lambda module: None)
    engine.finalize_object()
    return engine


def _read(path: Path) -> bytes | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, code = content[:32], content[32:]
    return code if hashlib.sha256(code).digest() == digest else None


def _write(path: Path, code: bytes) -> None:
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(code).digest() + code)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
