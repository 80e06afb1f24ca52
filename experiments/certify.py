"""Train on a grid and by particles for the same time, and certify what comes out, over data sets and seeds.

For each run: the certificate of the grid-trained network (three views, bars split by cause), and the true objective of both networks by
a million particles.  Both trainings start from the same parameters; the particles stop at the grid's wall-clock time.
"""

import json
import sys
from dataclasses import dataclass
from functools import partial
from itertools import product
from time import perf_counter

import datasets
from command_line import OneLineParser, report_errors, whole
from ocnet.analysis import compare
from ocnet.kernels.philox import derived_seed
from ocnet.training import train
from ocnet.training.checkpoint import write_text
from ocnet.training.grid_training import train_on_grid
from ocnet.training.objectives import ParticleObjective
from ocnet.training.optimisers import LBFGS, Adam
from parts import beside
from run_folder import setting_of

DATA = ("moons", "circles", "spirals", "breast-cancer", "digits")

_BATCH = 1000                        # points of a particle step, where there are more
_TRAINING_PATHS = 8                  # particles a data point and step
_TIMED = 100                         # particle steps from whose time their number is planned
_JUDGING = 9                         # word of the random stream of the last judgement
_BAR, _FLOOR = 0.03, 5e-4            # wanted bar of the certificate, relative and absolute


def parser():
    """Return the command line, with defaults."""
    p = OneLineParser(prog="certify.py", description=__doc__)
    p.add_argument("--data", action="append", choices=datasets.NAMES, default=None, help=f"repeatable ({', '.join(DATA)})")
    p.add_argument("--seeds", type=whole, default=5, help="seeds 0, 1, … of split, start and noise")
    p.add_argument("--size", type=whole, default=1000, help="points of a toy, both parts together")
    p.add_argument("--loss", choices=("EL", "LE"), default="EL")
    p.add_argument("--iterations", type=whole, default=300, help="L-BFGS iterations on the grid")
    p.add_argument("--nodes", type=whole, default=41, help="nodes per axis of the first training grid; those of the certificate start at 61")
    p.add_argument("--layers", type=whole, default=20)
    p.add_argument("--paths", type=whole, default=1_000_000, help="particles in all that judge a network")
    p.add_argument("--json", default=None, metavar="FILE", help="write the rows as JSON, one by one; a killed run goes on from them")
    return p


@dataclass(frozen=True)
class Race:
    """One data set and seed: the grid's training, its certificate, and the particles' in the same time.

    *_loss : data term by fresh particles of the network's law, with standard errors;  *_objective : the same with the penalties
    """

    data: str
    seed: int
    points: int
    seconds: float
    rounds: int
    refinements: int
    widenings: int
    particle_seconds: float
    particle_steps: int
    grid_loss: float
    grid_error: float
    grid_objective: float
    particle_loss: float
    particle_error: float
    particle_objective: float
    certificate: dict
    certificate_seconds: float

    @property
    def ratio(self):
        """True objective (with penalties: what both minimise) of the grid-trained network over that of the particle-trained one."""
        return self.grid_objective / self.particle_objective

    @property
    def certified(self):
        """Whether chain and particles agree within bars that are small: 3 % of the objective or 5e-4."""
        c = self.certificate
        return bool(c["within"] and c["network_error_bar"] <= max(_BAR * c["objective_network"], _FLOOR))

    def to_dict(self):
        return {**vars(self), "ratio": self.ratio, "loss_ratio": self.grid_loss / self.particle_loss, "certified": self.certified}


def race(name, seed, given):
    """Train twice and certify: a Race."""
    options = {"noise": "gaussian", "level": None, "loss": given.loss, "layers": given.layers, "width": 16, "tikhonov": 1e-3, "smoothness": 1e-4}
    setting = setting_of(options, datasets.load(name, seed, given.size) if name in DATA[:3] else datasets.load(name, seed))
    start = setting.network.initialise(seed)
    begun = perf_counter()
    grid = train_on_grid(setting, start, LBFGS(iterations=given.iterations), given.nodes)
    seconds = perf_counter() - begun
    particles, particle_seconds = _by_particles(setting, start, seed, seconds)
    begun = perf_counter()
    certificate = compare(setting.network, grid.x, setting.data, setting.criterion, seed=seed)
    certificate_seconds = perf_counter() - begun
    judged = {}
    for view, result in (("grid", grid), ("particle", particles)):
        paths = 2 * max(1, given.paths // len(setting.data) // 2)
        sample = ParticleObjective(setting, paths, derived_seed(seed, _JUDGING)).sample(result.x)
        judged |= {f"{view}_loss": sample.value, f"{view}_error": sample.standard_error,
                   f"{view}_objective": sample.value + setting.penalty(result.x)[0]}
    return Race(name, seed, len(setting.data), seconds, len(grid.rounds), grid.refinements, grid.widenings, particle_seconds, particles.nit,
                **judged, certificate=certificate.to_dict(), certificate_seconds=certificate_seconds)


def _by_particles(setting, start, seed, seconds):
    """Adam from the same start for as many seconds: its rate falls over the number of steps that fit, found by timing a few."""
    batch = _BATCH if len(setting.data) > _BATCH else None
    objective = ParticleObjective(setting, _TRAINING_PATHS, seed, batch)

    def adam(steps):
        return Adam(iterations=max(1, steps), rate=0.02, clip=5.0, check_every=20)

    times = []
    train(objective, start, adam(_TIMED), callback=lambda state: times.append(perf_counter()))
    each = (times[-1] - times[_TIMED // 5 - 1]) / (_TIMED - _TIMED // 5)               # judgements included; the first steps lay things out
    times.clear()
    begun = perf_counter()
    result = train(objective, start, adam(int(seconds / each)), callback=lambda state: times.append(perf_counter()))
    return result, times[-1] - begun


def main(arguments=None):
    """Run the races; return {"rows": dicts, "lines": the table}."""
    given = parser().parse_args(arguments)
    rows, lines = [], [f"{'data':14} {'seed':>4} {'points':>8} {'grid loss':>20} {'particle loss':>20} {'J ratio':>8} {'bar':>8} {'ok':>4} "
                       f"{'SDE − network':>20} {'refined':>8} {'grid s':>7} {'part. s':>8}"]
    with beside(given.json, "certify", given, [Race]) as part:
        for name, seed in product(given.data or DATA, range(given.seeds)):
            row = part(f"{name}, {seed}", partial(race, name, seed, given))
            rows.append(row.to_dict())
            lines.append(_line(row))
            if given.json:
                write_text(given.json, json.dumps(rows, indent=1) + "\n")
    passed = sum(row["certified"] for row in rows)
    lines.append(f"{passed} of {len(rows)} certified; largest ratio of objectives {max(row['ratio'] for row in rows):.3f}")
    return {"rows": rows, "lines": lines}


def _line(row):
    c = row.certificate
    return (f"{row.data:14} {row.seed:>4} {row.points:>8} {row.grid_loss:>10.5f} ± {row.grid_error:.1e} {row.particle_loss:>10.5f} ± "
            f"{row.particle_error:.1e} {row.ratio:>8.3f} {c['network_error_bar']:>8.1e} {'yes' if row.certified else 'NO':>4} "
            f"{c['modelling_gap']:>+10.5f} ± {c['error_bar']:.1e} {row.refinements:>4}+{row.widenings:<3} {row.seconds:>7.1f} {row.particle_seconds:>8.1f}")


def command():
    """Run from the command line."""
    print("\n".join(main()["lines"]))


if __name__ == "__main__":
    sys.exit(report_errors(command))
