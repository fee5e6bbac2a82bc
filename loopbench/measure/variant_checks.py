"""Verifies every variant before anything is measured: one that fails is a result, and the others are measured."""

import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from loopbench.errors import TargetError
from loopbench.measure import store, target
from loopbench.measure.before import prepare
from loopbench.measure.load import loaded
from loopbench.measure.run import RunContext
from loopbench.measure.verify import NO_ANSWER, check_alive_soon, verify
from loopbench.records import probe
from loopbench.records.failures import DEAD, FAILING, HUNG, FailedState, VariantFailure
from loopbench.records.load_spec import KIND_JOURNEY, load_spec
from loopbench.records.session import OUTSIDE_ROUNDS, PlannedRun
from loopbench.records.tracebacks import last_exception
from loopbench.scenario import Variant
from loopbench.secrecy import hidden

STATES: dict[str, FailedState] = {"target-died": DEAD, "target-start": DEAD, "target-not-ready": HUNG, NO_ANSWER: HUNG}


def failing_variants(context: RunContext) -> Iterator[tuple[VariantFailure, TargetError]]:
    """Yield the variants that fail, each with its error.

    Variants with the same settings share a target until one of them fails: what it did to the target is its own. Those
    with a locustfile do not: journeys change the app's state.
    """
    alone = context.scenario.load.locustfile is not None

    def settings(variant: Variant) -> tuple[str, tuple[str, ...], str]:
        return variant.served.model_dump_json(), variant.moved_route, variant.slug if alone else ""

    for _, variants in groupby(sorted(context.scenario.variants, key=settings), key=settings):
        left = list(variants)
        while left:
            yield from _failures(context, left)


def _failures(context: RunContext, left: list[Variant]) -> Iterator[tuple[VariantFailure, TargetError]]:
    """Verify variants on one target until one fails, and take them from the list."""
    folder = store.begin_run(context.folder, "verification")
    failing = list(left)
    try:
        with target.started(context.launch(folder, left[0])) as running:
            prepared = prepare(running, context.scenario, context.values, context.stop)
            verify(running, map(prepared.filled, context.scenario.requests), context.stop)
            while left:
                failing = left[:1]
                if context.scenario.load.locustfile:
                    _verify_journeys(context, left[0], running, folder)
                else:
                    verify(running, map(prepared.filled, failing), context.stop)
                left.pop(0)
    except TargetError as error:
        del left[: len(failing)]
        refusal = probe.refusal(folder)
        if refusal:
            error.what, error.hints = refusal, ("remove run_in, or the variant",)
        for part in ("what", "where", "allowed", "detail"):
            setattr(error, part, hidden(getattr(error, part)))
        error.kept = f"what the target printed is in {folder}"
        state = STATES.get(error.slug, FAILING)
        yield from ((VariantFailure(each.name, state, error.what, error.detail), error) for each in failing)
    else:
        shutil.rmtree(folder)


def _verify_journeys(context: RunContext, variant: Variant, running: target.AnyTarget, folder: Path) -> None:
    """Let one user of each class do each of its tasks once.

    Raises:
        TargetError: they fail.
        UsageError: the locustfile does not load.
    """
    folder /= variant.slug
    folder.mkdir()
    run = PlannedRun(0, KIND_JOURNEY, OUTSIDE_ROUNDS, variant.slug, 0, 0.0)
    spec = load_spec(context.scenario, run, nonce=running.nonce, url=running.url, folder=folder)
    try:
        with loaded(spec, folder, cpus=context.cores.generator) as load:
            load.watch(lambda _: context.stop.check())
    except TargetError as error:
        check_alive_soon(running)  # one that has died is the reason
        error.detail = last_exception(running.last_words()) or error.detail
        raise
