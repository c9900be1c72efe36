"""Charts by matplotlib as inline SVG: no fixed colours, no ids that clash, equal input gives equal bytes.

matplotlib writes colours into the file. Here it is given marker colours, and each is replaced by a CSS variable
afterwards, so that one drawing serves the light theme, the dark theme and paper. Words stay words (not outlines): they
take the page's font, can be searched, and Persian text is shaped by the browser.
"""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup, escape

from ganeval.core.extras import is_installed, pip

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SERIES = 8  # colours before they repeat; dashes tell the rounds apart
SIGNS = 6  # of a number at an axis, for which there always is room
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)))
_MARKERS = "osD^vP*X"
_INKS = {
    **{f"s{i}": f"#01f{i}a{i}" for i in range(SERIES)},
    "ink": "#02b1c1",
    "muted": "#02b2c2",
    "line": "#02b3c3",
    "surface": "#02b4c4",
    "good": "#02b5c5",
    "bad": "#02b6c6",
    "real": "#02b7c7",
}
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "font.size": 9.0,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.edgecolor": _INKS["line"],
    "axes.labelcolor": _INKS["muted"],
    "axes.titlecolor": _INKS["ink"],
    "text.color": _INKS["ink"],
    "xtick.color": _INKS["muted"],
    "ytick.color": _INKS["muted"],
    "grid.color": _INKS["line"],
    "grid.linewidth": 0.6,
    "axes.linewidth": 0.8,
    "xtick.major.size": 3.0,
    "ytick.major.size": 0.0,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "path.simplify": False,
    "axes.formatter.useoffset": False,
    "text.parse_math": False,
    "axes.unicode_minus": True,
}


def ink(name: str) -> str:
    """The marker colour that becomes the CSS variable `--name`."""
    return _INKS[name]


