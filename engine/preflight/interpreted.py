"""A game run in plain Python instead of machine code: slow, but nothing escapes it.

Compiled rules check no index and no range; here both raise, with the line. The source is the same
text, kernels included, with the marks for compiling taken away and the arithmetic of the compiler
put in: an integer of less than 64 bits counts as a plain ``int`` as soon as it is read from a field
or an array, a cast such as ``np.int8(x)`` wraps, and unsigned 64 bits stay what they are.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.core.extending import _Intrinsic
from numpy.typing import NDArray

from games import authoring
from games.game import BatchedRules, Game, GameError, States
from games.registry import game_of, read_spec

_MARKS = {"rule", "_rule", "njit", "jit"}  # decorators of what is compiled
_NUMPY = {"np", "numpy"}
_INTEGERS = {
    name: (np.iinfo(name).bits, np.iinfo(name).min < 0)
    for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "intp")
}
#: Modules of ``games`` that hold no rules.
_ORDINARY = {"games.authoring", "games.game"}


def interpret(spec: str) -> tuple[Game, ModuleType]:
    """The game that a text names, as ``games.make`` gives it but run by Python.

    Returns:
        The game, and the module whose globals its rules read.

    Raises:
        GameError: no such game, a parameter out of range, a file that is not a game, or one whose
            own lines outside functions raise; the message names the line.
    """
    game_id, source, parameters = read_spec(spec)
    module = _fresh_module(source.path)
    try:
        _run(source.with_kernels(parameters), module, set(source.helpers))
        return game_of(module, _InterpretedRules(module), game_id, source, parameters), module
    except GameError:
        raise
    except Exception as error:
        line = game_line(error, source.path)
        raise GameError(
            f"{source.path.name}, {line or 'outside any function'}: "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error


def game_line(error: BaseException, path: Path) -> str:
    """Where in the game's file an exception arose: ``line 41, in step: text of the line``."""
    place = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            place = (trace.tb_lineno, trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    lines = path.read_text(encoding="utf-8").splitlines()
    if place is None or place[0] > len(lines):  # those past the end are the kernels
        return ""
    within = "" if place[1] == "<module>" else f", in {place[1]}"
    return f"line {place[0]}{within}: {lines[place[0] - 1].strip()}"


def _run(text: str, module: ModuleType, helpers: set[str]) -> None:
    """Execute a game's text, translated, in ``module``."""
    tree = ast.fix_missing_locations(_Translation().visit(ast.parse(text)))
    scope = vars(module)
    scope["__builtins__"] = {**vars(builtins), "__import__": _importing(helpers - _ORDINARY)}
    scope |= {f"_as_{name}": _cast(name) for name in _INTEGERS}
    scope |= {"_load": _load, "_stored": _stored, "_each": _each, "_plain_rule": _plain_rule}
    exec(compile(tree, str(module.__file__), "exec"), scope)
    for name, value in list(scope.items()):
        if value is authoring.mix:
            scope[name] = _mix
        elif isinstance(value, _Intrinsic):
            scope[name] = _called_from_python(value)


def _fresh_module(path: Path) -> ModuleType:
    """An empty module that is found by its name, as dataclasses in it want."""
    module = ModuleType(f"meijin_plain_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    return module


def _importing(helpers: set[str]) -> Callable[..., Any]:
    """``__import__`` under which helper modules that hold rules are interpreted as well."""
    known: dict[str, ModuleType] = {}

    def importing(
        name: str, scope: Any = None, local: Any = None, wanted: Any = (), level: int = 0
    ) -> ModuleType:
        if name not in helpers:
            return __import__(name, scope, local, wanted, level)
        if name not in known:
            found = importlib.util.find_spec(name)
            assert found is not None and found.origin is not None
            module = known[name] = _fresh_module(Path(found.origin))
            _run(Path(found.origin).read_text(encoding="utf-8"), module, helpers - {name})
        return known[name]

    return importing


class _Translation(ast.NodeTransformer):
    """Takes the marks away, and puts the compiler's arithmetic into what was marked."""

    def __init__(self) -> None:
        self._inside = False

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not any(_name_of(mark) in _MARKS for mark in node.decorator_list):
            return node
        self._inside = True
        node.body = [self.visit(statement) for statement in node.body]
        self._inside = False
        node.decorator_list = [ast.Name("_plain_rule", ast.Load())]
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not self._inside:
            return self.generic_visit(node)
        function = node.func
        node.args = [self.visit(argument) for argument in node.args]
        node.keywords = [self.visit(keyword) for keyword in node.keywords]
        if isinstance(function, ast.Attribute):
            if _is_numpy(function.value) and function.attr in _INTEGERS:
                node.func = ast.copy_location(ast.Name(f"_as_{function.attr}", ast.Load()), node)
            else:
                function.value = self.visit(function.value)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if not self._inside or _is_numpy(node.value):
            return node
        node.value = self.visit(node.value)
        return _loaded(node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        return _loaded(node) if self._inside else node

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        self.generic_visit(node)
        if self._inside and any(isinstance(target, ast.Subscript) for target in node.targets):
            node.value = ast.copy_location(_call("_stored", node.value), node.value)
        return node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST:
        if not self._inside or isinstance(node.target, ast.Name):
            return self.generic_visit(node)
        read = ast.parse(ast.unparse(node.target), mode="eval").body  # the target, to be loaded
        for part in ast.walk(read):
            ast.copy_location(part, node)
        changed = ast.BinOp(self.visit(read), node.op, self.visit(node.value))
        return ast.copy_location(
            ast.Assign([self.visit(node.target)], ast.copy_location(changed, node)), node
        )

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        if self._inside:
            node.iter = ast.copy_location(_call("_each", node.iter), node.iter)
        return node


def _name_of(mark: ast.expr) -> str:
    mark = mark.func if isinstance(mark, ast.Call) else mark
    return mark.id if isinstance(mark, ast.Name) else getattr(mark, "attr", "")


def _is_numpy(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in _NUMPY


def _call(name: str, argument: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), [argument], [])


def _loaded(node: ast.Attribute | ast.Subscript) -> ast.expr:
    return ast.copy_location(_call("_load", node), node) if isinstance(node.ctx, ast.Load) else node


class _State:
    """A record whose fields are attributes, as compiled rules see it."""

    __slots__ = ("_record",)

    def __init__(self, record: np.void) -> None:
        object.__setattr__(self, "_record", record)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._record[name]
        except (KeyError, ValueError):
            raise AttributeError(f"the state has no field {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._record.dtype.names:
            raise AttributeError(f"the state has no field {name!r}")
        self._record[name] = value


def _load(value: Any) -> Any:
    """What compiled code has in hand after reading ``value`` from a field or an array."""
    if isinstance(value, np.void):
        return _State(value)
    if isinstance(value, np.generic) and not isinstance(value, np.uint64):
        return value.item()
    return value


def _stored(value: Any) -> Any:
    """What may be put into an array: the record itself where a whole state is copied."""
    return value._record if isinstance(value, _State) else value


def _each(values: Iterable[Any]) -> Iterable[Any]:
    """The elements of an array, loaded."""
    return map(_load, values) if isinstance(values, np.ndarray) else values


def _cast(name: str) -> Callable[[Any], Any]:
    """``np.int8`` and the like as the compiler has them: bits that do not fit are cut off."""
    bits, signed = _INTEGERS[name]

    def cast(value: Any) -> Any:
        number = int(value) & ((1 << bits) - 1)
        if signed and number >> (bits - 1):
            number -= 1 << bits
        return np.uint64(number) if name == "uint64" else number

    return cast


_as_uint64 = _cast("uint64")


def _mix(bits: Any) -> np.uint64:
    return np.uint64(authoring.mix(_as_uint64(bits)))


def _called_from_python(instruction: _Intrinsic) -> Callable[..., Any]:
    """A single instruction of the processor (``@intrinsic``), which Python cannot run itself."""
    count = len(inspect.signature(instruction._defn).parameters) - 1  # the first is Numba's
    names = ", ".join(f"x{i}" for i in range(count))
    compiled = njit(eval(f"lambda {names}: instruction({names})", {"instruction": instruction}))

    def called(*arguments: Any) -> Any:
        result = compiled(*arguments)
        unsigned = str(compiled.nopython_signatures[0].return_type) == "uint64"
        return np.uint64(result) if unsigned else result

    return called


def _plain_rule(function: Callable[..., Any]) -> Callable[..., Any]:
    """A translated rule, which may be called from anywhere with records and NumPy's numbers."""

    def called(*arguments: Any) -> Any:
        # Unsigned 64 bits wrap around by intention; NumPy would warn of every one.
        with np.errstate(over="ignore"):
            return function(*map(_load, arguments))

    return called


class _InterpretedRules(BatchedRules):
    """The interpreted kernels of a game. Whatever its functions raise comes through."""

    def __init__(self, module: ModuleType) -> None:
        self.state_dtype = module.STATE
        self._module = module

    def initial(self, count: int) -> States:
        """``count`` start positions."""
        states = np.zeros(count, self.state_dtype)
        self._module.batched_initial(states)
        return states

    def step(self, states: States, actions: NDArray[np.int32]) -> None:
        """Play ``actions[b]`` in ``states[b]``, in place."""
        self._module.batched_step(states, actions)

    def legal_actions(
        self, states: States, actions: NDArray[np.int32], counts: NDArray[np.int32]
    ) -> None:
        """Write each state's legal actions, ascending, and their number."""
        self._module.batched_legal_actions(states, actions, counts)

    def observe(self, states: States, planes: NDArray[np.uint8]) -> None:
        """Write observation planes from the view of the player to move."""
        self._module.batched_observe(states, planes)

    def prove(self, states: States, plies: int, outcomes: NDArray[np.int8]) -> None:
        """Search ``plies`` half-moves exhaustively for a settled result."""
        self._module.batched_prove(states, plies, outcomes)

    def play_out(self, states: States, rng: NDArray[np.uint64]) -> None:
        """Play uniformly random legal moves to the end of every game, in place."""
        self._module.batched_play_out(states, rng)
