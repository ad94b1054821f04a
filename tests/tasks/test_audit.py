"""The audit stage in this process, on the starter corpus."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from tasks import audit, augment, split
from tests.tasks.checkout import ROOT, SMALL, change_params
from trapgen.core import GateRefusedError, StandardizeParams, read_json
from trapgen.ingest import standardize, write_packs


@pytest.fixture(scope="module")
def augmented(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout's data as far as the audit needs it."""
    root = tmp_path_factory.mktemp("augmented")
    shutil.copy(ROOT / "params.yaml", root)
    change_params(root, SMALL)
    write_packs(root / "data/raw")
    standardize(root / "data/raw", root / "data/standardized", StandardizeParams(32))
    split.run(root)
    augment.run(root)
    return root


@pytest.mark.parametrize(
    "protocol", ["by_source", pytest.param("random_windows", marks=pytest.mark.slow)]
)
def test_a_bad_row_is_a_reason_to_refuse_in_summary_page_and_printed_line(
    augmented: Path, protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(augmented, tmp_path / "checkout")
    if protocol != "by_source":
        change_params(root, {"split": {"protocol": protocol}})
        split.run(root)
        augment.run(root)
    path = root / "data/augmented/loops.parquet"
    loops = pd.read_parquet(path)
    loops.loc[5, "bpm"] = 9000.0
    loops.to_parquet(path)
    capsys.readouterr()
    with pytest.raises(GateRefusedError) as caught:
        audit.run(root)
    summary = read_json(root / "data/audit/summary.json")
    page = (root / "data/audit/report.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out.startswith("audit: refuse; ")
    assert summary["gate"] == "refuse"
    assert '<div class="word">REFUSE</div>' in page
    reason = "loops.bpm must be from 20 to 400; 1 of "
    assert [line.startswith(reason) for line in summary["reasons"]].count(True) == 1
    assert all(line in str(caught.value) for line in summary["reasons"])
    assert reason.capitalize() in page
    # What the gate says in words is not said again as a rule.
    assert (len(summary["reasons"]) > 1) is (protocol != "by_source")
    assert not [line for line in summary["reasons"] if line.startswith(("gate.", "overlap."))]
