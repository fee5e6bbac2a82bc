"""The table of figures: a row a variant, each cell a figure or a dash with its reason. Page and Markdown write it."""

from dataclasses import dataclass
from itertools import accumulate, groupby

from loopbench.judge.figures import MISSING, rounded, whole
from loopbench.judge.run.latency import Percentiles
from loopbench.judge.run.occupancy import PhaseEnd
from loopbench.judge.session.run_report import RequestReport, RunReport
from loopbench.judge.session.session_report import SessionReport
from loopbench.judge.statistics.percentiles import samples_needed
from loopbench.records.samples import PHASE_HOLD, PHASE_RAMP

NOT_MEASURED = "no complete run of this variant"
NO_HOLD = "the run did not hold its load long enough"
NO_SPREAD = "too few whole seconds in the hold for a spread"
NO_KNEE = "no knee: the points do not show one bend clearly"


@dataclass(frozen=True, slots=True)
class Cell:
    """What stands in the table; `why` is empty unless the figure is missing."""

    text: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading: `group` and `of` are shared by neighbouring columns, `unit` stands under the name."""

    group: str
    name: str
    unit: str
    of: str = ""  # foreign text: the neighbour that the group is about


@dataclass(frozen=True, slots=True)
class Row:
    """One variant."""

    variant: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """All variants in the scenario's order, those that were not measured included."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def groups(self) -> tuple[tuple[str, str, int], ...]:
        """Each group's name, what it is about, and how many columns it spans."""
        found = groupby(self.columns, key=lambda column: (column.group, column.of))
        return tuple((name, of, len(list(columns))) for (name, of), columns in found)

    @property
    def group_starts(self) -> frozenset[int]:
        """Indices of the columns that begin a group."""
        return frozenset(accumulate((size for _, _, size in self.groups[:-1]), initial=0))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why figures are missing, each reason once, in the order of the table."""
        return tuple(dict.fromkeys(cell.why for row in self.rows for cell in row.cells if cell.why))


def figures_table(report: SessionReport) -> Table:
    """Every figure a reader compares, of every variant of the scenario."""
    scenario = report.record.scenario
    columns = _columns(scenario.load.users, scenario.neighbours)
    runs = {run.variant.slug: run for run in report.runs}
    rows = []
    for variant in scenario.variants:
        run = runs.get(variant.slug)
        missing = (Cell(MISSING, NOT_MEASURED),) * len(columns)
        rows.append(Row(variant.name, missing if run is None else _cells(run)))
    return Table(columns, tuple(rows))


def end_of_load(run: RunReport) -> PhaseEnd | None:
    """How things stood when the load was over: at the end of the hold or, without one, of the ramp."""
    ends = {end.phase: end for end in run.ends}
    return ends.get(PHASE_HOLD) or ends.get(PHASE_RAMP)


def _columns(users: int, neighbours: tuple[str, ...]) -> tuple[Column, ...]:
    held = f"held at {users} users"
    return (
        Column(held, "goodput", "answers/s"),
        Column(held, "spread", "10 to 90 % of seconds"),
        *(Column("its own request", name, "ms") for name in ("p50", "p95", "p99")),
        *(Column("under it,", name, "ms", each) for each in neighbours for name in ("p50", "p99")),
        Column("at the end of the load", "never served", "users"),
        Column("at the end of the load", "in flight", "requests"),
        Column("whole run", "failed", "requests"),
        Column("whole run", "knee", "users"),
    )


def _cells(run: RunReport) -> tuple[Cell, ...]:
    end = end_of_load(run)
    never_served, in_flight = (None, None) if end is None else (end.moment.never_served, end.moment.in_flight)
    knee = run.curve.knee_users
    return (
        _cell(run.goodput_rps, NO_HOLD),
        _spread(run),
        *_latency(run, run.own, ("p50", "p95", "p99")),
        *(cell for request in run.requests[1:] for cell in _latency(run, request, ("p50", "p99"))),
        Cell(whole(never_served), "" if end else NO_HOLD),
        Cell(whole(in_flight), "" if end else NO_HOLD),
        Cell(whole(run.failures)),
        Cell(whole(knee), "" if knee is not None else NO_KNEE),
    )


def _spread(run: RunReport) -> Cell:
    if run.curve.hold is None:
        return Cell(MISSING, NO_HOLD)
    if run.curve.hold.spread_rps is None:
        return Cell(MISSING, NO_SPREAD)
    low, high = run.curve.hold.spread_rps
    return Cell(f"{rounded(low)} to {rounded(high)}")


def _latency(run: RunReport, request: RequestReport, names: tuple[str, ...]) -> list[Cell]:
    values = {"p50": request.hold.p50_ms, "p95": request.hold.p95_ms, "p99": request.hold.p99_ms}
    return [_cell(values[name], NO_HOLD if run.curve.hold is None else too_few(request.hold, name)) for name in names]


def too_few(hold: Percentiles, name: str) -> str:
    """Why a percentile is not given."""
    if not hold.samples:
        return "no good answer in the hold"
    return f"{name} takes {samples_needed(int(name[1:]) / 100)} good answers in the hold, more than there were"


def _cell(value: float | None, why: str) -> Cell:
    return Cell(rounded(value), why if value is None else "")
