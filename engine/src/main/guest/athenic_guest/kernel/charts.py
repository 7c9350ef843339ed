"""What a matplotlib figure shows, as data: the `chart` format of a result (E2B's chart types)."""

from __future__ import annotations

import math
import re
from typing import Any

MAX_POINTS = 20_000

_UNIT = re.compile(r"[(\[]([^()\[\]]*)[)\]]\s*$")


def of_figure(figure: Any) -> dict[str, Any] | None:
    """The chart of a figure: one chart, several as `superchart`, {} for a blank one; None when it cannot be read."""
    try:
        axes = [ax for ax in figure.axes if ax.get_visible() and ax.get_label() != "<colorbar>"]
        charts = [_of_axes(ax) for ax in axes]
        if not charts:
            return {}
        if len(charts) == 1:
            return charts[0]
        title = figure._suptitle.get_text() if getattr(figure, "_suptitle", None) else None
        return {"type": "superchart", "title": title or None, "elements": charts}
    except Exception:  # artists of users and of other libraries: a picture without its data is still a picture
        return None


def _of_axes(ax: Any) -> dict[str, Any]:
    kind = _kind(ax)
    chart: dict[str, Any] = {"type": kind, "title": ax.get_title() or None}
    if kind in ("line", "scatter"):
        chart |= _labels(ax) | _scales(ax)
        chart["elements"] = _lines(ax) if kind == "line" else _scatters(ax)
    elif kind == "bar":
        chart |= _labels(ax, swapped=_horizontal(ax))
        chart["elements"] = _bars(ax)
    elif kind == "box_and_whisker":
        boxes = _box_patches(ax)
        swapped = bool(boxes) and _box_is_horizontal(boxes[0], ax)
        chart |= _labels(ax, swapped=swapped)
        chart["elements"] = _boxes(ax, boxes, swapped)
    elif kind == "pie":
        chart["elements"] = [
            {"label": wedge.get_label(), "angle": _rounded(abs(wedge.theta2 - wedge.theta1)), "radius": _rounded(wedge.r)} for wedge in ax.patches
        ]
    else:
        chart["elements"] = []
    return chart


def _kind(ax: Any) -> str:
    from matplotlib.collections import PathCollection
    from matplotlib.patches import PathPatch, Rectangle, Wedge

    lines, patches, collections, images = list(ax.lines), list(ax.patches), list(ax.collections), list(ax.images)
    if images:
        return "unknown"
    if lines and not patches and not collections:
        return "line"
    if patches and lines and not collections and all(isinstance(patch, PathPatch) for patch in patches):
        return "box_and_whisker"
    if any(not _is_grid_line(line, ax) for line in lines):
        return "unknown"
    if collections and not patches and all(isinstance(item, PathCollection) for item in collections):
        return "scatter"
    if patches and not collections and all(isinstance(patch, Wedge) for patch in patches):
        return "pie"
    if patches and not collections and all(isinstance(patch, Rectangle) for patch in patches):
        return "bar"
    return "unknown"


def _is_grid_line(line: Any, ax: Any) -> bool:
    """A line across the whole of the axes (axhline, axvline), which marks a value and is no data."""
    return line.get_transform() != ax.transData


def _labels(ax: Any, swapped: bool = False) -> dict[str, Any]:
    x, y = ax.get_xlabel() or None, ax.get_ylabel() or None
    if swapped:
        x, y = y, x
    return {"x_label": x, "y_label": y, "x_unit": _unit(x), "y_unit": _unit(y)}


def _unit(label: str | None) -> str | None:
    found = _UNIT.search(label or "")
    return found.group(1) if found else None


