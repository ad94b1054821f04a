"""How errors end flows and tasks: as states with a reason, tried again or not, and as exit codes.

The message of a `TrapgenError` is complete, so it is the message of the state. Prefect would log it
again under a traceback, which buries it; those lines are left out of the logs. Nothing is lost for
other errors.
"""

import logging
import signal
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final, ParamSpec, TypedDict, TypeVar, cast

from prefect import State
from prefect.client.schemas.objects import TaskRun
from prefect.flow_engine import FlowRunTimeoutError
from prefect.states import Failed
from prefect.task_engine import TaskRunTimeoutError

from trapgen.core import GateRefusedError, TrapgenError

P = ParamSpec("P")
T = TypeVar("T")

REFUSED: Final = "Refused"
"""Name of the state that a refusing gate leaves; its type is that of a failure."""


class Retries(TypedDict):
    """Options of a task that may be tried again."""

    retries: int
    retry_delay_seconds: list[float]
    retry_jitter_factor: float
    retry_condition_fn: Callable[[Any, TaskRun, State[Any]], bool]


def may_heal(_task: Any, _run: TaskRun, state: State[Any]) -> bool:
    """Whether what ended a task may be over later: a server or a remote that does not answer."""
    return any(_is_passing(error) for error in _chain(state.data))


RETRIES: Final = Retries(
    retries=3,
    retry_delay_seconds=[10, 60, 300],
    retry_jitter_factor=0.3,
    retry_condition_fn=may_heal,
)
"""Tried again after 10 s, 1 min and 5 min, more or less, if the error may heal."""


def _chain(error: object) -> Iterator[BaseException]:
    """The error and those that led to it; nothing for an error that trapgen raises on purpose."""
    while isinstance(error, BaseException) and not isinstance(error, TrapgenError):
        yield error
        error = error.__cause__ or error.__context__


def _is_passing(error: BaseException) -> bool:
    import httpx
    import requests
    from sqlalchemy.exc import OperationalError

    if isinstance(error, TaskRunTimeoutError | FlowRunTimeoutError):
        return False
    return isinstance(
        error,
        ConnectionError
        | TimeoutError
        | requests.ConnectionError
        | requests.Timeout
        | httpx.TransportError
        | OperationalError,  # a database that others lock
    )


def fail_with_reason(run: Callable[P, T]) -> Callable[P, T]:
    """Make the function of a flow or task return a failed state if it raises a TrapgenError.

    Prefect unwraps the state, so the caller of the flow still gets the error.
    """

    @wraps(run)
    def body(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return run(*args, **kwargs)
        except TrapgenError as error:
            name = REFUSED if isinstance(error, GateRefusedError) else "Failed"
            return cast(T, Failed(name=name, message=str(error), data=error))

    return body


class _NoTraceback(logging.Filter):
    """Leaves out records that repeat the message of a failed state with a traceback."""

    def filter(self, record: logging.LogRecord) -> bool:
        # Prefect logs a returned state with the traceback of no error at all.
        return not record.exc_info or not (
            record.exc_info[1] is None or isinstance(record.exc_info[1], TrapgenError)
        )


for _name in ("prefect.engine", "prefect.flow_runs", "prefect.task_runs"):
    logging.getLogger(_name).addFilter(_NoTraceback())


def exit_code(run: Callable[[], object]) -> int:
    """Call a flow and return the exit code for its result."""
    # By default, Prefect hands SIGTERM back to the system, which kills the process before its
    # temporary server is stopped.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        run()
    except TrapgenError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        # Prefect has logged the traceback.
        print(f"error: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0
