"""Every rule of a run trips on a fault planted into its folder, and on nothing else; a run without one is VALID."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loopbench.judge.run.run import Run
from loopbench.judge.stamp.canaries import Canaries, canaries_of
from loopbench.judge.stamp.health import health_of
from loopbench.judge.stamp.metrics import Measured, Metrics
from loopbench.judge.stamp.open_session import run_metrics, stamp_run
from loopbench.judge.stamp.stamp import Stamp
from loopbench.judge.stamp.stamp_checks import Level, State
from loopbench.judge.stamp.stamp_rules import RUN_RULES
from loopbench.records import samples
from loopbench.records.generator_watch import WatchedSecond
from loopbench.records.sensors import SensorRow
from loopbench.records.session import HUNG, KIND_PLATEAU, KIND_RAMP, Counts, Phase, SessionRecord
from tests.judge.recorded_run import COMMAND, SCENARIO, SESSION, Made, Rows, session_of, write_run
from tests.made_scenario import changed, made_scenario

CANARIES = Canaries(0.1, 0.0)


def stamp_of(folder: Path, made: Made) -> Stamp:
    return stamped(write_run(folder, made))


def stamped(run: Run, record: SessionRecord = SESSION, canaries: Canaries = CANARIES) -> Stamp:
    return stamp_run(run, session_of(run, record, canaries))


def metrics_of(run: Run) -> Metrics:
    return run_metrics(run, session_of(run, canaries=CANARIES))


def every(part: float) -> slice:
    """So many of all."""
    return slice(None, None, round(1 / part))


def marked(column: str, value: Any, part: float = 1.0) -> Callable[[Rows], Rows]:
    """Samples in which a part has this value."""

    def change(rows: Rows) -> Rows:
        rows[column][every(part)] = value
        return rows

    return change


def failed(part: float, status: int) -> Callable[[Rows], Rows]:
    """Samples of which a part failed."""
    return lambda rows: marked("status", status, part)(marked("error", 1, part)(rows))


def sensed(**machine: Any) -> Callable[[SensorRow], SensorRow]:
    """Sensors that saw this of the machine in every second."""
    return lambda row: replace(row, machine=replace(row.machine, **machine))


def delayed(side: str, delay_s: float) -> Callable[[SensorRow], SensorRow]:
    """Target or generator waited for a processor in every second."""
    return lambda row: replace(row, **{side: replace(getattr(row, side), run_queue_delay_s=delay_s)})


def half_the_users(events: list[samples.Event]) -> list[samples.Event]:
    """Who counts users missed every other one."""
    return [event for event in events if int(event[2]) % 2]


def growing(rows: Rows) -> Rows:
    rows["size_bytes"] = 1_000 + 10 * np.arange(len(rows))
    return rows


def starved(rows: Rows) -> Rows:
    """User 0 asked once, and was never answered."""
    first = np.flatnonzero(rows["user"] == 0)[:1]
    rows["latency_s"][first], rows["error"][first] = 9.0, 1
    rows["flags"][first] |= samples.FLAG_UNFINISHED
    kept: Rows = rows[(rows["user"] != 0) | (rows["flags"] & samples.FLAG_UNFINISHED != 0)]
    return kept


def calls(moved: int, kept: int, refused: int = 0, *, dependencies_kept: int = 9) -> dict[str, dict[str, int]]:
    """Counts of moved calls: the endpoint's, and dependencies of which none was moved."""
    return {
        "endpoint": {"moved": moved, "kept": kept, "refused": refused},
        "dependencies": {"moved": 0, "kept": dependencies_kept, "refused": 0},
    }


def swapped(command: tuple[str, ...], old: str, new: str) -> tuple[str, ...]:
    return tuple(new if word == old else word for word in command)