def series_style(index: int) -> dict[str, Any]:
    """Colour and dashes of the run at `index`: the same on every chart of the page."""
    return {"color": _INKS[f"s{index % SERIES}"], "linestyle": _DASHES[index // SERIES % len(_DASHES)]}


def series_marker(index: int) -> str:
    return _MARKERS[index % len(_MARKERS)]


def draw(
    name: str,
    paint: Callable[[Axes], None],
    *,
    title: str,
    description: str,
    width: float = 4.6,
    height: float = 2.5,
    left: float = 0.5,
    positive: tuple[float, float] | None = None,
) -> Markup:
    """One axes painted by `paint`, as an SVG element with `title` and `description`; `name` must differ per chart.

    `width`, `height` and the room for the labels on the `left` are in inches of 72 CSS pixels. The margins are fixed:
    a layout that measures its own words takes most of the time of a drawing. `positive`, the smallest and the largest
    value of data that are all above 0, adds a hidden logarithmic axis, onto which the page's script can move the lines.
    """
    if not is_installed("matplotlib"):
        return _undrawn(title, description)
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a glyph that DejaVu lacks is drawn by the browser's font
        figure = Figure(figsize=(width, height))
        axes = figure.add_axes((0.1, 0.1, 0.8, 0.8))
        paint(axes)
        left = max(left, _room_for_numbers(axes))
        room = (left / width, 0.42 / height, 1 - (left + 0.1) / width, 1 - 0.5 / height)
        axes.set_position(room)
        axes.yaxis.set_gid("class:linear-axis")
        ends = _log_axis(figure, room, *positive) if positive else None
        box = (72 * height * (1 - room[1]), 72 * height * (1 - room[1] - room[3]), *axes.get_ylim(), *(ends or ()))
        across = (72 * width * room[0], 72 * width * (room[0] + room[2]), *axes.get_xlim())
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    return _dress(buffer.getvalue(), name, title, description, _short(box), _short(across))


def _room_for_numbers(axes: Axes) -> float:
    """Inches that the longest number at the axis needs where it has more than six signs; the usual room holds six."""
    from matplotlib.ticker import MaxNLocator

    if not isinstance(axes.yaxis.get_major_locator(), MaxNLocator):
        return 0.0  # names, for which the caller has made room
    written = axes.yaxis.get_major_formatter().format_ticks(list(axes.yaxis.get_majorticklocs()))
    longest = max(map(len, written), default=0)
    return 0.08 * longest + 0.1 if longest > SIGNS else 0.0


def _short(numbers: Sequence[float]) -> list[float]:
    return [float(f"{x:.9g}") for x in numbers]


def _undrawn(title: str, description: str) -> Markup:
    """What stands in a chart's place where matplotlib is not installed; the numbers are in the tables all the same."""
    said = Markup(
        '<p class="absent"><strong>{}</strong> {} A chart needs matplotlib, not installed here: <code>{}</code>.</p>'
    )
    return said.format(title, description, pip("plot"))


def _log_axis(figure: Any, room: tuple[float, float, float, float], low: float, high: float) -> tuple[float, float]:
    """Ticks and grid of a logarithmic y axis behind the others; returns its ends."""
    from matplotlib.ticker import FixedFormatter, FixedLocator, NullLocator

    pad = max(high / low, 1.1) ** 0.05
    axes = figure.add_axes(room, zorder=-1)
    axes.set_gid("class:log-axis")
    axes.set_yscale("log")
    axes.set_ylim(low / pad, high * pad)
    axes.xaxis.set_visible(False)
    axes.spines[:].set_visible(False)
    ticks = log_ticks(low / pad, high * pad)
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(FixedFormatter([tick(place) for place in ticks]))
    axes.yaxis.set_minor_locator(NullLocator())
    return low / pad, high * pad


def log_ticks(low: float, high: float, most: int = 5) -> list[float]:
    """A few round numbers between two positive ones: powers of ten, or also their double and five-fold, or plain steps.

    >>> log_ticks(0.5, 2000), log_ticks(0.9, 12), log_ticks(1.1, 1.7)
    ([1.0, 10.0, 100.0, 1000.0], [1.0, 2.0, 5.0, 10.0], [1.2, 1.35, 1.5, 1.65])
    """
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    if last - first >= 2:
        step = -(-(last - first + 1) // most)
        return [float(f"1e{power}") for power in range(first, last + 1, step)]
    round_ones = [float(f"{digit}e{power}") for power in range(first - 1, last + 1) for digit in (1, 2, 5)]
    ticks = [tick for tick in round_ones if low <= tick <= high]
    if len(ticks) >= 3:
        return ticks
    from matplotlib.ticker import MaxNLocator

    return [float(f"{tick:.6g}") for tick in MaxNLocator(4).tick_values(low, high) if low <= tick <= high]


def dots(axes: Axes, points: np.ndarray, *, color: str, square: bool = False, size: float = 3.0) -> Any:
    """A scatter as one path of zero-length strokes: a tenth of the bytes of one element per point. points (n, 2)."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices = np.repeat(np.asarray(points, dtype=np.float64), 2, axis=0)
    codes = np.tile([Path.MOVETO, Path.LINETO], len(points))
    cap = "projecting" if square else "round"
    patch = PathPatch(Path(vertices, codes), fill=False, lw=size, ec=color, capstyle=cap, alpha=0.55)
    patch.set_clip_path(axes.patch)
    return axes.add_artist(patch)  # not add_patch: it would measure every stroke to set limits that are set anyway


def tick(value: float) -> str:
    """A number on an axis with its exponent: one that stands apart at the end of the axis is overlooked or cut off.

    >>> tick(2e-05), tick(-0.25), tick(12000.0), tick(3e300), tick(0.0)
    ('2e−5', '−0.25', '12000', '3e300', '0')
    """
    digits, _, exponent = f"{value + 0.0:.5g}".partition("e")
    return (digits + (f"e{int(exponent)}" if exponent else "")).replace("-", "−")


def tidy(axes: Axes, *, xlabel: str = "", ylabel: str = "", ticks: int = 4) -> None:
    """Few ticks, each with its whole number, and quiet labels."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, ScalarFormatter

    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    for axis, scale in ((axes.xaxis, axes.get_xscale()), (axes.yaxis, axes.get_yscale())):
        if scale == "linear":
            axis.set_major_locator(MaxNLocator(ticks))
            if isinstance(axis.get_major_formatter(), ScalarFormatter):
                axis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))


def tagged(artist: Any, *classes: str, title: str = "") -> None:
    """Give an artist CSS classes, so that the page can dim the runs that are not chosen, and words for the pointer."""
    artist.set_gid("class:" + " ".join(classes) + (f"|{title}" if title else ""))


def downsample(steps: Sequence[float], values: Sequence[float], pixels: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """At most three points a pixel, the smallest, the largest and a gap: spikes survive. Non-finite values become gaps.

    >>> x, y = downsample(range(1000), [0.0] * 500 + [9.0] + [0.0] * 499, pixels=10)
    >>> len(x) <= 32, float(y.max())
    (True, 9.0)
    """
    x, y = np.asarray(steps, dtype=np.float64), np.asarray(values, dtype=np.float64)
    y = np.where(np.isfinite(y), y, np.nan)
    if len(x) <= 2 * pixels:
        return x, y
    width = -(-len(x) // pixels)
    filled = np.concatenate([y, np.full(-len(y) % width, np.nan)]).reshape(-1, width)
    start = np.arange(len(filled)) * width
    low, high = (
        f(np.where(np.isnan(filled), end, filled), axis=1) for f, end in ((np.argmin, np.inf), (np.argmax, -np.inf))
    )
    gap = np.isnan(filled[:, : len(y)]).argmax(axis=1)  # 0 where there is none, and then it is no harm to keep it
    keep = np.unique(np.concatenate([start + low, start + high, start + gap, [0, len(x) - 1]]))
    keep = keep[keep < len(x)]
    return x[keep], y[keep]


_COLOUR = re.compile("|".join(_INKS.values()))
_VARIABLES = {colour: f"var(--{name})" for name, colour in _INKS.items()}
_FONT = re.compile(r"font-family: [^;\"]*;? ?")


def _dress(
    svg: str, name: str, title: str, description: str, box: Sequence[float] = (), across: Sequence[float] = ()
) -> Markup:
    """matplotlib's document as an element of an HTML page: no prolog, no metadata, CSS variables for colours.

    `data-y` says for the script where the y axis lies: pixels of both ends, their values, and those on the log axis;
    `data-x` the same of the x axis.
    """
    body = svg[svg.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>[^<]*</style>", "", body, count=1)
    body = _COLOUR.sub(lambda match: _VARIABLES[match[0]], body)
    body = re.sub(r'<g id="class:([^"|]*)\|([^"]*)"([^>]*)>', r'<g class="\1"\3><title>\2</title>', body)
    body = re.sub(r'<g id="class:([^"]*)"', r'<g class="\1"', body)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r'(<text style="[^"]*)font: ([\d.]+)px [^;"]*', r"\1font-size: \2px", body)
    body = _FONT.sub("", body)
    body = re.sub(r"\s*\n\s*", " ", body)
    view = re.search(r'viewBox="([^"]*)"', body)
    head = Markup(
        '<svg class="chart" role="img" aria-labelledby="{0}-t {0}-d" viewBox="{1}" data-y="{4}" data-x="{5}">'
        '<title id="{0}-t">{2}</title><desc id="{0}-d">{3}</desc>'
    ).format(
        name,
        view[1] if view else "0 0 331 180",
        title,
        description,
        *(" ".join(map(repr, place)) for place in (box, across)),
    )
    return head + Markup(body[body.index(">") + 1 :])  # noqa: S704 - matplotlib escapes text itself; see test_charts


def plain(text: object) -> str:
    """Text for an SVG label: short, one line, without control or direction characters (see `text.visible`)."""
    from ganeval.records.text import visible

    shown = visible(str(text))
    return shown if len(shown) <= 28 else shown[:27] + "…"


def swatch(index: int) -> Markup:
    """The run's colour, dashes and marker beside its name: a legend entry that can be read without colour."""
    return Markup('<span class="swatch sw{0}" aria-hidden="true">{1}</span>').format(
        index % SERIES, escape("●■◆▲▼✚★✖"[index % 8])
    )
