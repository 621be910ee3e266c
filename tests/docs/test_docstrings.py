"""Every public name says what it is; a method may leave that to the class that declares it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import scenarium

MODULES = sorted(
    module.name for module in pkgutil.walk_packages(scenarium.__path__, "scenarium.") if "__main__" not in module.name
)


def _silent(module):
    for name, member in vars(module).items():
        if name.startswith("_") or getattr(member, "__module__", None) != module.__name__:
            continue
        if (inspect.isclass(member) or inspect.isfunction(member)) and not inspect.getdoc(member):
            yield name
        if inspect.isclass(member):
            yield from (f"{name}.{method}" for method in _methods(member))


def _methods(kind):
    for name, member in vars(kind).items():
        function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        declared = [vars(parent)[name] for parent in kind.__mro__ if name in vars(parent)]
        if not any(getattr(member, "__doc__", None) for member in declared):
            yield name


@pytest.mark.parametrize("name", MODULES)
def test_every_public_name_is_documented(name):
    module = importlib.import_module(name)
    assert module.__doc__ or name.endswith("__init__"), name
    assert list(_silent(module)) == []
