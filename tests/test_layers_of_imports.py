"""Imports may skip floors but never climb, and rooms of one floor do not import each other."""

import ast
import subprocess
import sys
from pathlib import Path

import ocnet

ROOT = Path(ocnet.__file__).parent
FLOOR = {"__main__": 8, "compilation": 7, "classifier": 6, "analysis": 5, "training": 4, "networks": 3, "kolmogorov": 3, "chain": 3, "particles": 3,
         "kernels": 0, "plotting": 0, "archive": 0, "blas": 0, "xarrays": 0, "typing": -1, "inputs": -1}       # for every floor
GROUND = ("grid", "boundary", "laws", "process", "problem", "value_function", "density", "straight_line", "spline", "expectation",
          "moving_grid", "sweep", "tensor_spline", "report", "products", "scouts")
FLOOR |= dict.fromkeys(GROUND, 1)
# on the ground floor a few name others: a problem its process and boundary, results and grid functions their grid
ALLOWED = {("inputs", "typing"), ("problem", "process"), ("problem", "boundary"), ("value_function", "tensor_spline"),
           ("density", "process"), ("laws", "products"),
           ("value_function", "process"), ("spline", "grid"), ("spline", "process"), ("expectation", "spline"), ("sweep", "expectation"),
           ("boundary", "grid"), ("moving_grid", "grid"), ("process", "scouts")}


def _rooms_imported(path):
    """Rooms of ocnet that a file imports, by absolute or relative name."""
    inside = path.relative_to(ROOT).parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").split(".")
            if node.level:
                base = list(inside[:-1])[:len(inside) - node.level]
                module = ["ocnet", *base, *[m for m in module if m]]
            if module[0] == "ocnet":
                yield from ([module[1]] if len(module) > 1 else [alias.name for alias in node.names])
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("ocnet."))


def test_no_import_climbs_and_no_room_imports_its_neighbour():
    arrows = {(path.relative_to(ROOT).parts[0].removesuffix(".py"), room)
              for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py" for room in _rooms_imported(path)}
    arrows = {(a, b) for a, b in arrows if a != b}
    assert len(arrows) > 20                                             # the parser sees the house
    assert {room for arrow in arrows for room in arrow} <= set(FLOOR)    # a new room must be given a floor
    wrong = {(a, b) for a, b in arrows if FLOOR[a] <= FLOOR[b]} - ALLOWED
    assert not wrong


def test_importing_ocnet_loads_no_compiler():
    code = "import sys, ocnet; sys.exit('numba' in sys.modules or 'matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-W", "error", "-c", code]).returncode == 0


def test_every_public_name_of_the_package_loads():
    for name in ocnet.__all__:
        assert callable(getattr(ocnet, name))
