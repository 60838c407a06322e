"""Mean learning curves with their bands as a figure, by matplotlib (``pip install "dltricks[plot]"``)."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dltricks.core.errors import UsageError
from dltricks.runs import files

if TYPE_CHECKING:
    from dltricks.comparing.result import Comparison, Row

FORMATS = (".svg", ".png")
# Okabe and Ito's colours, which stay apart for the colour-blind, https://jfly.uni-koeln.de/color/
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
LINES = ("-", "--", "-.", ":")
MOST = len(COLOURS) * len(LINES)
"""Curves that can be told apart by colour and kind of line."""
LONGEST = 60
"""Characters of a name in the legend."""


def check_name(path: Path) -> None:
    """Refuses a file of another kind than can be drawn.

    Raises:
        UsageError: another ending.
    """
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"--save: found {str(path)!r}, allowed: a file that ends in {' or '.join(FORMATS)}")


def save(found: Comparison, path: Path) -> None:
    """Draws the mean curve of each variant with its interval; the same comparison gives the same bytes of SVG.

    Args:
        found: the comparison.
        path: ends in .svg or .png.

    Raises:
        UsageError: another ending, a place that is none, no curve, too many of them, or no matplotlib.
        FileSystemError: it cannot be written.
    """
    check_name(path)
    rows = [row for row in found.rows if row.curve is not None]
    if not rows:
        raise UsageError(f"--save: {found.metric} is not measured in each epoch, so that there is no curve to draw")
    if len(rows) > MOST:
        raise UsageError(f"--save: {len(rows)} curves are more than the {MOST} that can be told apart; select some")
    try:
        import matplotlib
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator
    except ImportError as error:
        raise UsageError('--save: needs matplotlib; install it with pip install "dltricks[plot]"') from error
    options = {"svg.hashsalt": "dltricks", "svg.fonttype": "path", "text.usetex": False, "text.parse_math": False}
    with matplotlib.rc_context():
        # Whatever style the user has set: the same comparison is to look the same.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(options)
        figure = Figure(figsize=(7, 4.3), layout="constrained")
        FigureCanvasAgg(figure)
        axes: Any = figure.add_subplot()
        for number, row in enumerate(rows):
            curve = row.curve
            assert curve is not None
            epochs = np.arange(1, len(curve.mean) + 1)
            colour, line = COLOURS[number % len(COLOURS)], LINES[number // len(COLOURS)]
            name = row.name or found.study or "all"
            name = "".join(c if c.isprintable() else repr(c)[1:-1] for c in name)
            name = name if len(name) <= LONGEST else f"{name[:LONGEST]}..."
            name = f" {name}" if name.startswith("_") else name  # which a legend would leave out
            runs = f" ({len(row.values)} runs{', baseline' if row.baseline and len(rows) > 1 else ''})"
            # Alone on its epoch a value would draw no line.
            mark = "o" if len(epochs) == 1 else ""
            axes.plot(
                epochs, curve.mean, color=colour, linestyle=line, linewidth=1.6, marker=mark, label=f"{name}{runs}"
            )
            axes.fill_between(epochs, curve.low, curve.high, color=colour, alpha=0.16, linewidth=0)
        axes.set_xlabel("epoch")
        axes.set_ylabel(found.metric)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title(f"mean and {100 * found.confidence:.4g} % interval over the seeds", fontsize=10, loc="left")
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25, linewidth=0.6)
        axes.margins(x=0.01)
        _focus(axes, rows)
        axes.legend(frameon=False, fontsize=8 if len(rows) > 6 else 9)
        _write(figure, path)


def _focus(axes: Any, rows: Sequence[Row]) -> None:
    """Leaves out the beginning of training where everything else would be a line at the edge."""
    means = [row.curve.mean for row in rows if row.curve is not None]
    values = np.concatenate([mean[len(mean) // 10 :] for mean in means])
    values = values[np.isfinite(values)]
    if len(values) < 4:
        return
    low, high = float(values.min()), float(values.max())
    room = 0.15 * (high - low)
    if room:
        axes.set_ylim(low - room, high + room)


def _write(figure: Any, path: Path) -> None:
    """A whole file or none."""
    place = files.output(path)
    ending = path.suffix.lower()[1:]
    metadata = {"Date": None, "Creator": "dltricks"} if ending == "svg" else {"Software": "dltricks"}
    content = io.BytesIO()
    figure.savefig(content, format=ending, dpi=160, metadata=metadata)
    files.write_atomically(place, content.getvalue())
