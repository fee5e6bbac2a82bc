// Two kinds of charts as inline SVG. A value that was not measured is null: a gap, never a zero.
"use strict";

const WIDE = 560, HIGH = 260, LEFT = 52, RIGHT = 12, TOP = 10, BOTTOM = 36;

function element(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  return made;
}

// 1, 2 or 5 times a power of ten, so that about `wanted` of them reach `top`.
function niceStep(top, wanted) {
  const power = 10 ** Math.floor(Math.log10(top / wanted));
  return power * [1, 2, 5, 10].find((times) => times * power * wanted >= top);
}

// An empty chart with its axes; `x` and `y` turn values into places.
function axes({ name, xLow, xTop, yTop, xLabel, yLabel }) {
  const svg = element("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": name });
  const x = (value) => LEFT + ((value - xLow) / (xTop - xLow)) * (WIDE - LEFT - RIGHT);
  const y = (value) => HIGH - BOTTOM - (value / yTop) * (HIGH - TOP - BOTTOM);
  const yStep = niceStep(yTop, 4), xStep = niceStep(xTop - xLow, 6);
  for (let value = 0; value <= yTop * 1.001; value += yStep) {
    svg.append(element("line", { class: "grid", x1: LEFT, x2: WIDE - RIGHT, y1: y(value), y2: y(value) }));
    svg.append(element("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, +value.toPrecision(6)));
  }
  for (let value = Math.ceil(xLow / xStep) * xStep; value <= xTop; value += xStep) {
    svg.append(element("text", { x: x(value), y: HIGH - BOTTOM + 16, "text-anchor": "middle" }, +value.toPrecision(6)));
  }
  svg.append(element("text", { x: (LEFT + WIDE) / 2, y: HIGH - 4, "text-anchor": "middle" }, xLabel));
  svg.append(element("text", { x: 12, y: HIGH / 2, "text-anchor": "middle", transform: `rotate(-90 12 ${HIGH / 2})` }, yLabel));
  return { svg, x, y };
}

// Through the points that are there; a null ends the stroke.
function stroke(points, x, y) {
  let path = "", drawing = false;
  for (const [across, up] of points) {
    if (up !== null) path += `${drawing ? "L" : "M"}${x(across).toFixed(1)} ${y(up).toFixed(1)}`;
    drawing = up !== null;
  }
  return element("path", { class: "line", d: path });
}

// Mean of y for each x, in at most 40 steps of x.
function means(points) {
  const width = Math.max(1, Math.ceil(Math.max(...points.map(([x]) => x)) / 40));
  const bins = new Map();
  for (const [x, y] of points) {
    const bin = Math.floor(x / width);
    const [count, sumX, sumY] = bins.get(bin) ?? [0, 0, 0];
    bins.set(bin, [count + 1, sumX + x, sumY + y]);
  }
  return [...bins.keys()].sort((a, b) => a - b).map((bin) => {
    const [count, sumX, sumY] = bins.get(bin);
    return [sumX / count, sumY / count];
  });
}

// One series a load: { colour, points: [[users, rps]] }.
function usersChart(series) {
  const every = series.flatMap(({ points }) => points);
  const xTop = Math.max(10, ...every.map(([x]) => x)), yTop = Math.max(10, ...every.map(([, y]) => y)) * 1.05;
  const name = `Good answers per second against users: ${every.length} seconds of ${series.length} loads`;
  const { svg, x, y } = axes({ name, xLow: 0, xTop, yTop, xLabel: "users", yLabel: "good answers / s" });
  for (const { colour, points } of series) {
    const group = element("g", { class: colour });
    for (const [across, up] of points) group.append(element("circle", { class: "point", cx: x(across), cy: y(up), r: 3 }));
    if (points.length) group.append(stroke(means(points), x, y));
    svg.append(group);
  }
  return svg;
}

// One series a figure: { colour, points: [[seconds ago, value or null]] }.
function timeChart({ name, series, spanS, least, yLabel }) {
  const known = series.flatMap(({ points }) => points.map(([, up]) => up)).filter((up) => up !== null);
  const yTop = Math.max(least, ...known) * 1.05;
  const { svg, x, y } = axes({ name, xLow: -spanS, xTop: 0, yTop, xLabel: "seconds from now", yLabel });
  for (const { colour, points } of series) {
    const group = element("g", { class: colour });
    group.append(stroke(points, x, y));
    svg.append(group);
  }
  return svg;
}
