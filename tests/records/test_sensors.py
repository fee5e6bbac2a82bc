"""The format of sensors.csv: rows are read back as written, and missing values stay missing."""

from dataclasses import replace
from pathlib import Path

import pytest

from loopbench.errors import DataError
from loopbench.records import sensors
from loopbench.records.sensors import (
    COLUMNS,
    HEADER,
    MachineUse,
    ProcessUse,
    SensorRow,
    read_sensors,
    read_unobservable,
    write_row,
    write_unobservable,
)

BLIND = ProcessUse(None, None, None, None, None, None, None, None, None)
ROW = SensorRow(
    t_s=12.5,
    wall_s=1.000125,
    target=ProcessUse(0.9, 0.85, 0.85, 0.0125, 100, 20, 50_000_000, 44, 2),
    generator=BLIND,
    machine=MachineUse(2.0, 1.5, 0.0, 0.01, 0.002, None, 0.25, 4096, 8192, 0, 0.0, 0, 0, 3, None),
)


def written(folder: Path, text: str) -> Path:
    path = folder / "sensors.csv"
    path.write_text(text)
    return path


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows = (ROW, replace(ROW, t_s=13.5, generator=ROW.target))
    assert read_sensors(written(tmp_path, HEADER + "".join(map(write_row, rows)))) == rows


def test_former_columns_at_the_end_are_not_read(tmp_path: Path) -> None:
    """Recorded sessions have them."""
    text = HEADER[:-1] + ",sockets_established\n" + write_row(ROW)[:-1] + ",100\n"
    assert read_sensors(written(tmp_path, text)) == (ROW,)
    with pytest.raises(DataError, match="does not have the columns"):
        read_sensors(written(tmp_path, text.replace("sockets_", "moods_")))


def test_an_unobserved_value_is_an_empty_cell_not_zero() -> None:
    cells = dict(zip(COLUMNS, write_row(ROW).rstrip("\n").split(","), strict=True))
    assert cells["machine_steal_s"] == ""
    assert cells["machine_foreign_cpu_s"] == "0.000000"


def test_a_column_carries_the_name_of_its_part() -> None:
    assert COLUMNS[:3] == ("t_s", "wall_s", "target_cpu_s")
    assert {"generator_run_queue_delay_s", "machine_steal_s"} <= set(COLUMNS)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "does not have the columns"),
        ("t_s,wall_s\n1,2\n", "does not have the columns"),
        (HEADER + write_row(ROW)[:-1], "ends inside a line"),
        (HEADER + "1.0,1.0\n", "2 cells"),
        (HEADER + write_row(ROW).replace("12.5", "soon", 1), "line 2: t_s"),
        (HEADER + write_row(ROW).replace("12.500000", "", 1), "t_s is empty"),
        (HEADER + write_row(ROW).replace("0.900000", "nan", 1), "target_cpu_s is 'nan'"),
        (HEADER + write_row(ROW).replace("0.900000", "inf", 1), "target_cpu_s is 'inf'"),
        (HEADER + write_row(ROW).replace(",44,", ",4.4,", 1), "target_threads is '4.4'"),
        (HEADER + write_row(ROW).replace(",44,", f",{'9' * 5000},", 1), "target_threads"),
    ],
)
def test_a_damaged_file_is_refused_with_its_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint):
        read_sensors(written(tmp_path, text))


def test_a_file_too_large_for_a_run_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensors, "MAX_BYTES", 10)
    with pytest.raises(DataError, match="larger than"):
        read_sensors(written(tmp_path, HEADER))


@pytest.mark.parametrize("read", [read_sensors, read_unobservable])
def test_a_missing_file_is_refused(tmp_path: Path, read: type) -> None:
    with pytest.raises(DataError, match="there is no"):
        read(tmp_path / "none")


def test_the_reasons_for_empty_cells_come_back(tmp_path: Path) -> None:
    reasons = {"machine_steal_s": "the host does not say"}
    assert read_unobservable(written(tmp_path, write_unobservable(reasons))) == reasons


def test_a_reason_for_an_unknown_column_raises() -> None:
    with pytest.raises(KeyError):
        write_unobservable({"machine_mood": "unknown"})


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"unobservable": {"a": 1}}', '{"unobservable": []}', "[" * 100_000])
def test_damaged_reasons_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(DataError, match="is not a "):
        read_unobservable(written(tmp_path, text))
