"""What the doctor asks PostgreSQL: room for connections, schema, indexes, what holds it up, and what runs out one day."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from psycopg.errors import ProtocolViolation, QueryCanceled

from diamondhub.operations.doctor.checks import Finding, Said, database, register
from diamondhub.operations.problems.kinds import Severity
from diamondhub.serving import bounds

#: The oldest major version that the product runs on.
MIN_VERSION = 15
#: Connections that an I/O worker keeps (DATABASE_POOL_SIZE in docs/operations.md), and processes of the other worker.
IO_POOL, CPU_PROCESSES = 12, 2
#: Connections beside the pools of one host: a look of each web process at a database that hangs comes on top.
INDEX, HEALTH, DOCTOR, COMMANDS = 1, 2, 4, 2
#: Share of the connections in use from which on the rest is gone soon.
FULL = 0.9
#: Transaction ids in use from which on autovacuum is behind, and from which on writing stops soon; it stops at 2.1 billion.
OLD_IDS, DANGEROUS_IDS = 600_000_000, 1_500_000_000
#: A transaction that does nothing for this long holds locks and dead rows for nothing (seconds).
IDLE_SECONDS = 300.0
#: No statement but that of an export takes longer (seconds).
LONG_SECONDS = 900.0
#: A statement waits for a lock no longer than this (seconds).
BLOCKED_SECONDS = 120.0
#: Share of a sequence's numbers from which on somebody should know, and from which on it is urgent.
NEAR_END, AT_END = 0.7, 0.9
#: What a replication slot may hold back (bytes).
MAX_HELD = 5_000_000_000
#: An index of this size (bytes) that nobody used for so many days costs more than it gives.
BIG_INDEX, UNUSED_DAYS = 100_000_000, 30
_POOL_MODE = (
    "Put the pooler into transaction mode (`pool_mode = transaction`); RDS Proxy and statement mode are not supported."
)


@register("database", "Does the database answer, and is it one that the product runs on?")
def answers() -> Iterator[Said]:
    """One question. Of what goes wrong with all other checks, this one is critical."""
    try:
        with database() as cursor:
            cursor.execute(
                """
                SELECT current_setting('server_version_num')::int / 10000, pg_is_in_recovery(),
                    current_setting('autovacuum')::bool, current_setting('fsync')::bool
                """
            )
            major, is_standby, vacuums, is_durable = cursor.fetchone() or (0, False, True, True)
    except OperationalError as error:
        yield Finding(
            f"The database does not answer: {str(error).strip().splitlines()[0]}",
            "Start it, or mend DATABASE_URL and the network between.",
            Severity.CRITICAL,
        )
        return
    yield f"PostgreSQL {major} answers"
    if major < MIN_VERSION:
        yield Finding(f"PostgreSQL {major} is older than {MIN_VERSION}.", f"Upgrade it to {MIN_VERSION} or newer.")
    if is_standby:
        yield Finding(
            "DATABASE_URL names a standby, which nothing can be written to.",
            "Name the primary, or a proxy that follows it.",
            Severity.CRITICAL,
        )
    if not vacuums:
        yield Finding("autovacuum is off: tables grow, and transaction ids run out.", "Set autovacuum = on.")
    if settings.PRODUCTION and not is_durable:
        yield Finding(
            "fsync is off: after a power cut the database may be unreadable.", "Set fsync = on.", Severity.CRITICAL
        )


@register("connections", "Have the pools of all programs room in max_connections?")
def connections_fit() -> Iterator[Said]:
    """The formula with its numbers, and what is in use now."""
    with database() as cursor:
        cursor.execute(
            """
            SELECT current_setting('max_connections')::int,
                current_setting('superuser_reserved_connections')::int
                    + coalesce(current_setting('reserved_connections', true)::int, 0),
                (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
                (
                    SELECT count(DISTINCT client_addr) FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name LIKE 'diamondhub%'
                )
            """
        )
        most, reserved, used, hosts = cursor.fetchone() or (0, 0, 0, 0)
    hosts = max(1, hosts)
    web = settings.WEB_CONCURRENCY * (bounds.THREADS + 1)
    a_host = web + IO_POOL + CPU_PROCESSES + INDEX + HEALTH + DOCTOR + COMMANDS
    needed = hosts * a_host + reserved
    formula = (
        f"{hosts} host{'s' if hosts > 1 else ''} x "
        f"({settings.WEB_CONCURRENCY} web processes x ({bounds.THREADS} threads + 1) "
        f"+ {IO_POOL} of worker-io + {CPU_PROCESSES} of worker-cpu + {INDEX} index + {HEALTH} health + {DOCTOR} doctor "
        f"+ {COMMANDS} commands) + {reserved} reserved = {needed} of max_connections = {most}; {used} are in use"
    )
    yield formula
    if needed > most:
        yield Finding(
            f"All pools full need more connections than there are: {formula}.",
            f"Set max_connections to {needed} or more, put PgBouncer (transaction mode) between, or lower WEB_CONCURRENCY "
            "and DATABASE_POOL_SIZE.",
        )
    if used >= FULL * (most - reserved):
        yield Finding(
            f"{used} of {most - reserved} connections are in use: the next ones are refused.",
            "Look in pg_stat_activity who holds them, end what nobody needs, then see the formula.",
            Severity.CRITICAL,
        )


@register("migrations", "Is the schema that of this release?")
def schema_is_current() -> Iterator[Said]:
    """Migrations that are not applied, and those of a newer release."""
    with database():
        executor = MigrationExecutor(connection)
        graph = executor.loader.graph
        wanted = [
            f"{migration.app_label}.{migration.name}" for migration, _ in executor.migration_plan(graph.leaf_nodes())
        ]
        known = set(executor.loader.disk_migrations)
        ours = {app for app, _name in known}
        newer = [".".join(key) for key in executor.loader.applied_migrations if key[0] in ours and key not in known]
    if wanted:
        yield Finding(
            f"{len(wanted)} migrations are not applied: {', '.join(wanted[:5])}{' …' if len(wanted) > 5 else ''}.",
            "Run `manage.py migrate`.",
            Severity.CRITICAL,
        )
    if newer:
        yield Finding(
            f"The database has migrations that this release does not know: {', '.join(sorted(newer)[:5])}.",
            "Another host runs a newer release: bring this one up to it.",
        )


@register("indexes", "Are all indexes valid, used and there once?")
def indexes_are_sound() -> Iterator[Said]:
    """Invalid ones serve nobody; doubled and unused ones cost every write."""
    with database() as cursor:
        cursor.execute(
            """
            /* One being built by somebody is invalid for that time. */
            SELECT i.indexrelid::regclass::text, i.indrelid::regclass::text
            FROM pg_index AS i
            JOIN pg_class AS c ON c.oid = i.indexrelid
            WHERE NOT i.indisvalid AND c.relkind = 'i'
                AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index AS p WHERE p.index_relid = i.indexrelid)
            ORDER BY 1
            """
        )
        invalid = cursor.fetchall()
        cursor.execute(
            """
            SELECT array_agg(i.indexrelid::regclass::text ORDER BY i.indisprimary DESC, i.indisunique DESC, i.indexrelid),
                i.indrelid::regclass::text
            FROM pg_index AS i
            JOIN pg_class AS c ON c.oid = i.indrelid AND c.relnamespace NOT IN (
                SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema'
            )
            JOIN pg_class AS x ON x.oid = i.indexrelid
            /* Of a table that is cut, the pieces' indexes follow those of the whole. */
            WHERE i.indisvalid AND NOT c.relispartition
            GROUP BY i.indrelid, i.indkey::text, i.indclass::text, i.indoption::text, i.indcollation::text, x.relam,
                coalesce(pg_get_expr(i.indexprs, i.indrelid), ''), coalesce(pg_get_expr(i.indpred, i.indrelid), '')
            HAVING count(*) > 1
            """
        )
        doubled = cursor.fetchall()
        cursor.execute(
            """
            SELECT s.indexrelid::regclass::text, pg_relation_size(s.indexrelid)
            FROM pg_stat_user_indexes AS s
            JOIN pg_index AS i ON i.indexrelid = s.indexrelid
            WHERE s.idx_scan = 0 AND NOT i.indisunique AND NOT i.indisexclusion
                AND pg_relation_size(s.indexrelid) >= %(big)s
                /* Statistics outlive restarts; since when they count is known only if they were reset. */
                AND (
                    SELECT coalesce(stats_reset, pg_postmaster_start_time()) <= now() - %(days)s * interval '1 day'
                    FROM pg_stat_database WHERE datname = current_database()
                )
            ORDER BY 2 DESC
            """,
            {"big": BIG_INDEX, "days": UNUSED_DAYS},
        )
        unused = cursor.fetchall()
    for index, table in invalid:
        yield Finding(
            f"Index {index} of {table} is invalid: every write keeps it up, and no search uses it.",
            f"`DROP INDEX CONCURRENTLY {index}`, then make it again as its migration does.",
        )
    for indexes, table in doubled:
        kept, *others = indexes
        yield Finding(
            f"{table} has the same index more than once: {', '.join(indexes)}.",
            f"Keep {kept}; drop {', '.join(others)} with a migration, or CONCURRENTLY if nobody knows where it came from.",
        )
    for index, size in unused:
        yield Finding(
            f"Index {index} ({size / 1e6:,.0f} MB) was not used for {UNUSED_DAYS} days.",
            "If no rare report needs it, drop it with a migration.",
        )


@register("wraparound", "How far is the database from running out of transaction ids?")
def ids_are_recycled() -> Iterator[Said]:
    """The oldest ids that are not frozen yet, of transactions and of groups of lockers."""
    with database() as cursor:
        cursor.execute(
            """
            SELECT datname, age(datfrozenxid), mxid_age(datminmxid) FROM pg_database
            WHERE datallowconn ORDER BY greatest(age(datfrozenxid), mxid_age(datminmxid)) DESC LIMIT 1
            """
        )
        name, transactions, groups = cursor.fetchone() or ("", 0, 0)
    oldest = max(transactions, groups)
    yield f"database {name}: {oldest:,} ids in use of 2.1 billion"
    if oldest >= OLD_IDS:
        yield Finding(
            f"Database {name} uses {oldest:,} of 2.1 billion transaction ids: vacuuming is behind. At the end nothing can "
            "be written any more.",
            f"End old transactions, prepared ones and slots (see the other checks), then `VACUUM (FREEZE)` in {name}.",
            Severity.CRITICAL if oldest >= DANGEROUS_IDS else Severity.WARNING,
        )


@register("idle-in-transaction", "Does somebody hold a transaction open and do nothing?")
def nobody_idles_in_a_transaction() -> Iterator[Said]:
    """Sessions that wait within a transaction, and prepared transactions that nobody ends."""
    with database() as cursor:
        cursor.execute(
            """
            SELECT pid, usename, application_name, coalesce(client_addr::text, 'this host'),
                extract(epoch FROM clock_timestamp() - state_change)::int
            FROM pg_stat_activity
            WHERE state LIKE 'idle in transaction%%' AND pid <> pg_backend_pid() AND datname = current_database()
                AND state_change < clock_timestamp() - %s * interval '1 second'
            ORDER BY state_change LIMIT 5
            """,
            [IDLE_SECONDS],
        )
        idle = cursor.fetchall()
        cursor.execute(
            """
            SELECT gid, owner, extract(epoch FROM now() - prepared)::int FROM pg_prepared_xacts
            WHERE prepared < now() - %s * interval '1 second' ORDER BY prepared LIMIT 5
            """,
            [IDLE_SECONDS],
        )
        prepared = cursor.fetchall()
    for pid, person, application, address, seconds in idle:
        yield Finding(
            f"Session {pid} ({person}, {application or 'no name'}, from {address}) does nothing in an open transaction for "
            f"{seconds:,} s: its locks stay, and dead rows cannot be removed.",
            f"`SELECT pg_terminate_backend({pid})`; set idle_in_transaction_session_timeout for that role.",
        )
    for name, owner, seconds in prepared:
        yield Finding(
            f"Transaction {name!r} of {owner} is prepared for {seconds:,} s, and nobody ends it.",
            f"`ROLLBACK PREPARED '{name}'`; the product prepares none.",
        )


@register("long-statements", "Does a statement run, or wait for a lock, longer than any of ours should?")
def statements_end() -> Iterator[Said]:
    """Statements that run very long, and those that wait for a lock, with who holds it."""
    longest = max(LONG_SECONDS, settings.EXPORT_STATEMENT_SECONDS)
    with database() as cursor:
        cursor.execute(
            """
            SELECT pid, usename, application_name, extract(epoch FROM clock_timestamp() - query_start)::int,
                coalesce(wait_event_type = 'Lock', false), pg_blocking_pids(pid)
            FROM pg_stat_activity
            WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()
                AND datname = current_database()
                AND query_start < clock_timestamp()
                    - CASE WHEN wait_event_type = 'Lock' THEN %(blocked)s ELSE %(longest)s END * interval '1 second'
            ORDER BY query_start LIMIT 5
            """,
            {"blocked": BLOCKED_SECONDS, "longest": longest},
        )
        rows = cursor.fetchall()
    for pid, person, application, seconds, waits, holders in rows:
        who = f"({person}, {application or 'no name'})"
        if waits:
            yield Finding(
                f"Session {pid} {who} waits for a lock for {seconds:,} s, which is held by session "
                f"{', '.join(map(str, holders)) or 'unknown'}.",
                "Look what the holder does in pg_stat_activity; `SELECT pg_cancel_backend(<holder>)` if it may end.",
            )
        else:
            yield Finding(
                f"Session {pid} {who} runs one statement for {seconds:,} s.",
                f"`SELECT query FROM pg_stat_activity WHERE pid = {pid}`; `SELECT pg_cancel_backend({pid})` if it may end.",
            )


@register("sequences", "Does a sequence come near its end?")
def sequences_have_numbers_left() -> Iterator[Said]:
    """By the sequence's own bound, or that of the column that it numbers, if that is smaller."""
    with database() as cursor:
        cursor.execute(
            """
            WITH numbered AS (
                SELECT s.schemaname || '.' || s.sequencename AS name, s.last_value,
                    least(s.max_value, CASE a.atttypid WHEN 'int4'::regtype THEN 2147483647 WHEN 'int2'::regtype THEN 32767
                        ELSE s.max_value END) AS most
                FROM pg_sequences AS s
                JOIN pg_class AS c ON c.relname = s.sequencename AND c.relkind = 'S'
                    AND c.relnamespace = s.schemaname::regnamespace
                LEFT JOIN pg_depend AS d ON d.objid = c.oid AND d.classid = 'pg_class'::regclass
                    AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
                LEFT JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                WHERE s.last_value IS NOT NULL AND NOT s.cycle
            )
            SELECT name, last_value, most FROM numbered
            WHERE last_value >= %s * most ORDER BY last_value::float / most DESC
            """,
            [NEAR_END],
        )
        rows = cursor.fetchall()
    for name, last, most in rows:
        yield Finding(
            f"Sequence {name} is at {last:,} of {most:,}: at the end no row can be added.",
            "Make the column and its sequence bigint with a migration.",
            Severity.CRITICAL if last >= AT_END * most else Severity.WARNING,
        )


