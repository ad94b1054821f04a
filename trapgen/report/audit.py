"""The audit as a page: its values; what it says stands in `templates/audit.html.j2`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from trapgen.audit import Audit
from trapgen.core import DrumLoop
from trapgen.report.chart import Chart, Share
from trapgen.report.duplicates import describe_dropped
from trapgen.report.lineage import find_families, lay_out
from trapgen.report.page import order_sides, write_page
from trapgen.report.pairs import describe_pairs

_SCRIPTS: Final = ("grid.js", "player.js", "pairs.js")


def write_audit_report(
    path: Path, audit: Audit, loops: Mapping[str, DrumLoop], *, data_docs: str = ""
) -> None:
    """Write the audit as one page that needs nothing but itself.

    Args:
        path: The HTML file; its folder is made.
        audit: What was found.
        loops: The audited loops of all splits by loop id.
        data_docs: Address of the checks row by row, relative to the page; empty for none.

    Raises:
        ParameterError: A pair names a loop that is not among `loops`.
    """
    families = find_families(audit, loops)
    values = {
        "audit": audit,
        "sides": order_sides(audit.n_loops),
        # Voices with less than half a part are not worth a mention.
        "parts": {voice: n for voice, n in audit.effective_parts.items() if n >= 0.5},
        "families": families,
        "lineage": lay_out(families) if families else None,
        "charts": _lay_out_charts(audit),
        "pairs": describe_pairs(audit, loops) if audit.pairs else None,
        "dropped": describe_dropped(audit, loops),
        "data_docs": data_docs,
    }
    write_page(path, "audit.html.j2", values, scripts=_SCRIPTS)


def _lay_out_charts(audit: Audit) -> dict[str, Any]:
    """Shares beside their intervals by chance: of bars, windows, voices, and by distance."""
    by_side = audit.exact_bar_overlap_by_side
    return {
        "bars": Chart(
            [
                Share("", audit.exact_bar_overlap, audit.chance, audit.near_bar_overlap),
                *(Share(side, by_side[side], audit.chance) for side in order_sides(by_side)),
            ]
        ),
        "windows": Chart([Share(x.n_bars, x.exact, x.chance, near=x.near) for x in audit.windows]),
        "voices": Chart([Share("voice", audit.voices.share, audit.voices.chance)]),
        "distances": Chart([Share(x.distance, x.share, x.chance) for x in audit.sweep]),
    }
