"""Add names to the imports of Python files, leaving the rest of them as it is."""

from __future__ import annotations

import ast

_WIDEST = 120


def with_import(source: str, name: str, module: str = "", level: int = 0) -> str:
    """The source with `from module import name` in it, where an import sorter would put it."""
    origin = "." * level + module
    if name in _bound(source):
        return source
    for node in _imports(source):
        if (node.level, node.module or "") == (level, module) and not any(alias.asname for alias in node.names):
            names = [*(alias.name for alias in node.names), name]
            return _replaced(source, node, _wrapped(f"from {origin} import ", _sorted(names), "(", ")"))
    return _inserted(source, origin, f"from {origin} import {name}\n")


def with_plain_import(source: str, name: str) -> str:
    """The source with `import name` in it, before all other imports."""
    if name in _bound(source):
        return source
    first = next((node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)), None)
    return _put(source, first.lineno - 1 if first else _after_docstring(source), f"import {name}\n\n")


def with_all(source: str, name: str) -> str:
    """The source with a name in its `__all__`, if it has one."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names = sorted({*ast.literal_eval(node.value), name})
            return _replaced(source, node, _wrapped("__all__ = ", [f'"{one}"' for one in names], "[", "]", always=True))
    return source


def defined(source: str) -> set[str]:
    """The functions and classes at the top of a module."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in ast.parse(source).body if isinstance(node, kinds)}


def _bound(source: str) -> set[str]:
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {alias.asname or alias.name for node in nodes for alias in node.names}


def _imports(source: str) -> list[ast.ImportFrom]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.ImportFrom)]


def _inserted(source: str, origin: str, line: str) -> str:
    """Before the first import of our own rooms that comes later in the alphabet, else after the last import."""
    ours = [node for node in _imports(source) if (node.module or "").split(".")[0] in {"jobs", "tasks", "tests"}]
    later = next((node for node in ours if node.level == 0 and (node.module or "") > origin), None)
    if later is not None:
        return _put(source, later.lineno - 1, line)
    nodes = [node for node in ast.parse(source).body if isinstance(node, ast.Import | ast.ImportFrom)]
    if not nodes:
        return _put(source, _after_docstring(source), f"{line}\n")
    return _put(source, nodes[-1].end_lineno or nodes[-1].lineno, line if ours else f"\n{line}")


def _after_docstring(source: str) -> int:
    """The number of the line after the docstring and the empty line behind it; 0 without one."""
    body = ast.parse(source).body
    if not body or ast.get_docstring(ast.parse(source)) is None:
        return 0
    return (body[0].end_lineno or 0) + 1


def _put(source: str, number: int, text: str) -> str:
    lines = source.splitlines(keepends=True)
    missing = "\n" * max(0, number - len(lines))
    return "".join([*lines[:number], missing, text, *lines[number:]])


def _replaced(source: str, node: ast.stmt, text: str) -> str:
    lines = source.splitlines(keepends=True)
    lines[node.lineno - 1 : node.end_lineno] = [text]
    return "".join(lines)


def _wrapped(start: str, names: list[str], opening: str, closing: str, *, always: bool = False) -> str:
    """On one line, or on one for each name, as the formatter would."""
    inner = ", ".join(names)
    line = f"{start}{opening}{inner}{closing}" if always else f"{start}{inner}"
    if len(line) <= _WIDEST:
        return f"{line}\n"
    return f"{start}{opening}\n" + "".join(f"    {name},\n" for name in names) + f"{closing}\n"


def _sorted(names: list[str]) -> list[str]:
    """Constants, then classes, then the rest, as ruff and isort do."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))
