"""How the engine's kernels are compiled, and two things that Numba does not offer."""

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic
from numba.np.arrayobj import make_array

from games import compile_cache  # noqa: F401  (names the folder that compiled code is kept in)

#: Marks a function that is compiled. Divisions are not checked for zero.
kernel = njit(cache=True, nogil=True, error_model="numpy")

#: The same for what stands in the innermost loops: no calls, so no counting of references either.
inlined = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

_KEEP_IN_ALL_CACHES = 3
_DATA = 1


@intrinsic
def prefetch(typingctx, words, index):
    """Begin to load the cache line of ``words[index]``; no effect but on time.

    Trees of hundreds of nodes fall out of the caches between two visits. Asking for the next node
    of one tree and going on with others meanwhile hides most of the wait.
    """

    def emit(context, builder, signature, arguments):
        array = make_array(signature.args[0])(context, builder, arguments[0])
        pointer_type = ir.IntType(8).as_pointer()
        pointer = builder.bitcast(builder.gep(array.data, [arguments[1]]), pointer_type)
        flag = ir.IntType(32)
        function_type = ir.FunctionType(ir.VoidType(), [pointer_type, flag, flag, flag])
        function = builder.module.declare_intrinsic("llvm.prefetch", (pointer_type,), function_type)
        for_reading = flag(0)
        builder.call(function, [pointer, for_reading, flag(_KEEP_IN_ALL_CACHES), flag(_DATA)])
        return context.get_dummy_value()

    return types.void(words, types.intp), emit


@intrinsic
def borrow(typingctx, array):
    """The same array without an owner, so that it is passed around without counting references.

    Counting is an atomic operation for each array of each call, and of each row that is taken: a
    fifth of the time of a search. Trusts: the caller keeps the array alive.
    """

    def emit(context, builder, signature, arguments):
        make = make_array(signature.args[0])
        lent = make(context, builder, arguments[0])
        lent.meminfo = cgutils.get_null_value(lent.meminfo.type)
        lent.parent = cgutils.get_null_value(lent.parent.type)
        return lent._getvalue()

    return array(array), emit
