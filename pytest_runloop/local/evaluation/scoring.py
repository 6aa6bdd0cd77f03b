"""Scores a run: all functions of its contract, one after another, in its devbox."""

from __future__ import annotations

from collections.abc import Sequence

from ...contract.views.scorers import ScoringContractResultView, ScoringFunction, ScoringFunctionResultView
from ..errors import ENGINE_ERRORS, ApiError, as_api_error
from .custom_scorers import CustomScorers
from .functions import Found, Job, ScoringError, apply
from .workplace import TimeIsUpError, Workplace

TIME_IS_UP = "the time for scoring is over"


async def scored(
    functions: Sequence[ScoringFunction], workplace: Workplace, scorers: CustomScorers
) -> ScoringContractResultView:
    """Run scoring functions. What fails scores 0, and its result says why."""
    results = [await _result(function, workplace, scorers) for function in functions]
    total = sum(function.weight * result.score for function, result in zip(functions, results, strict=True))
    return ScoringContractResultView(score=round(min(1.0, total), 9), scoring_function_results=results)


async def _result(
    function: ScoringFunction, workplace: Workplace, scorers: CustomScorers
) -> ScoringFunctionResultView:
    job = Job(function.scorer.model_dump(), workplace, scorers)
    try:
        await workplace.check_directory()
        found = await apply(job)
    except Exception as error:
        return failure(function.name, error)
    return success(function.name, found)


def success(name: str, found: Found) -> ScoringFunctionResultView:
    """Return the result of a function that gave a score."""
    return ScoringFunctionResultView(
        scoring_function_name=name, score=found.score, output=found.output, state="complete"
    )


def failure(name: str, error: Exception) -> ScoringFunctionResultView:
    """Return the result of a function that gave none.

    :raises Exception: the error, if it is none that functions may meet.
    """
    return ScoringFunctionResultView(
        scoring_function_name=name, score=0.0, output=_explained(name, error), state="error"
    )


def _explained(name: str, error: Exception) -> str:
    if isinstance(error, TimeIsUpError):
        return TIME_IS_UP
    if isinstance(error, ScoringError):
        return f"{error.output.rstrip()}\n{error}".lstrip()
    if isinstance(error, (*ENGINE_ERRORS, ApiError)):
        return str(as_api_error(error, f"run the scoring function {name}"))
    raise error