FAULTS: dict[str, tuple[Made, Level, set[str]]] = {
    # what is planted: the run, the level it must come to, and every rule that must have noticed
    "an impostor's nonce": (Made(start={"nonce": "f" * 16}), Level.INVALID, {"T1"}),
    "a replaced worker": (Made(workers=2), Level.INVALID, {"T1"}),
    "another loop": (Made(start={"loop_class": "_UnixSelectorEventLoop"}), Level.INVALID, {"T2"}),
    "another pool": (Made(start={"pools": {"anyio_tokens": 100}}), Level.INVALID, {"T2"}),
    "other workers": (
        Made(record={"target_command": swapped(COMMAND, "httptools", "h11")}),
        Level.INVALID,
        {"T2"},
    ),
    "calls that stay": (
        Made(variant={"run_in": "threadpool"}, moves=calls(0, 9)),
        Level.INVALID,
        {"T3"},
    ),
    "a call that awaits": (Made(variant={"run_in": "threadpool"}, moves=calls(9, 0, 1)), Level.INVALID, {"T3"}),
    "calls that nothing moves": (Made(variant={"run_in": "event_loop"}), Level.INVALID, {"T3"}),
    "dependencies that stay": (
        Made(variant={"run_dependencies_in": "event_loop"}, moves=calls(9, 0)),
        Level.INVALID,
        {"T3"},
    ),
    "a client that retries": (Made(record={"counts": Counts(1_003, 1_000, 1_000, 0)}), Level.INVALID, {"C1"}),
    "a server killed without drain": (Made(record={"counts": Counts(None, 9, 9, 0)}), Level.INVALID, {"C1"}),
    "more users than are counted": (Made(events=half_the_users), Level.INVALID, {"B0", "G2", "N2"}),
    "a short window": (Made(hold_s=4.0), Level.DEGRADED, {"D1"}),
    "a busy generator": (Made(watch=lambda each: each._replace(cpu_s=0.85)), Level.INVALID, {"G1"}),
    "a generator that shares its core": (Made(sensor=delayed("generator", 0.85)), Level.INVALID, {"G1", "M5"}),
    "time lost in the generator": (Made(hidden_s=0.008), Level.INVALID, {"G2"}),
    "some time lost in the generator": (Made(hidden_s=0.002), Level.DEGRADED, {"G2"}),
    "a generator that hangs": (Made(watch=lambda each: each._replace(lags_us=(30_000,) * 50)), Level.INVALID, {"G3"}),
    "a generator that stutters": (
        Made(watch=lambda each: each._replace(lags_us=(3_000,) * 50)),
        Level.DEGRADED,
        {"G3"},
    ),
    "a generator without a watch": (Made(watch=lambda each: each._replace(lags_us=())), Level.INVALID, {"G3"}),
    "a weak generator": (Made(ceiling_rps=500.0), Level.DEGRADED, {"G4"}),
    "no own ceiling": (Made(ceiling_rps=None), Level.INVALID, {"G4"}),
    "a busy second of the generator": (
        Made(watch=lambda each: each._replace(cpu_s=0.85 if each.at_s < 4 else 0.1)),
        Level.DEGRADED,
        {"G1"},
    ),
    "a greedy host": (Made(sensor=sensed(steal_s=0.2)), Level.DEGRADED, {"M1"}),
    "a host that takes every other moment": (Made(sensor=sensed(steal_s=1.2)), Level.INVALID, {"M1"}),
    "a slow canary": (Made(record={"canary_after_s": 0.112}), Level.DEGRADED, {"M2"}),
    "a tired canary": (Made(record={"canary_before_s": 0.106}), Level.DEGRADED, {"M2"}),
    "a CPU burner": (Made(sensor=sensed(foreign_cpu_s=0.9)), Level.DEGRADED, {"M3"}),
    "a CPU quota": (Made(sensor=sensed(throttled_periods=1)), Level.DEGRADED, {"M4"}),
    "a target that waits for its core": (Made(sensor=delayed("target", 0.06)), Level.DEGRADED, {"M5"}),
    "another process on the target's core": (Made(sensor=delayed("target", 0.5)), Level.INVALID, {"M5"}),
    "a generator that waits for its core": (Made(sensor=delayed("generator", 0.03)), Level.DEGRADED, {"M5"}),
    "a full accept queue": (Made(sensor=sensed(listen_overflows=1)), Level.DEGRADED, {"N1"}),
    "a server that closes": (Made(rows=marked("flags", samples.FLAG_NEW_CONNECTION)), Level.DEGRADED, {"N2"}),
    "a disk that lags": (Made(sensor=sensed(dirty_bytes=450_000_000)), Level.DEGRADED, {"F1"}),
    "a step down": (Made(service_s=lambda at_s, _: 0.02 if at_s < 6 else 0.029), Level.DEGRADED, {"S1"}),
    "users that pour in": (
        Made(kind=KIND_RAMP, hold_s=8.0, load={"spawn_rate": 20.0}),
        Level.DEGRADED,
        {"P1"},
    ),
    "late starts": (
        Made(rows=marked("late_s", 0.006, 0.02), load={"mode": "open", "rate": 900.0, "think_time_s": 0.0}),
        Level.INVALID,
        {"O1"},
    ),
    "no sensors": (Made(sensors=False), Level.INVALID, {"G1", "M1", "M3", "M4", "M5", "N1", "F1"}),
    "no canary": (Made(record={"canary_before_s": None, "canary_after_s": None}), Level.INVALID, {"M2"}),
    "no window": (Made(hold_s=0.0), Level.INVALID, {"D1"}),
    "response times that grow": (
        Made(service_s=lambda at_s, _: 0.02 * (1 + at_s / 20)),
        Level.DEGRADED,
        {"D4"},
    ),
    "answers that grow": (Made(rows=growing), Level.DEGRADED, {"D4"}),
}


