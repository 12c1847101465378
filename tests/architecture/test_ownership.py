"""A room's SQL names only its own tables and the views that lower rooms publish."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.statements import relations, statements, whispered
from tests.architecture.tree import PACKAGE, ROOMS, Source, product, sample, strings

LOWER = {room: set(ROOMS[place + 1 :]) for place, room in enumerate(ROOMS)}
CATALOGUE = re.compile(r"^(pg_|information_schema\.|procrastinate_|alembic_version|{})")


def owner(relation: str) -> str | None:
    """Return the room whose name a table or view begins with, in whatever schema."""
    name = re.sub(r"^(guildbank|\{schema\})\.", "", relation)
    return next((room for room in ROOMS if name.startswith(f"{room}_")), None)


def foreign_relations(source: Source) -> list[str]:
    """Return a sentence for each statement that names what its room may not touch."""
    found = []
    for line, sql in statements(source):
        for name in sorted(relations(sql)):
            room = owner(name)
            if room == source.room or CATALOGUE.match(name) or name.startswith(f"{source.room}_"):
                continue
            published = room in LOWER.get(source.room or "", ()) and f"{room}_v_" in name
            if room and not published:
                found.append(f"{source.path}:{line} names {name}, which belongs to {room}")
            elif not room:
                found.append(f"{source.path}:{line} names {name}, which bears no room's name")
    return found


def table_names(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line and name of each SQLAlchemy table that the file declares."""
    for node in ast.walk(source.syntax):
        if isinstance(node, ast.Call) and node.args and _called(node) == "Table":
            name = node.args[0]
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield node.lineno, name.value


def misnamed_tables(source: Source) -> list[str]:
    """Return a sentence for each table that does not begin with its room's name."""
    return [
        f"{source.path}:{line} declares {name}: call it {source.room}_{name}"
        for line, name in table_names(source)
        if not name.startswith(f"{source.room}_")
    ]


def upward_keys(source: Source) -> list[str]:
    """Return a sentence for each foreign key that points at an upper room's table."""
    found = []
    for node in ast.walk(source.syntax):
        if isinstance(node, ast.Call) and _called(node) in {"ForeignKey", "ForeignKeyConstraint"}:
            constants = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
            for target in (value for value in constants if isinstance(value, str)):
                room = owner(target)
                if room and room != source.room and room not in LOWER.get(source.room or "", ()):
                    found.append(f"{source.path}:{node.lineno} points up at {target}")
    return found


def borrowed_names(source: Source, tables: dict[str, str]) -> list[str]:
    """Return a sentence for each string that holds another room's table, computed SQL included.

    `tables` gives the room of each declared table. Foreign keys have a check of their own.
    """
    in_keys = {
        id(part)
        for node in ast.walk(source.syntax)
        if isinstance(node, ast.Call) and _called(node).startswith("ForeignKey")
        for part in ast.walk(node)
    }
    keys = {
        node.value
        for node in ast.walk(source.syntax)
        if id(node) in in_keys and isinstance(node, ast.Constant)
    }
    return [
        f"{source.path}:{line} names {name}, which belongs to {tables[name]}"
        for line, text in strings(source.syntax)
        if text not in keys
        for name in re.findall(r"\w+", text)
        if tables.get(name, source.room) != source.room
    ]


def blocking_locks(source: Source) -> list[str]:
    """Return a sentence for each lock that deadlocks against foreign keys: FOR UPDATE."""
    found = [
        f"{source.path}:{line} says FOR UPDATE: say FOR NO KEY UPDATE"
        for line, text in strings(source.syntax)
        if re.search(r"(?i)\bFOR\s+UPDATE\b", text)
    ]
    for node in ast.walk(source.syntax):
        if isinstance(node, ast.Call) and _called(node) == "with_for_update":
            gentle = {
                keyword.arg
                for keyword in node.keywords
                if isinstance(keyword.value, ast.Constant) and keyword.value.value is True
            }
            if "key_share" not in gentle:
                found.append(f"{source.path}:{node.lineno} lacks with_for_update(key_share=True)")
    return found


def _called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _shipped_core() -> list[Source]:
    """Everything in the package but the migrations, which carry each room's tables forward."""
    core = [source for source in product() if source.path.startswith(f"{PACKAGE}/")]
    return [source for source in core if "/migrations/" not in source.path]


