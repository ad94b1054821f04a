"""Loops as audio, and figures in one style.

matplotlib is imported when something is drawn, pyplot never; the same arguments give the same PNG
bytes.
"""

from trapgen.render.evaluation import draw_covers, draw_distances, draw_reliability
from trapgen.render.figure_style import (
    BLUE,
    GREEN,
    HEADER,
    MUTED,
    RULE,
    SHADE,
    VERMILION,
    axes_at,
    can_draw,
    sheet,
)
from trapgen.render.figures import draw_features
from trapgen.render.history import draw_history
from trapgen.render.loop_figure import draw_loop
from trapgen.render.synth import CUT_BY, render, render_voice, velocity_gain, write_wav
