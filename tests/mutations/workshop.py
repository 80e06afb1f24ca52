"""A scratch copy of the repository in which one file at a time is faulty, with compiled kernels that can be trusted.

Compiling all kernels takes minutes, and one faulty kernel would have all compiled anew, for the cache's stamp covers their whole folder.  Here a
mutant makes stale what it can reach and nothing else:

  * Kernels reach each other by `from .x import …` alone, so what a fault in x.py can reach is x and whatever imports it, directly or not
    (`reached`).  The compiled files of these modules are taken away before the tests run; all others are what they were.
  * In the copy, and only there, the stamp takes the mutant's text for the text it stands for (and its own for what it was), so that those others are
    found, and the compiled kernels of the repository too.  Any other edit changes the stamp as ever.
  * Tests compile functions of their own, which hold the kernels that they call: those are taken away each time.
  * Compiled files of a mutant never come back: each begins with links to those of the copy without a fault, which nobody writes to (Numba and the
    library replace files, they never write into one).

That this is sound is tried in the suite (tests/test_mutations.py): the number of Philox's rounds, a constant of one module that is compiled into the kernels
of another, is caught by a test of the other; and the same fault is hidden where nothing but its own module's files are taken away.
"""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .mutant import Mutant

__all__ = ["Workshop", "environment", "frozen", "reached", "tracked"]

_KERNELS = Path("ocnet/kernels")
_READ = "path.read_bytes()"                              # in the stamp, of every kernel file
_TAKEN = """

def _taken(path):
    text, aside = path.read_bytes(), Path(__file__).parents[3] / "swap"
    if path == Path(__file__) and (aside / "stamp").exists():
        return (aside / "stamp").read_bytes()
    return (aside / "old").read_bytes() if (aside / path.name).exists() and text == (aside / path.name).read_bytes() else text
"""


def tracked(root: Path) -> list[str]:
    """The files of a repository that git knows; without git, all that a source distribution may hold."""
    if not (root / ".git").exists():
        return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file() and not {"__pycache__", ".venv"} & set(path.parts)]
    return subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True).stdout.rstrip("\0").split("\0")


def frozen(root: Path, folder: Path) -> Path:
    """A copy of a repository's files and compiled kernels in `folder`: what all workshops begin with, whatever is edited meanwhile."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in tracked(root):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)                       # with its time, which is part of the compiled kernels' stamp
    if (root / _KERNELS / "__pycache__").is_dir():
        shutil.copytree(root / _KERNELS / "__pycache__", folder / _KERNELS / "__pycache__")
    return folder


def _kernels_imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.level == 1 or (node.module or "").startswith("ocnet.kernels")):
            yield from [node.module.rpartition(".")[2]] if node.module and node.module != "ocnet.kernels" else [alias.name for alias in node.names]


def reached(kernels: Path, stem: str) -> set[str]:
    """The kernel modules whose compiled code may hold something of module `stem`: itself and all that import it, directly or not."""
    imports = {path.stem: set(_kernels_imported(path)) for path in kernels.glob("*.py")}
    found, before = {stem}, set()
    while found != before:
        before = set(found)
        found |= {module for module, needs in imports.items() if needs & found}
    return found


def environment(tree: Path) -> dict[str, str]:
    """What a process that tests a tree sees: its package, its own compiled kernels, one thread as each of the suite's workers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "NUMBA_CACHE_DIR", "COV"))}
    return {**kept, "PYTHONPATH": str(tree), "OCNET_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MPLBACKEND": "Agg"}


class Workshop:
    """A copy of the repository in `folder`, in which `put` a mutant and `restore`; it begins with the repository's compiled kernels, as far as they fit.

    root : the repository;  of : another workshop whose compiled kernels to take over
    """

    def __init__(self, folder: Path, root: Path, of: "Workshop | None" = None) -> None:
        self.tree, self._store, self._swap = folder / "tree", folder / "compiled", folder / "swap"
        shutil.rmtree(self.tree, ignore_errors=True)
        shutil.rmtree(self._swap, ignore_errors=True)
        for name in tracked(root):
            if (root / name).is_file():
                (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(root / name, self.tree / name)                # with its time, which is part of the compiled kernels' stamp
        self._swap.mkdir()
        self._kernels, self._cache = self.tree / _KERNELS, self.tree / _KERNELS / "__pycache__"
        self._hold_the_stamp()
        shutil.rmtree(self._store, ignore_errors=True)
        if of is not None:
            shutil.copytree(of._store, self._store, copy_function=os.link)
            self._relink(set())
            return
        compiled = root / _KERNELS / "__pycache__"
        shutil.copytree(compiled, self._store) if compiled.is_dir() else self._store.mkdir()
        self._relink(set())

    def warm(self) -> None:
        """Compile what users meet, where that is not at hand yet; what only tests meet is compiled by them where the repository's suite has not."""
        subprocess.run([sys.executable, "-c", "import ocnet; ocnet.warm_up(progress=False)"], cwd=self.tree, env=environment(self.tree), check=True)
        self.keep_compiled()

    def _hold_the_stamp(self):
        """The stamp of the copy takes a mutant's text for the one it stands for."""
        (holder,) = [path for path in self._kernels.glob("*.py") if "def folder_stamp" in path.read_text()]
        text = holder.read_text()
        if text.count(_READ) != 1:
            raise RuntimeError(f"{holder} makes its stamp otherwise than by {_READ!r}; let tests/mutations/workshop.py know how")
        holder.write_text(text.replace(_READ, "_taken(path)") + _TAKEN)
        (self._swap / "stamp").write_text(text)

    def _relink(self, stale):
        """Compiled kernels as without a fault, but for those of stale modules, and for those of tests, which hold what they call."""
        for path in [*self.tree.glob("*/**/__pycache__/*.nb[ic]")]:
            path.unlink()
        shutil.rmtree(self._cache, ignore_errors=True)
        self._cache.mkdir()
        for path in self._store.iterdir():
            if path.name.partition(".")[0] not in stale:
                os.link(path, self._cache / path.name)

    def keep_compiled(self):
        """Keep what tests have compiled since, for later mutants; only where no mutant is in place."""
        shutil.rmtree(self._store)
        shutil.copytree(self._cache, self._store, copy_function=os.link)

    def put(self, mutant: Mutant) -> None:
        """Make one file faulty."""
        path = self.tree / mutant.file
        text, at = mutant.applied(self.tree), path.stat()
        self._before = path, path.read_bytes(), (at.st_atime_ns, at.st_mtime_ns)
        path.write_text(text)
        os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns + 5_000_000_000))      # another time than before: no compiled file of the old text fits
        if path.parent == self._kernels:
            (self._swap / "old").write_bytes(self._before[1])
            (self._swap / path.name).write_text(text)
            self._relink(reached(self._kernels, path.stem))

    def restore(self) -> None:
        """The tree without a fault."""
        path, content, times = self._before
        path.write_bytes(content)
        os.utime(path, ns=times)
        if path.parent == self._kernels:
            (self._swap / "old").unlink()
            (self._swap / path.name).unlink()
            self._relink(set())