def _scales(ax: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, axis in (("x", ax.xaxis), ("y", ax.yaxis)):
        scale = _scale(axis)
        found[f"{name}_ticks"] = [_value(tick, scale) for tick in axis.get_ticklocs()]
        found[f"{name}_tick_labels"] = [label.get_text() for label in axis.get_ticklabels()]
        found[f"{name}_scale"] = scale
    return found


def _scale(axis: Any) -> str:
    from matplotlib.dates import DateConverter, _SwitchableDateConverter

    converter = getattr(axis, "converter", None)
    if isinstance(converter, (DateConverter, _SwitchableDateConverter)) or "Datetime" in type(converter).__name__:
        return "datetime"
    if "Category" in type(converter).__name__:
        return "categorical"
    return str(axis.get_scale())


def _value(number: Any, scale: str) -> Any:
    if scale == "datetime":
        from matplotlib.dates import num2date

        try:
            return num2date(number).isoformat()
        except (ValueError, OverflowError):
            return None
    number = float(number)
    return number if math.isfinite(number) else None


def _points(axis_data: Any, ax: Any) -> list[list[Any]]:
    x_scale, y_scale = _scale(ax.xaxis), _scale(ax.yaxis)
    categories = {value: key for key, value in getattr(ax.xaxis.units, "_mapping", {}).items()} if x_scale == "categorical" else {}
    rows = []
    for x, y in axis_data[:MAX_POINTS]:
        x_value = categories.get(int(x)) if categories and float(x).is_integer() else _value(x, x_scale)
        rows.append([x_value, _value(y, y_scale)])
    return rows


def _lines(ax: Any) -> list[dict[str, Any]]:
    data = [line for line in ax.lines if not _is_grid_line(line, ax)]
    named = [(str(line.get_label()), line) for line in data]
    return [
        {"label": f"Line {at}" if label.startswith("_") else label, "points": _points(line.get_xydata(), ax)}
        for at, (label, line) in enumerate(named, 1)
    ]


def _scatters(ax: Any) -> list[dict[str, Any]]:
    return [
        {"label": f"Line {at}" if str(item.get_label()).startswith("_") else str(item.get_label()), "points": _points(item.get_offsets(), ax)}
        for at, item in enumerate(ax.collections, 1)
    ]


def _containers(ax: Any) -> list[Any]:
    return [container for container in ax.containers if hasattr(container, "patches")]


def _horizontal(ax: Any) -> bool:
    return any(getattr(container, "orientation", None) == "horizontal" for container in _containers(ax))


def _bars(ax: Any) -> list[dict[str, Any]]:
    elements = []
    for at, container in enumerate(_containers(ax), 1):
        group = str(container.get_label())
        group = f"Group {at}" if group.startswith("_") else group
        flat = getattr(container, "orientation", None) == "horizontal"
        for bar in container.patches[:MAX_POINTS]:
            middle = bar.get_y() + bar.get_height() / 2 if flat else bar.get_x() + bar.get_width() / 2
            value = bar.get_width() if flat else bar.get_height()
            elements.append({"label": _name_at(ax.yaxis if flat else ax.xaxis, middle), "group": group, "value": _value(value, "linear")})
    return elements


def _name_at(axis: Any, position: float) -> str:
    """The tick label at a position when a tick stands there, else the position itself."""
    for tick, label in zip(axis.get_ticklocs(), axis.get_ticklabels()):
        if abs(float(tick) - position) < 0.5 and label.get_text() and (_scale(axis) == "categorical" or abs(float(tick) - position) < 1e-9):
            return str(label.get_text())
    return f"{position:g}"


def _box_patches(ax: Any) -> list[Any]:
    return [patch for patch in ax.patches if len(patch.get_path().vertices) >= 4]


def _box_is_horizontal(box: Any, ax: Any) -> bool:
    """A median line reaches from side to side of its box: along y when the box lies on its side."""
    _, y0, _, y1 = _extent(box)
    return any(_spans(line.get_ydata(), y0, y1) and len(set(line.get_xdata())) == 1 for line in ax.lines)


def _spans(ends: Any, low: float, high: float) -> bool:
    return len(ends) == 2 and high > low and abs(min(ends) - low) < 1e-9 and abs(max(ends) - high) < 1e-9


def _extent(box: Any) -> tuple[float, float, float, float]:
    vertices = box.get_path().vertices
    return vertices[:, 0].min(), vertices[:, 1].min(), vertices[:, 0].max(), vertices[:, 1].max()


def _boxes(ax: Any, boxes: list[Any], flat: bool) -> list[dict[str, Any]]:
    elements = []
    for box in boxes:
        x0, y0, x1, y1 = _extent(box)
        low, high, across0, across1 = (x0, x1, y0, y1) if flat else (y0, y1, x0, x1)
        middle = (across0 + across1) / 2
        median, ends, outliers = None, [low, high], []
        for line in ax.lines:
            values, places = (line.get_xdata(), line.get_ydata()) if flat else (line.get_ydata(), line.get_xdata())
            if len(values) == 0 or not all(across0 <= place <= across1 for place in places):
                continue
            if line.get_linestyle() in ("None", "", " "):
                outliers += [_rounded(value) for value in values]
            elif _spans(places, across0, across1) and values[0] == values[1] and low <= values[0] <= high:
                median = values[0]
            else:
                ends += list(values)
        elements.append(
            {
                "label": _name_at(ax.yaxis if flat else ax.xaxis, middle),
                "min": _rounded(min(ends)),
                "first_quartile": _rounded(low),
                "median": None if median is None else _rounded(median),
                "third_quartile": _rounded(high),
                "max": _rounded(max(ends)),
                "outliers": outliers,
            }
        )
    return elements


def _rounded(number: Any) -> float:
    """Without the digits that the way through screen coordinates has added."""
    value = float(number)
    if value == 0 or not math.isfinite(value):
        return 0.0
    digits = max(1, 8 - math.floor(math.log10(abs(value))))
    return float(f"{value:.{digits}g}")
