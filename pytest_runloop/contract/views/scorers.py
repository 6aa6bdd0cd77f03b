"""Views of scoring functions, their results, and custom scorers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Tag

from .base import ListView, View
from .launch import LaunchParameters

ScoringState = Literal["unknown", "complete", "error"]


class ScorerAstGrepScoringFunction(View):
    """Scores 1 if ast-grep finds a pattern, else 0."""

    pattern: str
    search_directory: str
    type: Literal["ast_grep_scorer"]
    lang: str | None = None


class ScorerBashScriptScoringFunction(View):
    """Scores what a bash script prints last as `score=0.5`."""

    type: Literal["bash_script_scorer"]
    bash_script: str | None = None


class ScorerCommandScoringFunction(View):
    """Scores 1 if a command exits with 0, else 0."""

    type: Literal["command_scorer"]
    command: str | None = None


class ScorerCustomScoringFunction(View):
    """Scores by the bash script of a custom scorer."""

    custom_scorer_type: str
    type: Literal["custom_scorer"]
    scorer_params: Any = None


class ScorerPythonScriptScoringFunction(View):
    """Scores the number that a Python script prints last."""

    python_script: str
    type: Literal["python_script_scorer"]
    python_version_constraint: str | None = None
    requirements_contents: str | None = None


class ScorerTestBasedScoringFunctionTestFile(View):
    """A file that a test needs."""

    file_contents: str | None = None
    file_path: str | None = None


class ScorerTestBasedScoringFunction(View):
    """Writes files, and scores 1 if a command exits with 0, else 0."""

    type: Literal["test_based_scorer"]
    test_command: str | None = None
    test_files: list[ScorerTestBasedScoringFunctionTestFile] | None = None


class UnknownScorer(View):
    """A scoring function of a kind that came later."""

    type: str


_KNOWN = (
    "ast_grep_scorer",
    "bash_script_scorer",
    "command_scorer",
    "custom_scorer",
    "python_script_scorer",
    "test_based_scorer",
)


def _kind(value: Any) -> str:
    kind = value.get("type") if isinstance(value, dict) else value.type
    return kind if kind in _KNOWN else "unknown"


Scorer = Annotated[
    Annotated[ScorerAstGrepScoringFunction, Tag("ast_grep_scorer")]
    | Annotated[ScorerBashScriptScoringFunction, Tag("bash_script_scorer")]
    | Annotated[ScorerCommandScoringFunction, Tag("command_scorer")]
    | Annotated[ScorerCustomScoringFunction, Tag("custom_scorer")]
    | Annotated[ScorerPythonScriptScoringFunction, Tag("python_script_scorer")]
    | Annotated[ScorerTestBasedScoringFunction, Tag("test_based_scorer")]
    | Annotated[UnknownScorer, Tag("unknown")],
    Discriminator(_kind),
]


class ScoringFunction(View):
    """One of the functions that score a run."""

    name: str
    scorer: Scorer
    weight: float


class ScoringContract(View):
    """What scores a run."""

    scoring_function_parameters: list[ScoringFunction]


class ScoringFunctionResultView(View):
    """What a scoring function found."""

    output: str
    """What it printed."""
    score: float
    """From 0 to 1, without its weight."""
    scoring_function_name: str
    state: ScoringState | str


class ScoringContractResultView(View):
    """What all scoring functions found."""

    score: float
    """From 0 to 1: the sum of all scores, each times its weight."""
    scoring_function_results: list[ScoringFunctionResultView]


class ScenarioEnvironment(View):
    """The devbox that a scenario runs in."""

    blueprint_id: str | None = None
    launch_parameters: LaunchParameters | None = None
    snapshot_id: str | None = None
    working_directory: str | None = None


class ScorerView(View):
    """A custom scorer."""

    id: str
    bash_script: str
    type: str


class ScorerListView(ListView):
    """A page of custom scorers."""

    scorers: list[ScorerView]


class ScorerValidateResponse(View):
    """What a custom scorer made of a context."""

    name: str
    scoring_context: Any
    scoring_result: ScoringFunctionResultView
    environment_parameters: ScenarioEnvironment | None = None


ScorerCreateResponse = ScorerRetrieveResponse = ScorerUpdateResponse = ScorerListResponse = ScorerView
