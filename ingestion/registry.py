"""Finds the sources: every module in ingestion/sources defines one `SPEC`. A broken module stops everything, loudly."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from ingestion import sources
from ingestion.spec import SourceSpec, SpecError


@cache
def all_specs() -> tuple[SourceSpec, ...]:
    """Every source of the house, by name. Raises SpecError naming the module that cannot be used."""
    specs: list[SourceSpec] = []
    for module in pkgutil.iter_modules(sources.__path__):
        path = f"{sources.__name__}.{module.name}"
        try:
            spec = importlib.import_module(path).SPEC
        except AttributeError as e:
            raise SpecError(f"{path} defines no SPEC; see docs/adding_a_source.md ({e})") from e
        except Exception as e:
            raise SpecError(f"{path} cannot be imported: {type(e).__name__}: {e}") from e
        if not isinstance(spec, SourceSpec):
            raise SpecError(f"{path}.SPEC is a {type(spec).__name__}; expected a SourceSpec")
        if spec.name != module.name:
            raise SpecError(f"{path}: SPEC.name is {spec.name!r}; expected the module's name {module.name!r}")
        specs.append(spec)
    return tuple(sorted(specs, key=lambda s: s.name))


def get_spec(name: str) -> SourceSpec:
    """The source of that name. Raises SpecError listing the known ones."""
    for spec in all_specs():
        if spec.name == name:
            return spec
    raise SpecError(f"no source {name!r}; known: {', '.join(s.name for s in all_specs())}")


def providers(what: str) -> tuple[str, ...]:
    """Names of the sources that provide `what` (see spec.PROVIDES), in order."""
    return tuple(s.name for s in all_specs() if what in s.provides)
