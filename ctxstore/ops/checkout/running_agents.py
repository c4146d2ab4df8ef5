"""The search for running agents, which could overwrite restored files or not notice them."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ctxstore.errors import Conflict
from ctxstore.sources.protocol import Source, SourceHome
from ctxstore.sources.resumable import AgentProgram

if TYPE_CHECKING:
    import psutil


_INTERPRETERS = frozenset({"node", "nodejs", "bun", "deno", "MainThread"})
"""Names of interpreters that run agents' scripts. Recent versions of Node name the process after its main thread."""


class AgentProcess(NamedTuple):
    """A running process of an agent."""

    pid: int
    name: str


def find_running(
    source: Source, program: AgentProgram, home: SourceHome, *, project: str | None, session: str
) -> list[AgentProcess]:
    """Returns this user's processes of the agent that may be using the session stored below `home`."""
    import psutil

    found = []
    for process in psutil.process_iter():
        try:
            with process.oneshot():
                if (
                    process.pid != os.getpid()
                    and _is_program(process, program)
                    and _keeps_sessions_at(process, source, home)
                    and (program.everywhere or _may_use(process, program, project, session))
                ):
                    found.append(AgentProcess(process.pid, _name(process)))
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue  # the process has ended, or belongs to another user
    return found


def find_openers(files: Collection[str]) -> list[AgentProcess]:
    """Returns this user's processes, except this one, that have one of the files open."""
    import psutil

    wanted = {os.path.realpath(file) for file in files if os.path.exists(file)}
    found = []
    for process in psutil.process_iter() if wanted else ():
        try:
            is_mine = process.pid != os.getpid() and process.uids().real == os.getuid()
            if is_mine and any(file.path in wanted for file in process.open_files()):
                found.append(AgentProcess(process.pid, _name(process)))
        except (psutil.Error, OSError):
            continue  # the process has ended, or can't be examined
    return found


def refuse_running(running: Sequence[AgentProcess]) -> None:
    """Raises `Conflict` if `running` is not empty."""
    if running:
        raise Conflict(
            f"the agent is running and may be using this session: {_format_processes(running)}",
            hint="stop it, or use --as-new-session to leave this session unchanged; --force restores anyway",
        )


def refuse_open(databases: Collection[str]) -> None:
    """Raises `Conflict` if another process has one of the databases open that are to be replaced.

    Not even a forced checkout replaces an open database: data would be lost.
    """
    openers = find_openers(databases)
    if openers:
        raise Conflict(
            f"the database that would be replaced is open in {_format_processes(openers)}",
            hint="stop it: its writes to the old database would be lost, and others could not read the new one",
        )


def _format_processes(processes: Sequence[AgentProcess]) -> str:
    """Formats up to three processes for an error message."""
    return ", ".join(f"{each.name} ({each.pid})" for each in processes[:3])


def _name(process: psutil.Process) -> str:
    """Returns the name of the program that a process runs."""
    words = process.cmdline()
    return os.path.basename(words[0]) if words and words[0] else process.name()


def _is_program(process: psutil.Process, program: AgentProgram) -> bool:
    """Whether this user's process runs the agent's program."""
    if process.uids().real != os.getuid():
        return False
    words = process.cmdline()
    # The first words are the executable, the options of an interpreter, and the script it runs. The script is often a
    # link named after the program, so only its name is compared, not its folder.
    names = {process.name(), *(os.path.basename(word) for word in words[:1])}
    if names & _INTERPRETERS:
        names |= {os.path.basename(word) for word in words[1:4] if "/" in word}
    return bool(names & program.names) or any(part in word for part in program.scripts for word in words[:4])


def _keeps_sessions_at(process: psutil.Process, source: Source, home: SourceHome) -> bool:
    """Whether the process keeps its sessions at `home`, according to its environment."""
    environ = _environment(process)
    if not environ.get("HOME"):
        return True  # unknown, so it may
    return any(os.path.realpath(each.path) == os.path.realpath(home.path) for each in source.discover(environ))


def _environment(process: psutil.Process) -> Mapping[str, str]:
    """Returns the environment of a process, or an empty one if it can't be read."""
    import psutil

    try:
        return process.environ()
    except (psutil.Error, OSError):
        return {}


def _may_use(process: psutil.Process, program: AgentProgram, project: str | None, session: str) -> bool:
    """Whether a process of the agent may be using the session."""
    words = process.cmdline()
    if session and any(session in word for word in words):
        return True
    if not project or not program.servers.isdisjoint(words[1:]):
        return True  # the project is unknown, or the process serves every project
    folder, project = process.cwd(), os.path.realpath(project)
    # An option may name another folder than the working directory.
    folders = [folder, *(os.path.join(folder, word.partition("=")[2] or word) for word in words[1:] if "/" in word)]
    return any(_is_at_or_below(os.path.realpath(path), project) for path in folders if "\0" not in path)


def _is_at_or_below(folder: str, project: str) -> bool:
    """Whether a folder is the project's folder or below it."""
    return folder == project or folder.startswith(os.path.join(project, ""))
