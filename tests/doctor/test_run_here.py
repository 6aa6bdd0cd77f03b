"""What a run in a directory would use: pytest itself is asked."""

from __future__ import annotations

import pytest

from .conftest import Doctor


def test_without_a_key_it_is_the_local_backend(doctor: Doctor) -> None:
    run = doctor.report()["run"]
    assert (run["backend"], run["why"]) == ("local", "RUNLOOP_API_KEY is not set")
    assert (run["isolation"], run["isolation_from"]) == ("auto", "the default")
    assert run["api_key_set"] is False


def test_with_a_key_it_is_the_cloud_whatever_this_machine_gives(doctor: Doctor) -> None:
    doctor.environment["RUNLOOP_API_KEY"] = "x"
    (doctor.directory / "pytest.ini").write_text("[pytest]\n")
    report = doctor.report()
    assert (report["judged"], report["run"]["backend"], report["run"]["api_key_set"]) == (
        "cloud",
        "cloud",
        True,
    )
    assert doctor.report("--isolation", "process")["judged"] == "local"


def test_the_cloud_without_a_key_is_a_problem_with_a_remedy(doctor: Doctor) -> None:
    (doctor.directory / "pytest.ini").write_text("[pytest]\nrunloop_backend = cloud\n")
    report = doctor.report(status=1)
    assert report["run"]["why"].startswith("by runloop_backend in ")
    [problem] = [problem for problem in report["problems"] if "RUNLOOP_API_KEY is not set" in problem["what"]]
    assert "--runloop-backend=local" in problem["remedy"]


def test_the_ini_file_and_the_environment_name_the_isolation(doctor: Doctor) -> None:
    (doctor.directory / "pytest.ini").write_text("[pytest]\naddopts = --runloop-isolation=process\n")
    report = doctor.report()
    assert report["isolation"]["asked"] == report["isolation"]["tier"] == "process"
    (doctor.directory / "pytest.ini").write_text("[pytest]\n")
    doctor.environment["RUNLOOP_ISOLATION"] = "process"
    run = doctor.report()["run"]
    assert run["isolation_from"] == "the environment variable RUNLOOP_ISOLATION"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("pytest.ini", "[pytest]\nrunloop_backend = clod\n", "did you mean cloud?"),
        ("pytest.ini", "[pytest]\naddopts = --nonsense\n", "unrecognized arguments: --nonsense"),
        ("conftest.py", "import nothing_of_this_name\n", "No module named 'nothing_of_this_name'"),
        ("conftest.py", "import os; os._exit(3)\n", "pytest ended with status 3"),
    ],
)
def test_what_keeps_pytest_from_starting_is_told(doctor: Doctor, name: str, content: str, words: str) -> None:
    (doctor.directory / name).write_text(content)
    report = doctor.report("--isolation", "process", status=1)
    assert words in report["problems"][0]["what"]
    assert report["isolation"]["tier"] == "process"


def test_a_wrong_value_in_the_environment_is_told(doctor: Doctor) -> None:
    doctor.environment["RUNLOOP_ISOLATION"] = "proces"
    report = doctor.report("--isolation", "process", status=1)
    assert "did you mean process?" in report["problems"][0]["what"]


def test_no_test_and_no_fixture_runs(doctor: Doctor) -> None:
    (doctor.directory / "test_it.py").write_text("open('ran', 'w').close()\n")
    (doctor.directory / "conftest.py").write_text("def pytest_sessionstart(): open('ran', 'w').close()\n")
    doctor.report("--isolation", "process")
    assert not (doctor.directory / "ran").exists()
