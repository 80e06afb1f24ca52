"""The command line that the benchmarks share: tasks by name, rows as a table and as a JSON list."""

from dataclasses import dataclass

from command_line import OneLineParser, whole

from .protocol import pinned, table, write_rows

__all__ = ["Program"]


@dataclass(frozen=True)
class Program:
    """A benchmark.

    tasks     : name -> (callable (task, setting, size …), its size at full measure, its size with --quick); sizes may be left out
    setting   : a Setting's class
    reference : (unit, size, size with --quick) of the references, set by --reference-<unit>
    """

    name: str
    description: str
    tasks: dict
    setting: type
    reference: tuple

    def parser(self):
        """Return the command line, with defaults."""
        unit, full, quick = self.reference
        p = OneLineParser(prog=self.name, description=self.description)
        p.add_argument("--only", action="append", choices=tuple(self.tasks), metavar="TASK",
                       help=f"one of {', '.join(self.tasks)}; repeatable (all)")
        p.add_argument("--json", default=None, metavar="FILE", help="write the rows as a JSON list")
        p.add_argument("--threads", type=whole, default=1,
                       help="threads and cores of every system; 1 counts CPU time, more wall time")
        p.add_argument(f"--reference-{unit}", dest="reference", type=whole, default=None, metavar=unit.upper(),
                       help=f"size of the references ({full}; quick: {quick})")
        p.add_argument("--repetitions", type=whole, default=5, help="timed runs of each system, of which the median counts")
        p.add_argument("--quick", action="store_true", help="tiny sizes: does it run; the figures mean nothing")
        return p

    def measure(self, name, setting):
        """The rows of one task."""
        run, *sizes = self.tasks[name]
        return run(name, setting, *([setting.size(*sizes)] if sizes else []))

    def main(self, arguments=None):
        """Run the tasks; return {"rows": list of Row, "lines": the table}."""
        given = self.parser().parse_args(arguments)
        _, full, quick = self.reference
        setting = self.setting(given.quick, given.reference or (quick if given.quick else full), given.repetitions)
        rows = []
        with pinned(given.threads):
            for name in dict.fromkeys(given.only or self.tasks):
                rows += self.measure(name, setting)
                if given.json:
                    write_rows(given.json, rows)             # after each task: a long run that is stopped keeps its rows
        return {"rows": rows, "lines": table(rows)}

    def command(self):
        """Run from the command line."""
        print("\n".join(self.main()["lines"]))
