import sys
from pathlib import Path

PROBE_FOLDER = Path(__file__).resolve().parents[2] / "probe"
sys.path.append(str(PROBE_FOLDER))  # as PYTHONPATH does in a target