def test_sql_names_only_the_rooms_own_tables_and_published_views():
    assert not [finding for source in _shipped_core() for finding in foreign_relations(source)]


def test_no_string_names_another_rooms_table():
    tables = {name: s.room or "" for s in _shipped_core() for _, name in table_names(s)}
    assert not [finding for s in _shipped_core() for finding in borrowed_names(s, tables)]


def test_a_table_bears_its_rooms_name():
    assert not [finding for source in _shipped_core() for finding in misnamed_tables(source)]


def test_foreign_keys_point_down():
    assert not [finding for source in _shipped_core() for finding in upward_keys(source)]


def test_sql_is_written_in_upper_case_where_these_checks_see_it():
    assert not [f"{s.path}:{line}" for s in product() for line, _ in whispered(s)]


def test_nothing_locks_for_update():
    assert not [finding for source in product() for finding in blocking_locks(source)]


def test_plugins_name_no_table_of_ours():
    plugins = [source for source in product() if source.path.startswith("plugins/")]
    named = [name for s in plugins for _, sql in statements(s) for name in relations(sql)]
    assert not [name for name in named if owner(name)]


def test_foreign_tables_are_found_in_any_position():
    for sql in (
        "SELECT 1 FROM wallets_balance",
        "SELECT 1 FROM ledger_account AS a, wallets_balance AS b",
        "SELECT 1 FROM unnest($1::bigint[]) AS u(x), wallets_balance",
        "SELECT 1 FROM ledger_account a JOIN ONLY wallets_balance USING (id)",
        "INSERT INTO wallets_balance(id) VALUES ($1)",
        "UPDATE wallets_balance SET a = 1",
        "DELETE FROM ledger_account USING wallets_balance",
        "WITH x AS (DELETE FROM wallets_balance RETURNING id) SELECT id FROM x",
        "CREATE INDEX i ON wallets_balance (id)",
        "SELECT 1 FROM guildbank.wallets_balance",
        "SELECT 1 FROM {schema}.wallets_balance",
        "SELECT 1 FROM wallets_v_balance",
    ):
        assert foreign_relations(sample(f"RUN = {sql!r}")), sql
    assert foreign_relations(sample("RUN = f'SELECT {a} FROM wallets_balance'"))
    assert foreign_relations(sample("RUN = 'SELECT 1 FROM account'"))


def test_own_tables_and_lower_views_are_no_finding():
    for sql in (
        "SELECT EXTRACT(EPOCH FROM a.at) FROM ledger_account a WHERE b IS DISTINCT FROM c",
        "WITH n AS MATERIALIZED (SELECT 1), m (x) AS (SELECT 2) SELECT * FROM n, m",
        "SELECT 1 FROM journal_v_entry JOIN LATERAL (SELECT 1) l ON TRUE",
        "INSERT INTO ledger_lot (a) SELECT x FROM unnest($1::bigint[]) u (x) "
        "ON CONFLICT (a) DO UPDATE SET a = 1",
        "SELECT id FROM ledger_account ORDER BY id FOR NO KEY UPDATE OF ledger_account",
        "SELECT 'FROM wallets_balance' FROM pg_class",
    ):
        assert not foreign_relations(sample(f"RUN = {sql!r}")), sql


def test_the_other_violations_are_found():
    assert misnamed_tables(sample('x = Table("account", metadata)'))
    assert upward_keys(sample('Column("a", ForeignKey("wallets_balance.id"))'))
    assert not upward_keys(sample('Column("a", ForeignKey("journal_entry.seq"))'))
    tables = {"wallets_balance": "wallets"}
    assert borrowed_names(sample('NAME = "wallets_balance"'), tables)
    assert borrowed_names(sample('SQL = f"{verb} wallets_balance"'), tables)
    assert blocking_locks(sample('SQL = "SELECT 1 FOR\\n UPDATE"'))
    assert blocking_locks(sample("select(a).with_for_update()"))
    assert not blocking_locks(sample("select(a).with_for_update(key_share=True)"))
    assert list(whispered(sample('SQL = "select a from wallets_balance"')))
