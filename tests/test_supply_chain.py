"""What is installed and what is reached for: declared imports only, the oldest versions pinned, no network at run time."""

import ast
import configparser
import re
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.no_network import NetworkReached

ROOT = Path(__file__).resolve().parents[1]
SETUP = configparser.ConfigParser()
SETUP.read(ROOT / "setup.cfg")
BROUGHT = {"joblib": "scikit-learn", "threadpoolctl": "scikit-learn", "llvmlite": "numba", "PIL": "matplotlib"}       # by what is declared
MODULES = {"sklearn": "scikit-learn"}
TOUR = """
from tests.no_network import refuse
refuse()
import numpy as np
import ocnet
from ocnet.networks.blocks import Perceptron
from ocnet.networks.noise import Gaussian
from ocnet.training.criteria import ExpectedLoss
from ocnet.training.losses import Logistic
from ocnet.training.objectives import ParticleObjective
from ocnet.training.optimisers import LBFGS
x = np.linspace(-1, 1, 12)[:, None]
y = np.where(x[:, 0] > 0, 1, -1)
network = ocnet.ResidualNetwork(Perceptron(2), Gaussian(0.2), 2, dim=1)
theta = network.initialise(0)
setting = ocnet.Setting(network, ocnet.LabelledPoints(x, y), ExpectedLoss(Logistic()))
ocnet.train(ParticleObjective(setting, 4), theta, LBFGS(iterations=2))
ocnet.compare(network, theta, setting.data, nodes=21, paths=64)
ocnet.StochasticResNetClassifier(layers=2, width=2, max_iter=2).fit(x, y).predict(x)
print("toured")
"""


def requirements(text):
    """{name: floor} of a list of requirements."""
    found = (re.match(r"([A-Za-z0-9._-]+)(?:\s*>=\s*([0-9.]+))?", line.strip()) for line in text.splitlines() if line.strip())
    return {match[1].lower(): match[2] for match in found}


def imported(folder):
    """Names of the modules that the files of a folder import from outside."""
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                yield node.module.split(".")[0]


def version(text):
    return tuple(int(part) for part in text.split("."))


def test_all_that_is_imported_is_declared():
    declared = set(requirements(SETUP["options"]["install_requires"])) | set(requirements(SETUP["options.extras_require"]["xarray"]))
    outside = {name for name in imported(ROOT / "ocnet") if name not in sys.stdlib_module_names} - {"ocnet"}
    assert {"numpy", "numba"} <= outside
    assert {MODULES.get(BROUGHT.get(name, name), BROUGHT.get(name, name)) for name in outside} <= declared


def test_the_oldest_versions_are_pinned_at_the_floors_of_the_setup():
    pins = dict(line.split("==") for line in (ROOT / "tests" / "oldest.txt").read_text().splitlines() if "==" in line and not line.startswith("#"))
    floors = requirements(SETUP["options"]["install_requires"]) | requirements(SETUP["options.extras_require"]["test"])
    assert len(floors) > 10
    for name, floor in floors.items():
        assert floor, f"{name} has no floor in setup.cfg"
        assert version(pins[name])[:len(version(floor))] == version(floor), name


@pytest.mark.parametrize("reach", [
    lambda: socket.create_connection(("192.0.2.1", 80), timeout=0.1), lambda: socket.getaddrinfo("example.org", 80),
    lambda: urllib.request.urlopen("https://example.org", timeout=0.1), lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("192.0.2.1", 9)),
])
def test_the_network_is_refused_in_all_tests(reach):
    """The control: the hook that watches the whole suite does catch (192.0.2.0/24 belongs to nobody, RFC 5737)."""
    with pytest.raises(NetworkReached, match="may use the network"):
        reach()


def test_this_machine_itself_is_not_the_network():
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()


def test_a_tour_of_the_library_reaches_for_no_network():
    result = subprocess.run([sys.executable, "-c", TOUR], cwd=ROOT, capture_output=True, text=True)
    assert result.stdout == "toured\n", result.stderr


@pytest.mark.parametrize("folder", ["ocnet", "experiments"])
def test_no_source_imports_what_could_fetch(folder):
    """Nor asks scikit-learn for data sets that it would download."""
    assert not {"urllib", "http", "ftplib", "requests", "httpx", "aiohttp", "pooch", "ssl", "smtplib", "webbrowser"} & set(imported(ROOT / folder))
    assert not [path for path in (ROOT / folder).rglob("*.py") if re.search(r"\bfetch_[a-z0-9_]+\(", path.read_text(encoding="utf-8"))]
