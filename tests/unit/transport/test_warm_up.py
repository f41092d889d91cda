"""A worker compiles before it joins its group: whatever Python calls later must have been called then."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from types import ModuleType

from numba.core.dispatcher import Dispatcher

import stream

WARMED = """
from tests.unit.transport.test_warm_up import entrances
from stream.transport.warm_up import warm_up
warm_up()
found = entrances()
print(len(found), *sorted(name for name, function in found.items() if not function.signatures))
"""


def entrances() -> dict[str, Dispatcher]:
    """Native functions that a function of Python names."""
    found: dict[str, Dispatcher] = {}
    for package in ("contracts", "native", "state", "transport"):
        root = importlib.import_module(f"{stream.__name__}.{package}")
        for it in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            module = importlib.import_module(it.name)
            for function in _named(module):
                found[f"{function.__module__}.{function.__name__}"] = function
    return found


def _named(module: ModuleType) -> list[Dispatcher]:
    named: list[object] = []
    for function in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(function, ast.FunctionDef) and not isinstance(vars(module).get(function.name), Dispatcher):
            for node in ast.walk(function):
                if isinstance(node, ast.Name):
                    named.append(vars(module).get(node.id))
                elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    named.append(getattr(vars(module).get(node.value.id), node.attr, None))
    return [it for it in named if isinstance(it, Dispatcher)]


def test_warming_up_calls_every_native_function_that_python_calls():
    # In a process of its own: another test would have called it.
    said = subprocess.run([sys.executable, "-c", WARMED], capture_output=True, text=True, check=True, timeout=240)
    count, *never = said.stdout.split()
    assert int(count) > 20
    assert never == []
