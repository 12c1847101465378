"""Where amounts live there is no float, no true division and no inexact column type.

A float is allowed only as a duration or a rate that its name declares: `..._seconds`, `..._ratio`.
Reading a time from a clock is not arithmetic on money and is left alone.
"""

import ast
import re

from tests.architecture.statements import statements
from tests.architecture.tree import PACKAGE, Source, product, sample

ROOMS_WITH_AMOUNTS = {"kernel", "journal", "ledger", "wallets", "payments", "store"}
MEASURE = re.compile(r"(?i)_(seconds|ratio)$")
INEXACT_SQL = re.compile(r"(?i)\b(double\s+precision|float[48]?|real)\b")
INEXACT_COLUMNS = {"Float", "REAL", "Double", "DOUBLE", "DOUBLE_PRECISION", "FLOAT"}


def inexact(source: Source) -> list[str]:
    """Return a sentence for each float, division or inexact type outside a named measure."""
    allowed = _measures(source.syntax)
    found = [
        f"{source.path}:{line} uses an inexact SQL type"
        for line, sql in statements(source)
        if INEXACT_SQL.search(sql)
    ]
    for node in ast.walk(source.syntax):
        if id(node) in allowed:
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"{source.path}:{node.lineno} has the float {node.value}")
        elif isinstance(node, ast.Name) and node.id in {"float", "complex"} | INEXACT_COLUMNS:
            found.append(f"{source.path}:{node.lineno} uses {node.id}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            if not _joins_paths(node):
                found.append(f"{source.path}:{node.lineno} divides with /: use // or divmod")
        elif isinstance(node, ast.Attribute) and node.attr in INEXACT_COLUMNS | {"truediv"}:
            found.append(f"{source.path}:{node.lineno} uses {node.attr}")
    return found


def _measures(syntax: ast.AST) -> set[int]:
    """Return the nodes under an assignment, argument or result whose name declares a measure."""
    allowed: set[int] = set()
    for node in ast.walk(syntax):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Assign) and all(_is_measure(t) for t in node.targets):
            parts = [node.value]
        elif isinstance(node, ast.AnnAssign) and _is_measure(node.target):
            parts = [node.value, node.annotation]
        elif isinstance(node, ast.keyword) and node.arg and MEASURE.search(node.arg):
            parts = [node.value]
        elif isinstance(node, ast.arg) and MEASURE.search(node.arg):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts = [default for name, default in _defaults(node.args) if MEASURE.search(name)]
            parts += [node.returns] if MEASURE.search(node.name) else []
        allowed.update(id(inner) for part in parts if part for inner in ast.walk(part))
    return allowed


def _is_measure(target: ast.AST) -> bool:
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return bool(MEASURE.search(name))


def _defaults(arguments: ast.arguments) -> list[tuple[str, ast.expr]]:
    plain = [*arguments.posonlyargs, *arguments.args]
    with_default = plain[len(plain) - len(arguments.defaults) :]
    named = [
        *zip(with_default, arguments.defaults, strict=True),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    return [(argument.arg, default) for argument, default in named if default]


def _joins_paths(node: ast.BinOp | ast.AugAssign) -> bool:
    """A text on either side makes it a path: texts cannot be divided."""
    right = node.right if isinstance(node, ast.BinOp) else node.value
    left = node.left if isinstance(node, ast.BinOp) else node.target
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (left, right)
    )


def test_no_float_comes_near_money():
    near = [s for s in product() if s.path.startswith(PACKAGE) and s.room in ROOMS_WITH_AMOUNTS]
    assert near
    assert not [finding for source in near for finding in inexact(source)]


def test_inexact_code_is_found():
    for code in (
        "fee = amount * 0.029",
        "fee = float(amount)",
        "half = amount / 2",
        "amount /= 2",
        "def price(amount: float) -> int: ...",
        "def price() -> float: ...",
        "def price(amount=1.5): ...",
        "wait(amount=0.5)",
        "column = Column('amount', Float)",
        "column = Column('amount', sqlalchemy.Double)",
        "fees = list(map(float, amounts))",
        "SQL = 'SELECT amount::double precision FROM ledger_account'",
        "pause_seconds = amount = 0.5",
    ):
        assert inexact(sample(code)), code


def test_measures_and_exact_code_are_no_finding():
    for code in (
        "pause_seconds = 0.5",
        "RETRY_SECONDS: tuple[float, ...] = (0.5, 1.5)",
        "def wait(pause_seconds: float = 0.5, *, idle_seconds: float = 2.5): ...",
        "def age_seconds() -> float: ...",
        "wait(timeout_seconds=0.5)",
        "half, rest = divmod(amount, 2)",
        "path = folder / 'master.key'",
        "fee = amount * 29 // 1000",
    ):
        assert not inexact(sample(code)), code