@register("replication-slots", "Does a replication slot hold back the write-ahead log?")
def slots_are_read() -> Iterator[Said]:
    """Slots that nobody reads fill the disk."""
    with database() as cursor:
        cursor.execute(
            """
            SELECT slot_name, active, coalesce(wal_status, ''),
                coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0)::bigint
            FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name
            """
        )
        rows = cursor.fetchall()
    for name, active, status, held in rows:
        yield f"slot {name}: {'read' if active else 'not read'}, holds {held / 1e6:,.0f} MB"
        if status == "lost":
            yield Finding(
                f"Replication slot {name} is lost: its reader missed a piece of the log.",
                f"Make the replica anew, and `SELECT pg_drop_replication_slot('{name}')`.",
            )
        elif not active or held > MAX_HELD:
            yield Finding(
                f"Replication slot {name} {'is behind' if active else 'is read by nobody'} and holds back "
                f"{held / 1e6:,.0f} MB of the log, more with every write, until the disk is full.",
                f"Bring its reader back, or `SELECT pg_drop_replication_slot('{name}')`.",
                Severity.CRITICAL if held > MAX_HELD else Severity.WARNING,
            )


@register("statement-timeouts", "Are the time limits of statements in force, also through a pooler?")
def time_outs_are_in_force() -> Iterator[Said]:
    """A statement that would take half a second gets fifty milliseconds, as batches and lists set their limits."""
    try:
        with database(seconds=0.05) as cursor:
            cursor.execute("SELECT pg_sleep(0.5)")
    except OperationalError as error:
        if isinstance(error.__cause__, ProtocolViolation):
            # PgBouncer's own answer, in statement mode.
            yield Finding(f"The pooler takes no transactions: {error}.", _POOL_MODE, Severity.CRITICAL)
        elif isinstance(error.__cause__, QueryCanceled):
            yield "a statement past its limit is cancelled"
        else:
            raise
    else:
        yield Finding(
            "A statement ran past its time limit: what is set with SET LOCAL does not reach the server.",
            _POOL_MODE,
            Severity.CRITICAL,
        )
    if settings.DATABASES["default"]["OPTIONS"].get("options"):
        yield Finding(
            "DATABASE_URL has `options`: a pooler refuses or ignores them, so what they set is not in force.",
            "Set it for the role instead: `ALTER ROLE … SET …`.",
        )
