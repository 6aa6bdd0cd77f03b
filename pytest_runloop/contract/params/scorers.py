"""How runs of scenarios are scored: the six kinds of scoring functions, and custom scorers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Required

from annotated_types import Ge, Le
from pydantic import Discriminator
from typing_extensions import TypedDict

from ._strict import strict
from .devboxes import Limit
from .launch import LaunchParameters

Weight = Annotated[float, Ge(0), Le(1)]


@strict
class ScorerAstGrepScoringFunction(TypedDict, total=False):
    """Scores 1 if ast-grep finds a pattern, else 0."""

    pattern: Required[str]
    """Stands between double quotes in a shell command: escape its dollars (the API's rule)."""
    search_directory: Required[str]
    """Where to search, from the working directory."""
    type: Required[Literal["ast_grep_scorer"]]
    lang: str
    """The language of the pattern; else each file's own."""


@strict
class ScorerBashScriptScoringFunction(TypedDict, total=False):
    """Scores what a bash script prints last as `score=0.5`."""

    type: Required[Literal["bash_script_scorer"]]
    bash_script: str


@strict
class ScorerCommandScoringFunction(TypedDict, total=False):
    """Scores 1 if a command exits with 0, else 0."""

    type: Required[Literal["command_scorer"]]
    command: str


@strict
class ScorerCustomScoringFunction(TypedDict, total=False):
    """Scores by the bash script of a custom scorer, which reads its parameters in `$RL_SCORER_CONTEXT`."""

    custom_scorer_type: Required[str]
    """The type under which the scorer was created."""
    type: Required[Literal["custom_scorer"]]
    scorer_params: Any
    """Any JSON."""


@strict
class ScorerPythonScriptScoringFunction(TypedDict, total=False):
    """Scores the number that a Python script prints last."""

    python_script: Required[str]
    type: Required[Literal["python_script_scorer"]]
    python_version_constraint: str | None
    """As `>=3.11`; by default any version."""
    requirements_contents: str | None
    """The text of a requirements.txt, installed before."""


@strict
class ScorerTestBasedScoringFunctionTestFile(TypedDict, total=False):
    """A file that a test needs."""

    file_contents: str
    file_path: str
    """From the working directory."""


@strict
class ScorerTestBasedScoringFunction(TypedDict, total=False):
    """Writes files, and scores 1 if a command exits with 0, else 0."""

    type: Required[Literal["test_based_scorer"]]
    test_command: str
    test_files: Sequence[ScorerTestBasedScoringFunctionTestFile]


Scorer = Annotated[
    ScorerAstGrepScoringFunction
    | ScorerBashScriptScoringFunction
    | ScorerCommandScoringFunction
    | ScorerCustomScoringFunction
    | ScorerPythonScriptScoringFunction
    | ScorerTestBasedScoringFunction,
    Discriminator("type"),
]


@strict
class ScoringFunctionParam(TypedDict, total=False):
    """One of the functions that score a run."""

    name: Required[str]
    """Letters, digits, underscores and hyphens."""
    scorer: Required[Scorer]
    weight: Required[Weight]
    """Its part of the whole score: those of all functions sum to 1."""


@strict
class ScoringContractParam(TypedDict, total=False):
    """What scores a run."""

    scoring_function_parameters: Required[Sequence[ScoringFunctionParam]]


@strict
class ScoringContractUpdateParam(TypedDict, total=False):
    """What shall score a run from now on."""

    scoring_function_parameters: Sequence[ScoringFunctionParam] | None


@strict
class ScenarioEnvironmentParam(TypedDict, total=False):
    """The devbox that a scenario runs in."""

    blueprint_id: str | None
    launch_parameters: LaunchParameters | None
    snapshot_id: str | None
    working_directory: str | None
    """Where the task is to be done, and where it is scored; absolute, or from the home."""


@strict
class ScorerCreateParams(TypedDict, total=False):
    """A new custom scorer."""

    bash_script: Required[str]
    """Reads `$RL_SCORER_CONTEXT`, and prints `score=0.5` at its end."""
    type: Required[str]
    """The name by which scenarios use it. Unique in the account."""


@strict
class ScorerUpdateParams(ScorerCreateParams, total=False):
    """A custom scorer as it is to be."""


@strict
class ScorerListParams(TypedDict, total=False):
    """Which custom scorers to list, newest first."""

    include_total_count: bool
    limit: Limit
    search: str
    """The id, or a part of the type."""
    starting_after: str


@strict
class ScorerValidateParams(TypedDict, total=False):
    """How to try a custom scorer (service of 2025)."""

    scoring_context: Required[Any]
    """Any JSON: what the script finds in `$RL_SCORER_CONTEXT`."""
    environment_parameters: ScenarioEnvironmentParam | None
