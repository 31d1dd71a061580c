// Every page works without this file; it only makes them nicer. No framework: events bubble to the document.
"use strict";

const dialog = document.getElementById("dialog");
const offline = document.querySelector(".offline");

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-close], [data-theme-toggle], [data-copy], .side-toggle");
  if (!target) return closeMenus(event.target);
  if (target.matches("[data-close]")) dialog?.close();
  if (target.matches("[data-theme-toggle]")) toggleTheme();
  if (target.matches("[data-copy]")) copy(target);
  if (target.matches(".side-toggle")) toggleSide(target);
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    document.querySelector("[data-search]")?.focus();
  }
  if (event.key === "Escape") closeMenus(null);
});

// A double click submits once. The idempotency key would catch the second one anyway; this avoids a confusing page.
document.addEventListener("submit", (event) => {
  const form = event.target;
  // By attribute: a field named "method", as in Record Payment, hides form.method.
  if (form.getAttribute("method") !== "post") return;
  if (form.dataset.sent === "yes") return event.preventDefault();
  form.dataset.sent = "yes";
  form.setAttribute("aria-busy", "true");
});
window.addEventListener("pageshow", forgetSent);
document.addEventListener("htmx:finally:request", forgetSent);

function forgetSent() {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    form.removeAttribute("aria-busy");
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-auto] select, form[data-auto] input[type=date]")) event.target.form.requestSubmit();
});

// Dialogs open over the page.
document.addEventListener("htmx:after:swap", (event) => {
  const swapped = event.target?.id === "dialog-body" || event.detail?.ctx?.target?.id === "dialog-body";
  if (swapped && dialog) {
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[aria-invalid], [autofocus], .dialog-content input:not([type=hidden]), .dialog-content select, .dialog-content textarea")?.focus();
  }
  for (const panel of document.querySelectorAll(".panel[aria-busy]")) {
    if (!panel.querySelector(".placeholder-glow")) panel.removeAttribute("aria-busy");
  }
  drawCharts();
});
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

// A hidden tab doesn't refresh itself.
document.addEventListener("htmx:before:request", (event) => {
  const trigger = event.detail?.ctx?.sourceEvent?.type;
  if (document.hidden && trigger === "every") event.preventDefault();
});
document.addEventListener("htmx:error", () => offline && (offline.hidden = false));
document.addEventListener("htmx:after:request", (event) => {
  if (event.detail?.ctx?.response?.status && offline) offline.hidden = true;
});

function toggleTheme() {
  const next = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
  document.documentElement.dataset.bsTheme = next;
  localStorage.setItem("theme", next);
  for (const chart of document.querySelectorAll("[data-chart]")) chart.dataset.drawn = "";
  drawCharts();
}

function toggleSide(button) {
  const open = document.body.classList.toggle("side-open");
  button.setAttribute("aria-expanded", String(open));
}

function closeMenus(inside) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!inside || !menu.contains(inside)) menu.removeAttribute("open");
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  const before = button.getAttribute("aria-label") || "Copy";
  button.classList.add("copied");
  button.setAttribute("aria-label", "Copied");
  setTimeout(() => {
    button.classList.remove("copied");
    button.setAttribute("aria-label", before);
  }, 1500);
}

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
      y: { range: (_, low, high) => [0, high > 0 ? high * 1.1 : 1] },
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
