"""The audit as a page: its values; what it says stands in `templates/audit.html.j2`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from trapgen.audit import Audit
from trapgen.core import AuditParams, DrumLoop
from trapgen.report.chart import Chart, Share
from trapgen.report.duplicates import describe_dropped
from trapgen.report.limits import list_limits
from trapgen.report.lineage import SourceFile, lay_out, trace_origins
from trapgen.report.page import order_sides, write_page
from trapgen.report.pairs import describe_pairs

_SCRIPTS: Final = ("grid.js", "player.js", "pairs.js")
_DEFAULTS: Final = AuditParams()


@dataclass(frozen=True, slots=True)
class Move:
    """A source that had to change its split."""

    path: str
    moved_from: str
    side: str
    why: str


def write_audit_report(
    path: Path,
    audit: Audit,
    loops: Mapping[str, DrumLoop],
    params: AuditParams = _DEFAULTS,
    *,
    data: str = "",
    settings: Mapping[str, object] | None = None,
    sources: Mapping[str, SourceFile] | None = None,
    moves: Sequence[Move] = (),
    checks: str = "",
) -> None:
    """Write the audit as one page that needs nothing but itself.

    Nothing on it depends on when or where it is written: the same findings give the same bytes.

    Args:
        path: The HTML file; its folder is made.
        audit: What was found.
        loops: The audited loops of all splits by loop id.
        params: What the gate allowed.
        data: Hash of the audited loops (`trapgen.core.hash_loops`).
        settings: Other parameters that the loops were made with, by name.
        sources: The files of sources by their ids (`trapgen.report.lineage.trace_origins`).
        moves: Sources whose split is another one than before.
        checks: Address of the checks row by row, relative to the page; empty for none.

    Raises:
        ParameterError: A pair names a loop that is not among `loops`.
    """
    origins = trace_origins(audit, loops, sources or {})
    values = {
        "audit": audit,
        "data": data,
        "settings": {**(settings or {}), **_flatten_params(params)},
        "limits": list_limits(audit, params),
        "sides": order_sides(audit.n_loops),
        # Voices with less than half a part are not worth a mention.
        "parts": {voice: n for voice, n in audit.effective_parts.items() if n >= 0.5},
        "origins": origins,
        "lineage": lay_out(origins) if origins.packs else None,
        "charts": _lay_out_charts(audit),
        "pairs": describe_pairs(audit, loops) if audit.pairs else None,
        "moves": moves,
        "dropped": describe_dropped(audit, loops),
        "checks": checks,
    }
    write_page(path, "audit.html.j2", values, scripts=_SCRIPTS)


def _flatten_params(params: AuditParams) -> dict[str, object]:
    return {f"audit.{name}": value for name, value in asdict(params).items()}


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
