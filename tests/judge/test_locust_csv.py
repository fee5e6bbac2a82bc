"""Locust histories of many versions and states are read or refused with a reason."""

from pathlib import Path

import pytest

from loopbench.errors import DataError, UsageError
from loopbench.judge.cross_check import locust_csv
from loopbench.judge.cross_check.locust_csv import History, find_history, read
from tests.judge.closed_loop import HEADER, history_text

SAMPLES = Path(__file__).parent / "locust_csv_samples"
START = 1_700_000_000
ROWS = [(START + second, second, "0.000000", 10 * second, second) for second in range(6)]
GOOD = history_text(ROWS)


def counts(found: History) -> list[tuple[int, ...]]:
    return list(found.rows.itertuples(index=False, name=None))


@pytest.fixture
def history(tmp_path: Path) -> Path:
    return tmp_path / "run_stats_history.csv"


@pytest.mark.parametrize(
    ("sample", "last"),
    [
        ("locust-1.0", (1_588_000_050, 40, 9200, 0)),
        ("locust-2.47-plain", (1_795_180_632, 40, 4610, 92)),
        ("locust-2.47-full", (1_795_180_665, 6, 4750, 95)),
        ("locust-2.47-procs", (1_795_180_703, 0, 5180, 103)),
    ],
)
def test_every_format_is_read_to_its_last_row(sample: str, last: tuple[int, ...]) -> None:
    found = read(SAMPLES / f"{sample}_stats_history.csv")
    assert counts(found)[-1] == last
    assert not found.notes


@pytest.mark.parametrize(
    "text",
    [GOOD, GOOD.replace("\r\n", "\n"), "\ufeff" + GOOD, GOOD + "\r\n\r\n", GOOD.replace("Timestamp", " TIMESTAMP ")],
    ids=["CRLF", "LF", "byte order mark", "blank lines", "header in capitals"],
)
def test_line_ends_marks_and_blanks_do_not_matter(history: Path, text: str) -> None:
    history.write_text(text, encoding="utf-8", newline="")
    assert counts(read(history)) == [(stamp, users, good, bad) for stamp, users, _, good, bad in ROWS]


def test_a_torn_last_line_is_left_out_and_said(history: Path) -> None:
    history.write_text(GOOD[:-12], newline="")
    found = read(history)
    assert len(found.rows) == 5
    assert "line 7 is torn" in found.notes[0]


def test_a_file_cut_at_any_byte_gives_only_true_rows(history: Path) -> None:
    for cut in range(GOOD.index(str(START + 4)), len(GOOD)):  # the last two rows
        history.write_text(GOOD[:cut], newline="")
        found = counts(read(history))
        assert found == [(stamp, users, good, bad) for stamp, users, _, good, bad in ROWS[: len(found)]], cut
        assert len(found) >= GOOD[:cut].count("\n") - 1, cut


@pytest.mark.parametrize(
    ("text", "slug", "says"),
    [
        ("", "csv-empty", "empty"),
        ("\r\n\r\n", "csv-empty", "empty"),
        (",".join(HEADER) + "\r\n", "csv-no-rows", "no whole row"),
        ("date,price\r\n2024,1\r\n", "csv-foreign", "'timestamp'"),
        ("\x00\x01\x02", "csv-foreign", "'timestamp'"),
        (GOOD.replace("1700000003,3", "yesterday,3"), "csv-damaged", "'yesterday'"),
        (GOOD.replace("1700000003,3", "1700000003,-3"), "csv-damaged", "'-3'"),
        (GOOD.replace("1700000003,3", "1700000003," + "9" * 5000), "csv-damaged", "not a whole number"),
        (GOOD.replace(f"{START + 3},3,,Aggregated", f"{START + 3}"), "csv-damaged", "fewer cells than the header"),
        (GOOD.replace(",Aggregated", ',"Aggregated', 1), "csv-damaged", "EOF inside string"),
        (GOOD.replace("Aggregated", "/hello"), "csv-no-rows", "Aggregated"),
    ],
)
def test_what_is_no_history_is_refused_with_a_reason(history: Path, text: str, slug: str, says: str) -> None:
    history.write_text(text, newline="")
    with pytest.raises(DataError) as refused:
        read(history)
    assert refused.value.slug == slug
    assert says in refused.value.what
    assert str(history) in refused.value.where
    assert refused.value.hints


@pytest.mark.parametrize(
    ("sample", "hint"),
    [("locust-2.47-plain_stats.csv", "_stats_history.csv"), ("locust-0.14_stats_history.csv", "before 1.0")],
)
def test_a_file_that_is_nearly_right_gets_its_own_advice(sample: str, hint: str) -> None:
    with pytest.raises(DataError) as refused:
        read(SAMPLES / sample)
    assert hint in refused.value.hints[0]


def test_damage_is_found_at_its_line(history: Path) -> None:
    history.write_text(GOOD.replace("1700000003,3", "1700000003,x"), newline="")
    with pytest.raises(DataError) as refused:
        read(history)
    assert refused.value.where == f"{history}:5"


def test_a_file_beyond_the_limit_is_refused_unread(history: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    history.write_text(GOOD, newline="")
    monkeypatch.setattr(locust_csv, "MAX_BYTES", len(GOOD) - 1)
    with pytest.raises(DataError) as refused:
        read(history)
    assert refused.value.slug == "csv-too-big"


def test_a_file_of_more_lines_than_the_limit_is_refused_unparsed(
    history: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.write_text(GOOD + "\n" * 9, newline="")
    monkeypatch.setattr(locust_csv, "MAX_ROWS", GOOD.count("\n") + 8)
    with pytest.raises(DataError) as refused:
        read(history)
    assert refused.value.slug == "csv-too-big"


def test_a_jump_of_more_users_than_can_be_spread_is_refused(history: Path) -> None:
    """From row to row of this one, nine million arrivals would be placed."""
    history.write_text(history_text([ROWS[0], (START + 20_000_000, 9_000_000, "0.0", 100, 0)]), newline="")
    with pytest.raises(DataError) as refused:
        read(history)
    assert refused.value.slug == "csv-too-big"


def test_a_users_own_request_called_aggregated_is_not_the_total(history: Path) -> None:
    text = GOOD.replace(f"{START + 2},2,,", f"{START + 2},2,GET,Aggregated,0,0,N/A,7,7\r\n{START + 2},2,,")
    history.write_text(text, newline="")
    assert counts(read(history))[2] == (START + 2, 2, 20, 2)


@pytest.mark.parametrize("given", ["run", "run_stats_history.csv", "run_stats.csv", "run_failures.csv", "."])
def test_a_prefix_or_any_of_its_files_or_its_folder_leads_to_the_history(tmp_path: Path, given: str) -> None:
    wanted = tmp_path / "run_stats_history.csv"
    for name in ("run_stats.csv", "run_failures.csv", "run_stats_history.csv"):
        (tmp_path / name).write_text(GOOD, newline="")
    assert find_history(tmp_path / given) == wanted


def test_a_prefix_without_a_history_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        find_history(tmp_path / "nothing")
    assert refused.value.slug == "csv-missing"
    assert "locust" in refused.value.hints[0]
