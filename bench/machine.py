"""Says where figures come from: the machine, the database and how it was set, for every table."""

import os
import platform
import sys
import sysconfig
from pathlib import Path

import asyncpg

_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers",
             "max_wal_size", "checkpoint_timeout")  # fmt: skip


def machine_facts() -> dict[str, str | int | float]:
    """Return the CPU, the cores, the memory, and how busy the machine was before we began."""
    return {
        "machine.cpu": _cpu(),
        "machine.cores": os.cpu_count() or 0,
        "machine.memory_mb": _memory_kb() // 1024,
        "machine.kernel": platform.release(),
        "machine.python": _python(),
        "machine.load_before": round(os.getloadavg()[0], 2),
    }


async def database_facts(url: str) -> dict[str, str | int | float]:
    """Return the server's version and the settings that decide how durable a commit is."""
    connection = await asyncpg.connect(url)
    try:
        return {
            f"postgres.{name}": str(await connection.fetchval("SELECT current_setting($1)", name))
            for name in _SETTINGS
        }
    finally:
        await connection.close()


def _python() -> str:
    """Return the version and who built it: a distribution's runs faster than a plain build."""
    if sys.base_prefix == "/usr":
        return f"{platform.python_version()} of {platform.freedesktop_os_release()['PRETTY_NAME']}"
    optimised = "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS"))
    how = "with" if optimised else "without"
    return f"{platform.python_version()} (built {how} profile-guided optimisation)"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or "unknown"


def _memory_kb() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1])
    return 0
