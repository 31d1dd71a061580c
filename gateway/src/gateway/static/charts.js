// Draws charts with uPlot. app.js calls drawCharts() again after a panel was loaded or the theme was changed.
"use strict";

// Charts: <div data-chart="bars" data-values='{"x": [...], "series": [{"label": "...", "values": [...]}], ...}'>
function drawCharts() {
  const places = document.querySelectorAll("[data-chart]");
  if (!places.length || !chartsAreHere()) return;
  for (const place of places) {
    if (place.dataset.drawn === "yes" || !place.clientWidth) continue;
    place.dataset.drawn = "yes";
    place.replaceChildren();
    draw(place, JSON.parse(place.dataset.values));
  }
}

// The first chart loads uPlot, so that no page has to wait for it.
function chartsAreHere() {
  if (window.uPlot || document.querySelector("script[data-charts]")) return Boolean(window.uPlot);
  const style = Object.assign(document.createElement("link"), { rel: "stylesheet", href: document.body.dataset.chartStyle });
  const script = Object.assign(document.createElement("script"), { src: document.body.dataset.chartScript, onload: drawCharts });
  script.dataset.charts = "";
  document.head.append(style, script);
  return false;
}

function draw(place, spec) {
  const color = (name) => getComputedStyle(place).getPropertyValue(name).trim();
  const ink = color("--chart-ink");
  const grid = { stroke: color("--chart-grid"), width: 1 };
  const axis = { stroke: ink, font: "12px Inter, sans-serif", grid, ticks: { show: false } };
  const bars = place.dataset.chart === "bars";
  spec.bars = bars;
  const categories = spec.categories;
  const series = spec.series.map((one, index) => ({
    label: one.label,
    stroke: color(`--chart-${index + 1}`),
    fill: color(`--chart-${index + 1}${bars ? "" : "-fill"}`),
    width: bars ? 0 : 2,
    points: { show: false },
    paths: bars ? uPlot.paths.bars({ size: [0.7, 48], radius: 0.2 }) : uPlot.paths.linear(),
    value: (_, value) => (value == null ? "" : words(value, spec.unit)),
  }));
  const xValues = (_, ticks) => ticks.map((tick) => (categories ? (categories[tick] ?? "") : day(tick, spec.hours)));
  const height = Number(place.dataset.height || 200);
  const options = {
    width: place.clientWidth,
    height,
    padding: [8, 20, 0, 0],
    legend: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), document.body.dataset.zone),
    cursor: { y: false, points: { show: !bars } },
    scales: {
      x: { time: !categories, range: (_, first, last) => around(spec, first, last) },
      y: { range: (_, low, high) => [low < 0 ? low * 1.1 : 0, high > 0 ? high * 1.1 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, values: xValues, splits: categories ? () => categories.map((_, index) => index) : undefined, space: 56, size: 28 },
      { ...axis, size: 68, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) || spec.unit !== "count" ? axisWords(tick, spec.unit) : "")) },
    ],
    series: [{}, ...series],
    hooks: { setCursor: [(chart) => tell(place, chart, spec)] },
  };
  const tip = document.createElement("div");
  tip.className = "chart-tip";
  tip.hidden = true;
  place.append(tip);
  const chart = new uPlot(options, [spec.x, ...spec.series.map((one) => one.values)], place);
  new ResizeObserver(() => chart.setSize({ width: place.clientWidth, height })).observe(place);
}

// Bars get half a bar of room on both sides; lines run from edge to edge, or where the spec says.
function around(spec, first, last) {
  if (spec.from) return [spec.from, spec.until];
  if (spec.categories) return [-0.6, spec.categories.length - 0.4];
  const room = spec.bars ? ((last - first) / Math.max(1, spec.x.length - 1)) * 0.6 : 0;
  return [first - room, last + room];
}

function tell(place, chart, spec) {
  const tip = place.querySelector(".chart-tip");
  const index = chart.cursor.idx;
  tip.hidden = index == null;
  if (index == null) return;
  const title = spec.categories ? spec.categories[spec.x[index]] : day(spec.x[index], spec.hours);
  const lines = spec.series.map((one) => `${one.label}: ${words(one.values[index] ?? 0, spec.unit)}`);
  tip.textContent = [title, ...lines].join("\n");
  const left = Math.min(chart.cursor.left + 70, place.clientWidth - tip.offsetWidth - 4);
  tip.style.transform = `translate(${Math.max(0, left)}px, 4px)`;
}

function day(seconds, hours) {
  const options = hours ? { hour: "2-digit", minute: "2-digit", hour12: false } : { day: "numeric", month: "short" };
  return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: document.body.dataset.zone || undefined }).format(new Date(seconds * 1000));
}

function words(value, unit) {
  if (unit === "peso") return new Intl.NumberFormat("en-PH", { style: "currency", currency: "PHP", maximumFractionDigits: value >= 100000 ? 0 : 2, notation: value >= 10000000 ? "compact" : "standard" }).format(value / 100);
  if (unit === "octets") return octets(value);
  return new Intl.NumberFormat("en-PH").format(value);
}

// An axis needs no centavos.
function axisWords(value, unit) {
  return unit === "peso" ? words(value, unit).replace(/\.\d\d$/, "") : words(value, unit);
}

function octets(count) {
  for (const [unit, size] of [["TB", 1e12], ["GB", 1e9], ["MB", 1e6], ["kB", 1e3]]) {
    if (count >= size) return `${(count / size).toFixed(1)} ${unit}`;
  }
  return `${count} B`;
}

drawCharts();
