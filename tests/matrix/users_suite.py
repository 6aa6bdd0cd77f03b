"""The suite that is run in every mode. What happens in it, an environment variable says."""

from __future__ import annotations

from pathlib import Path

BLUEPRINTS = ("matrix-one", "matrix-two")
TESTS = 8
SPECIFICATIONS = 5
"""From so many different ones its devboxes are made."""
FIRST = 5
"""So many tests come before the one in which something happens."""

SETTINGS = """
[pytest]
asyncio_default_fixture_loop_scope = function
markers = xdist_group: known where xdist is not, too
"""

CONFTEST = '''
import os, pytest

pytest_plugins = ["pytester"]
WAYS = ("never", "reset", "shared")

@pytest.fixture(scope="session")
def devbox_defaults():
    return {"metadata": {"trial": os.environ["TRIAL"]}}

@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for number, item in enumerate(items):
        given = os.environ["REUSE"]
        way = WAYS[number % 3] if given == "mixed" else given
        item.add_marker(pytest.mark.devbox(reuse=way))
        item.way = way

@pytest.fixture
def look(devbox, request):
    """Look at the devbox as nobody else may while this test has it, and soil it."""
    with open(os.environ["USES"], "a") as uses:
        uses.write(f"{devbox.id} {request.node.name} {request.node.way}\\n")
    seen = devbox.cmd.exec("mkdir in-use && echo $PLACE $WHICH; ls; touch dirt").stdout().split()
    assert "in-use" in seen, "somebody else has it, or had it when they died"
    if request.node.way != "shared":
        assert "dirt" not in seen
    yield [word for word in seen if word not in ("in-use", "dirt")]
    devbox.cmd.exec("rmdir in-use")
'''

MARKERS = f"""
import pytest

pytestmark = pytest.mark.devbox(environment_variables={{"PLACE": "module"}})

def test_module(look):
    assert look == ["module"]

@pytest.mark.xdist_group("a-class")
@pytest.mark.devbox(environment_variables={{"PLACE": "class"}})
class TestClass:
    def test_one(self, look):
        assert look == ["class"]

    def test_two(self, look):
        assert look == ["class"]

@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.devbox(blueprint=name)) for name in {BLUEPRINTS}]
)
def test_blueprint(look, name):
    assert look == ["module", name]
"""

EVENTS = """
import os, pathlib, signal, time, pytest

def fail():
    raise AssertionError("as it should")

def flaky():
    if not pathlib.Path("tried").exists():
        pathlib.Path("tried").touch()
        fail()

def hang():
    time.sleep(600)

def crash():
    os.kill(os.getpid(), signal.SIGKILL)

def nested(pytester):
    pytester.makeconftest(CONFTEST)
    pytester.makepyfile("def test_inner(look): pass\\ndef test_other(look): pass")
    options = ("-p", "no:cacheprovider", "--runloop-max-devboxes=1")
    pytester.runpytest_subprocess(*options, "-n1").assert_outcomes(passed=2)
    pytester.runpytest_inprocess(*options, "-p", "no:xdist").assert_outcomes(passed=2)

CONFTEST = (pathlib.Path(__file__).parent / "conftest.py").read_text()

EVENT = os.environ["EVENT"]

@pytest.mark.timeout(2 if EVENT == "hang" else 0, func_only=True)
def test_in_which_it_happens(look, request):
    if EVENT == "nested":
        nested(request.getfixturevalue("pytester"))
    elif EVENT:
        globals()[EVENT]()

@pytest.mark.parametrize("number", range(2))
def test_after(look, number):
    assert look == []
"""


def write(folder: Path) -> None:
    """Write the suite."""
    (folder / "pytest.ini").write_text(SETTINGS)
    for name, source in {"conftest": CONFTEST, "test_markers": MARKERS, "test_then": EVENTS}.items():
        (folder / f"{name}.py").write_text(source)