@pytest.mark.parametrize(("made", "level", "rules"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_trips_its_rule_and_no_other(tmp_path: Path, made: Made, level: Level, rules: set[str]) -> None:
    stamp = stamp_of(tmp_path, made)
    assert {finding.id for finding in stamp.faults} == rules, stamp.sentence
    assert stamp.level is level


@pytest.mark.parametrize(
    "made",
    [
        Made(variant={"run_in": "threadpool"}, moves=calls(9, 0)),
        Made(variant={"run_in": None}, moves=calls(0, 9)),
        Made(
            variant={"run_dependencies_in": "event_loop"},
            moves=calls(0, 9) | {"dependencies": {"moved": 9, "kept": 9, "refused": 0}},
        ),
    ],
)
def test_a_variant_whose_calls_were_moved_is_valid(tmp_path: Path, made: Made) -> None:
    assert stamp_of(tmp_path, made).level is Level.VALID


def test_a_fault_is_planted_for_every_rule() -> None:
    about_measuring = {rule.id for rule in RUN_RULES if rule.health is None}
    assert set().union(*(rules for _, _, rules in FAULTS.values())) == about_measuring


SICK: dict[str, tuple[Made, State, set[str]]] = {
    # what the target does: the run, its health, and every rule that must have noticed; the measurement is VALID
    "two per cent of failures": (Made(rows=failed(0.02, 500)), State.FAILING, {"C2"}),
    "nothing but failures": (Made(rows=failed(1.0, 500)), State.FAILING, {"C2"}),
    "wrong bodies": (Made(rows=failed(0.005, 200)), State.FAILING, {"C3"}),
    "four response times": (Made(users=100, service_s=lambda *_: 2.0), State.HEALTHY, {"D2"}),
    "few completions": (Made(users=1, service_s=lambda *_: 0.1, hold_s=6.0), State.HEALTHY, {"D2"}),
    "answers slower than the window": (
        Made(service_s=lambda at_s, user: 0.3 if at_s < 1.5 else 3.0 if user % 4 == 0 else 20.0),
        State.STALLED,
        {"D2", "D3"},
    ),
    "a user never served": (Made(rows=starved), State.STARVING, {"D3", "U1"}),
    "no answer": (Made(service_s=lambda at_s, _: 0.02 if at_s < 1.9 else 60.0), State.HUNG, {"D2", "D3"}),
    "it died": (Made(record={"target_exit": "died (exit code 3)"}), State.DEAD, set()),
    "it hung": (Made(record={"target_exit": HUNG, "counts": Counts(None, 9, 9, 2)}), State.HUNG, set()),
}


@pytest.mark.parametrize(("made", "state", "rules"), SICK.values(), ids=SICK)
def test_a_sick_target_is_a_result_and_lowers_no_stamp(
    tmp_path: Path, made: Made, state: State, rules: set[str]
) -> None:
    run = write_run(tmp_path, made)
    stamp = stamped(run)
    assert stamp.level < Level.INVALID, stamp.sentence
    assert {finding.id for finding in stamp.about_health} == rules
    assert health_of(run, stamp).state is state
    assert health_of(run, stamp).sent == np.count_nonzero(run.samples.loaded)


def test_users_that_wait_because_the_window_is_short_are_not_called_never_served(tmp_path: Path) -> None:
    """100 users at 10 answers/s are not all served in the seconds of a round."""
    run = write_run(tmp_path, Made(users=100, service_s=lambda *_: 9.0, think_s=0.0))
    assert health_of(run, stamped(run)).state is not State.STARVING
    assert "U1" not in {finding.id for finding in stamped(run).about_health}


def test_users_never_served_are_reported_with_the_time_that_was_watched(tmp_path: Path) -> None:
    run = write_run(tmp_path, Made(rows=starved))
    load_s = sum(phase.width_s for phase in run.record.phases if phase.name in {"ramp", "settle", "hold"})
    assert health_of(run, stamped(run)).trouble() == f"1 of 20 users without any answer in {load_s:.3g} s"


CLEAN = {
    "plateau": Made(),
    "ramp": Made(kind=KIND_RAMP, load={"spawn_rate": 1.0}),
    "users all at once": Made(
        kind=KIND_RAMP,
        load={"spawn_rate": 1.0},
        record={"phases": (Phase(samples.PHASE_RAMP, 1.0, 1.01), Phase(samples.PHASE_HOLD, 1.01, 9.0))},
    ),
    "open": Made(load={"mode": "open", "rate": 900.0, "think_time_s": 0.0}),
    "without think time": Made(think_s=0.0),
    "half a per cent of failures": Made(rows=failed(0.005, 500)),
}


@pytest.mark.parametrize("made", CLEAN.values(), ids=CLEAN)
def test_a_clean_run_is_valid(tmp_path: Path, made: Made) -> None:
    stamp = stamp_of(tmp_path, made)
    assert stamp.sentence == "VALID"


def test_users_never_served_are_said_even_when_there_are_none(tmp_path: Path) -> None:
    said = [finding.what for finding in stamp_of(tmp_path, Made()).remarks]
    (never_served,) = [what for what in said if "never served" in what]
    assert never_served.startswith("users never served: 0 (of 20;")


def test_failures_within_the_limit_are_said(tmp_path: Path) -> None:
    stamp = stamp_of(tmp_path, Made(rows=failed(0.005, 500)))
    assert any("failed requests: 0.5" in finding.what for finding in stamp.remarks)


UNSEEN = {
    "machine_steal_s": ("M1", {"steal_s": None}, Level.VALID),
    "machine_foreign_cpu_s": ("M3", {"foreign_cpu_s": None}, Level.DEGRADED),
    "machine_throttled_periods": ("M4", {"throttled_periods": None}, Level.VALID),
    "machine_listen_overflows": ("N1", {"listen_overflows": None, "listen_drops": None}, Level.DEGRADED),
    "machine_dirty_bytes": ("F1", {"dirty_bytes": None}, Level.DEGRADED),
}


@pytest.mark.parametrize("column", UNSEEN)
def test_what_the_sensors_could_not_see_is_said_with_their_reason(tmp_path: Path, column: str) -> None:
    rule, machine, level = UNSEEN[column]
    stamp = stamp_of(tmp_path, Made(sensor=sensed(**machine), unobservable={column: "this kernel does not tell"}))
    (finding,) = [each for each in stamp.findings if "this kernel does not tell" in each.what]
    assert (finding.id, finding.level, stamp.level) == (rule, level, level)


def test_an_empty_column_without_a_reason_is_not_measured(tmp_path: Path) -> None:
    stamp = stamp_of(tmp_path, Made(sensor=sensed(steal_s=None)))
    assert [finding.id for finding in stamp.faults] == ["M1"]
    assert stamp.level is Level.INVALID


def test_a_schedstat_that_cannot_be_read_degrades(tmp_path: Path) -> None:
    made = Made(
        sensor=lambda row: replace(row, target=replace(row.target, run_queue_delay_s=None)),
        unobservable={"target_run_queue_delay_s": "no schedstat"},
    )
    stamp = stamp_of(tmp_path, made)
    assert [(finding.id, finding.level) for finding in stamp.faults] == [("M5", Level.DEGRADED)]


def test_a_target_that_somebody_else_started_degrades_what_cannot_be_seen_of_it(tmp_path: Path) -> None:
    files = write_run(tmp_path, Made(workers=0, record={"target_command": (), "counts": Counts(None, 9, 9, 0)}))
    stamp = stamped(files)
    assert {finding.id for finding in stamp.faults} == {"T1", "T2", "C1"}
    assert stamp.level is Level.DEGRADED


def test_a_generator_s_lag_is_compared_with_the_cycle_of_a_locustfile_s_users(tmp_path: Path) -> None:
    """15 ms would be 75 % of their response time; their cycle, which includes waits, is 50 ms by Little's law."""
    load = {"locustfile": "journeys.py", "think_time_s": (0.0, 0.0)}
    stamp = stamp_of(tmp_path, Made(load=load, watch=lambda each: each._replace(lags_us=(15_000,) * 50)))
    assert stamp.level is Level.DEGRADED


def test_users_of_a_locustfile_degrade_because_their_waits_and_connections_are_not_known(tmp_path: Path) -> None:
    stamp = stamp_of(tmp_path, Made(load={"locustfile": "journeys.py", "think_time_s": (0.0, 0.0)}))
    assert [finding.id for finding in stamp.faults] == ["G2", "N2"]


def test_answers_that_grow_under_the_load_degrade_and_are_named(tmp_path: Path) -> None:
    def varied(rows: Rows) -> Rows:
        rows["size_bytes"] = np.random.default_rng(1).integers(100, 10_000, len(rows))
        return rows

    (fault,) = stamp_of(tmp_path / "growing", Made(rows=growing)).faults
    assert "'def': from 4,600 to 33,415 bytes" in fault.sentence
    assert "target.prepare" in fault.advice
    assert stamp_of(tmp_path / "varied", Made(rows=varied)).faults == ()


@pytest.mark.parametrize(
    ("factors", "shown"),
    [
        ((1, 2, 1.7, 1.6, 3, 2.7, 4.4, 4.0, 4.3, 5.0), "'def': from 20"),
        ((1, 5, 2, 1.6, 3, 2.7, 4.4, 4.0, 4.3, 5.0), ""),
        ((1, 1.01, 1.02, 1.03, 1.04, 1.05, 1.06, 1.07, 1.08, 1.2), ""),
    ],
)
def test_a_response_time_that_rises_in_spite_of_disturbances_degrades_and_is_named(
    tmp_path: Path, factors: tuple[float, ...], shown: str
) -> None:
    """With 6 falls among the 45 pairs of tenths; neither with more, nor by 20 %."""
    (window,) = write_run(tmp_path / "steady", Made()).windows

    def risen(rows: Rows) -> Rows:
        held = (rows["start_s"] >= window.start_s) & (rows["start_s"] < window.end_s)
        parts = np.array_split(np.flatnonzero(held), len(factors))
        for part, factor in zip(parts, factors, strict=True):
            rows["latency_s"][part] *= factor
        return rows

    faults = stamp_of(tmp_path / "risen", Made(rows=risen)).faults
    assert [shown in fault.sentence for fault in faults if fault.id == "D4"] == [True] * bool(shown)

    def with_more_users(rows: Rows) -> Rows:
        rows["user"][rows["start_s"] < (window.start_s + window.end_s) / 2] //= 2
        return risen(rows)

    faults = stamp_of(tmp_path / "more", Made(rows=with_more_users)).faults
    assert "D4" not in [fault.id for fault in faults], "a queue that users come through"


def test_steal_is_taken_over_five_seconds_so_that_one_bad_second_does_not_count(tmp_path: Path) -> None:
    def once(row: SensorRow) -> SensorRow:
        return sensed(steal_s=0.4 if round(row.t_s) == 5_006 else 0.0)(row)

    steal = metrics_of(write_run(tmp_path, Made(sensor=once)))["steal_share"]
    assert isinstance(steal, Measured)
    assert steal.value == pytest.approx(0.4 / 10)


@pytest.mark.parametrize(("by_own_s", "by_services_s", "share"), [(0.1, 0.1, 0.1), (0.3, 0.0, 0.0), (0.0, 0.3, 0.0)])
def test_the_target_s_own_processes_and_services_are_no_others(
    tmp_path: Path, by_own_s: float, by_services_s: float, share: float
) -> None:
    def late(row: SensorRow) -> SensorRow:
        target = replace(row.target, run_queue_delay_s=0.3, loop_cpu_s=0.2, cpu_s=0.2 + by_own_s)
        return replace(row, target=target, machine=replace(row.machine, services_cpu_s=by_services_s))

    kept_waiting = metrics_of(write_run(tmp_path, Made(sensor=late)))["run_queue_share"]
    assert isinstance(kept_waiting, Measured)
    assert kept_waiting.value == pytest.approx(share)


@pytest.mark.parametrize("think_s", [0.0, 1.0], ids=["no think time", "users in step"])
def test_whole_waves_of_users_are_no_impossible_throughput(tmp_path: Path, think_s: float) -> None:
    """All users answered at the same moments: a window may hold one wave more than it is long."""
    files = write_run(tmp_path, Made(users=50, think_s=think_s, service_s=lambda *_: 1.0, hold_s=5.5))
    above = metrics_of(files)["above_ceiling"]
    assert isinstance(above, Measured)
    assert above.value < 0.02


def test_what_happened_outside_the_window_does_not_count(tmp_path: Path) -> None:
    """The host took the processor while users came; the window began a second later."""

    def at_first(row: SensorRow) -> SensorRow:
        return sensed(steal_s=1.0, foreign_cpu_s=1.0)(row) if row.t_s <= 5_002 else row

    assert stamp_of(tmp_path, Made(sensor=at_first)).sentence == "VALID"


def test_beside_generators_on_other_machines_all_that_the_sensors_saw_counts(tmp_path: Path) -> None:
    """Their clocks have nothing in common with the sensors', so no row is known to lie in the window."""
    made = Made(sensor=lambda row: replace(row, t_s=row.t_s + 10_000))
    here = stamped(write_run(tmp_path / "here", made))
    assert {"M1", "M3", "M5"} <= {fault.id for fault in here.faults}
    load = {"users": 20, "remote_workers": 1, "master_bind": "127.0.0.1"}
    session = replace(SESSION, scenario=made_scenario("def", target={"url": "http://127.0.0.1:1"}, load=load))
    there = stamped(write_run(tmp_path / "there", made), session)
    assert {fault.id for fault in there.faults} == {"G4"}  # their ceiling cannot be measured from here


def test_settings_are_compared_with_the_session_s_first_run(tmp_path: Path) -> None:
    write_run(tmp_path, Made(), number=1)
    command = (*COMMAND, "--limit-concurrency", "50")
    files = write_run(tmp_path, Made(record={"target_command": command}), number=2)
    (fault,) = stamped(files).faults
    assert fault.id == "T2"
    assert "--limit-concurrency" in fault.what


def test_settings_that_the_scenario_varies_may_differ(tmp_path: Path) -> None:
    write_run(tmp_path, Made(), number=1)
    asyncio = Made(
        start={"loop_class": "_UnixSelectorEventLoop"},
        record={
            "target_command": swapped(COMMAND, "loopbench_probe:new_uvloop_loop", "loopbench_probe:new_asyncio_loop")
        },
    )
    files = write_run(tmp_path, asyncio, number=2)
    (variant,) = changed(SCENARIO, target={"loop": "asyncio"}).variants
    assert stamped(replace(files, variant=variant)).sentence == "VALID"


def test_a_canary_that_always_jumps_says_nothing_against_a_run(tmp_path: Path) -> None:
    """On a host that shares its cores 3 and 5 ms take turns: neither is a fault of the run that met it."""
    restless = canaries_of([3e-3, 5e-3, 3.1e-3, 4.9e-3, 3e-3, 5e-3, 4e-3, 3.9e-3])
    made = Made(record={"canary_before_s": 3e-3, "canary_after_s": 5e-3})
    assert stamped(write_run(tmp_path / "usual", made), canaries=restless).sentence == "VALID"
    slow = Made(record={"canary_before_s": 4e-3, "canary_after_s": 8e-3})
    assert [fault.id for fault in stamped(write_run(tmp_path / "slow", slow), canaries=restless).faults] == ["M2"]


def test_delay_that_reaches_every_run_alike_says_nothing_against_one(tmp_path: Path) -> None:
    """A machine on which others compute all session long, and one run in which another process had the core."""
    runs = [write_run(tmp_path, Made(sensor=delayed("target", 0.3)), number=number) for number in range(1, 7)]
    assert stamped(runs[0]).sentence == "VALID"
    hit = write_run(tmp_path, Made(sensor=delayed("target", 0.7)), number=7)
    assert stamped(hit).invalid_ids == ("M5",)


def test_a_few_canaries_tell_no_scatter() -> None:
    assert canaries_of([3e-3, None, 5e-3]).scatter is None
    assert canaries_of([]) == Canaries(None, None)


def test_the_canary_of_a_session_is_the_median_of_all_its_runs(tmp_path: Path) -> None:
    for number, canary_s in enumerate((0.1, 0.12, 0.3), 1):
        run = write_run(tmp_path, Made(record={"canary_before_s": canary_s, "canary_after_s": canary_s}), number=number)
    assert session_of(run).canaries.median_s == pytest.approx(0.12)


def test_the_first_run_s_two_canaries_are_compared_with_each_other(tmp_path: Path) -> None:
    files = write_run(tmp_path, Made(record={"canary_before_s": 0.1, "canary_after_s": 0.13}))
    (fault,) = stamped(files, canaries=canaries_of([])).faults
    assert fault.id == "M2"
    assert fault.value == pytest.approx(0.015 / 0.115)


def test_a_second_of_arrivals_does_not_count_against_a_plateau(tmp_path: Path) -> None:
    def busy_at_first(second: WatchedSecond) -> WatchedSecond:
        return second._replace(cpu_s=0.99) if second.at_s <= 2 else second

    assert stamp_of(tmp_path / "plateau", Made(kind=KIND_PLATEAU, watch=busy_at_first)).sentence == "VALID"
    ramp = Made(kind=KIND_RAMP, load={"spawn_rate": 1.0}, watch=busy_at_first)
    assert [finding.id for finding in stamp_of(tmp_path / "ramp", ramp).faults] == ["G1"]


def test_every_figure_of_a_run_is_filled_in(tmp_path: Path) -> None:
    metrics = metrics_of(write_run(tmp_path))
    assert metrics.keys() == {check.metric for rule in RUN_RULES for check in rule.checks}
    assert [name for name, metric in metrics.items() if metric is None] == []
