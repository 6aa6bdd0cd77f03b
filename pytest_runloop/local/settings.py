"""The bounds and holds of the server, in one place."""

from __future__ import annotations

from dataclasses import dataclass

from .addresses import GITHUB

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Settings:
    """What can be tuned. Times are in seconds, sizes in bytes; the holds follow the API's rules."""

    devbox_hold: float = 10
    devbox_hold_max: float = 30
    execution_hold: float = 25
    create_hold: float = 20
    """Below the 30 s that clients wait for an answer by default."""
    optimistic_timeout_max: int = 600
    keep_alive: int = 3600
    keep_alive_max: int = 172_800
    scoring: int = 1800
    """For all scoring functions of a run, where its scenario does not say (the API's default)."""
    processes: int = 4096
    """Of each devbox, threads included."""
    stream_keep_alive: float = 10
    """Silent streams are cut by clients after 30 s."""
    pty_idle: float = 300
    """A terminal that has no client for so long ends."""
    pty_sessions: int = 64
    """Terminals of each devbox."""
    eviction_watch: float = 3600
    """A stream of evictions ends then, and whoever watches on asks again."""
    body_stall: float = 60
    """A client that sends nothing for so long has its request ended."""
    tunnel_connect: float = 30
    """For a service in a devbox to take a connection."""
    tunnel_wake: float = 10
    """For a service to listen again, after a request has resumed its devbox."""
    download_stall: float = 30
    """What ADD downloads may stand still for so long."""
    download_max: int = 1024 * MIB
    """Of each of them."""
    git_seconds: float = 600
    """For each run of git: a clone, a checkout."""
    git_base: str = GITHUB
    """The address below which `owner/name` of repositories are."""
    repository_max: int = 4096 * MIB
    """Of a repository with its files."""
    event_max: int = 1_000_000
    """Of each event of an axon."""
    sql_seconds: float = 10
    """For each query or batch in the database of an axon."""
    sql_rows: int = 10_000
    """Of each result."""
    sql_answer_max: int = 4 * MIB
    """Of all rows that a query or batch answers with."""
    sql_value_max: int = MIB
    """Of each value, row and statement. So single functions, which hear of no time limit, end soon."""
    sql_columns: int = 100
    """Of each table and result. The values of a row are in memory together, each as large as it may be."""
    sql_pattern_max: int = 1024
    """Of each pattern of LIKE and GLOB, for the same reason."""
    sql_database_max: int = 1024 * MIB
    """Of the database of an axon, beyond which its own statements add nothing."""
    json_max: int = 128 * MIB
    output_memory: int = 64 * 1024
    """Of each output; what is beyond goes to a file."""
    output_max: int = 1024 * MIB
    """Of each output; what is beyond is dropped, and said so."""
    tail_max: int = MIB
    """Of each output in the view of an execution; streams give all of it."""
    sync_tail_max: int = 16 * MIB
    executions_kept: int = 4096
    """Finished executions that a devbox remembers."""
    devboxes_kept: int = 1_000
    """Ended devboxes that the server remembers."""
    log_lines: int = 20_000
    """Of each devbox, and of each build."""
