"""What `session.json` says before the first run: the question as it was resolved, the plan, the machine."""

import sys

import loopbench
from loopbench.measure import environment, machine, provenance, store
from loopbench.measure.order import ordered
from loopbench.plan import Plan
from loopbench.records import FORMAT_VERSION
from loopbench.records.session import (
    RecordedRepeat,
    RecordedScenario,
    RecordedTimeline,
    RecordedVariant,
    ResolvedTarget,
    SessionRecord,
)
from loopbench.scenario import Scenario, Variant
from loopbench.scenario.settings import flat_settings
from loopbench.secrecy import public_arguments, public_target


def describe(scenario: Scenario, plan: Plan, *, quick: bool, explain: bool) -> SessionRecord:
    """Everything about a session that is known before it begins."""
    return SessionRecord(
        format=FORMAT_VERSION,
        loopbench=loopbench.__version__,
        started=store.now_iso(),
        command=public_arguments(sys.argv),
        scenario=_recorded_scenario(scenario, quick=quick, explain=explain),
        settings=flat_settings(scenario),
        seed=plan.seed,
        plan=plan.runs,
        machine=machine.facts(),
        packages=machine.package_versions(),
        provenance=provenance.describe(scenario),
        environment_ignored=environment.ignored(),
    )


def _recorded_scenario(scenario: Scenario, *, quick: bool, explain: bool) -> RecordedScenario:
    load, repeat = scenario.load, scenario.repeat
    return RecordedScenario(
        file=str(scenario.file),
        name=scenario.name,
        title=scenario.title,
        question=scenario.question,
        source=scenario.source,
        neighbours=tuple(request.name for request in scenario.requests),
        variants=tuple(_recorded_variant(scenario, index, each) for index, each in enumerate(scenario.variants)),
        baseline=scenario.baseline_slug,
        users=load.users,
        spawn_rate=load.spawn_rate,
        hold_s=load.hold_s,
        warmup_s=load.warmup_s,
        think_time_s=load.think_time_s,
        steps=tuple(load.steps),
        mode=load.mode,
        rate_rps=load.rate or (0.0, 0.0),
        generators=load.generators,
        remote_workers=load.remote_workers,
        client=load.user,
        repeat=RecordedRepeat(
            precision=repeat.precision,
            min_rounds=repeat.fewest_rounds,
            max_rounds=repeat.max_rounds,
            settle_s=repeat.settle_s,
            window_s=repeat.window_s,
            variants=scenario.repeated_slugs if repeat.variants is not None else (),
        ),
        quick=quick,
        explain=explain,
        claims=tuple(claim.recorded() for claim in scenario.claims),
        timelines=tuple(
            RecordedTimeline(each.name, slug)
            for each, slug in zip(scenario.timelines, scenario.timeline_slugs, strict=True)
        ),
        expect=tuple(gate.recorded() for gate in scenario.expect),
    )


def _recorded_variant(scenario: Scenario, index: int, variant: Variant) -> RecordedVariant:
    target, request = scenario.target_of(variant), ordered(variant)
    return RecordedVariant(
        name=variant.name,
        slug=scenario.slug(index),
        method=request.method,
        path=public_target(request.target),
        published_rps=variant.published.rps,
        target=ResolvedTarget(
            app=target.app,
            app_dir=target.app_dir,
            workers=target.workers,
            loop=target.loop,
            http=target.http,
            thread_tokens=target.thread_tokens,
            env_names=tuple(sorted(target.env)),
            python=target.python or "",
        ),
    )
