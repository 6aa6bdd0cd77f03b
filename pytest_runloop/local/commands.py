"""Starts commands in devboxes, alone or in named shells, and sees them through."""

from __future__ import annotations

from dataclasses import dataclass

from .engine.protocol import Box, Engine
from .errors import ENGINE_ERRORS, ApiError, as_api_error, invalid
from .executions import Execution, run_alone
from .ids import new_id
from .launch import check_command, check_home
from .life import Life
from .processes import KILLED, Running
from .shells import Shell
from .tasks import Tasks

_NOT_STARTED = 126
"""What bash answers for a command that it cannot start."""


@dataclass(frozen=True, slots=True)
class Request:
    """A command to start.

    :param attach_stdin: keep its standard input open.
    :param shell_name: the named shell that it runs in; none for a shell of its own.
    """

    command: str
    attach_stdin: bool = False
    shell_name: str | None = None


class Commands:
    """Starts commands.

    :param engine: whose capabilities bound what a command may mention.
    :param tasks: see them through.
    """

    def __init__(self, engine: Engine, tasks: Tasks) -> None:
        self._engine = engine
        self._tasks = tasks

    async def start(self, life: Life, request: Request) -> Execution:
        """Start a command.

        :return: its execution: running, or queued behind others of its shell.
        :raises ApiError: if the devbox is not running, or the command cannot be started.
        """
        devbox = life.devbox
        box = devbox.running_box("run a command")
        check_command(request.command, "command")
        check_home(request.command, devbox.launch.user, self._engine, box.home)
        if request.shell_name is not None and request.attach_stdin:
            raise invalid(
                "`attach_stdin` does not go with `shell_name`: run the command without a named shell"
            )
        if request.shell_name is None:
            await life.command(request.command)
            box = devbox.running_box("run a command")
        execution = devbox.executions.new(new_id("exc"), request.command, request.shell_name)
        _log(life, execution, request.command)
        if request.shell_name is None:
            await self._start_alone(life, box, execution, attach_stdin=request.attach_stdin)
        else:
            shell = self._shell(life, request.shell_name)
            self._tasks.start(self._follow_in_shell(life, box, execution, shell))
        return execution

    @staticmethod
    def _shell(life: Life, name: str) -> Shell:
        shells = life.devbox.shells
        if name not in shells:
            shells[name] = Shell(name, life.devbox.launch.environment)
        return shells[name]

    async def _start_alone(self, life: Life, box: Box, execution: Execution, *, attach_stdin: bool) -> None:
        environment = life.devbox.launch.environment
        life.idleness.begin_use()
        try:
            running = await run_alone(execution, box, environment, attach_stdin=attach_stdin)
        except BaseException as error:
            life.idleness.end_use()
            life.devbox.executions.forget(execution)
            if isinstance(error, ENGINE_ERRORS):
                raise as_api_error(error, "start the command") from error
            raise
        self._tasks.start(self._follow(life, execution, running))

    async def _follow(self, life: Life, execution: Execution, running: Running) -> None:
        execution.complete(await running.finish())
        life.idleness.end_use()
        await _completed(life, execution)

    async def _follow_in_shell(self, life: Life, box: Box, execution: Execution, shell: Shell) -> None:
        with life.using():
            try:
                await shell.run(execution, box, life.command)
            except (*ENGINE_ERRORS, ApiError) as error:
                message = str(as_api_error(error, f"run a command in the shell `{shell.name}`"))
                if not execution.completed:
                    execution.stderr.feed(message.encode() + b"\n")
                execution.complete(KILLED if life.devbox.status != "running" else _NOT_STARTED)
        await _completed(life, execution)


async def _completed(life: Life, execution: Execution) -> None:
    life.memory_ran_out(execution)
    for output in (execution.stdout, execution.stderr):
        if output.lost:
            _log(life, execution, output.lost, level="warn")
    _log(life, execution, f"exited with status {execution.exit_status}")
    await life.devbox.executions.settle(execution)


def _log(life: Life, execution: Execution, message: str, *, level: str = "info") -> None:
    life.devbox.log.note(
        "exec",
        message,
        level=level,
        cmd=execution.command,
        cmd_id=execution.id,
        exit_code=execution.exit_status,
        shell_name=execution.shell_name,
    )
