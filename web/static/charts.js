// Draws the charts of a page with uPlot, and moves them on when a poll brings new numbers. The tables need none of this.
"use strict";

const drawn = new Map(); // figure id -> {plot, text, data}

// light-dark() is resolved by the browser for real properties only, so an element is asked, once for each theme.
const probed = new Map();
function probe(name) {
  if (!probed.has(name)) {
    const mark = document.body.appendChild(Object.assign(document.createElement("i"), { className: `tone-${name}`, hidden: true }));
    probed.set(name, getComputedStyle(mark).color);
    mark.remove();
  }
  return probed.get(name);
}

function faint(name, share) {
  const [red, green, blue] = probe(name).match(/[\d.]+/g);
  return `rgb(${red} ${green} ${blue} / ${share})`;
}

const LOOKS = {
  bars: ({ tone }) => ({ fill: () => faint(tone, 0.75), width: 0, paths: uPlot.paths.bars({ size: [0.8, 22], gap: 1 }) }),
  line: ({ tone }) => ({ stroke: () => probe(tone), width: 1.75 }),
  thin: ({ tone }) => ({ stroke: () => probe(tone), width: 1.25, dash: [3, 3] }),
};

function seconds(value) {
  if (value >= 60) return value >= 3600 ? `${trim(value / 3600)} h` : `${trim(value / 60)} min`;
  return value >= 1 ? `${trim(value)} s` : `${trim(value * 1000)} ms`;
}

const trim = (value) => String(Number(value.toPrecision(2)));
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const shown = (unit, value) => (unit === "seconds" ? seconds(value) : compact.format(value));

function columns({ start, step, lines }) {
  return [lines[0].values.map((_, at) => start + at * step), ...lines.map((line) => line.values)];
}

function axes(data) {
  const common = { stroke: () => probe("muted"), font: "11px Inter, sans-serif", ticks: { show: false } };
  const clock = { ...common, grid: { show: false }, space: 60, size: 26, values: (_, splits) => splits.map((at) => when(at, data.step)) };
  const scale = { ...common, size: 48, space: 34, grid: { stroke: () => faint("muted", 0.18), width: 1 }, values: (_, splits) => splits.map((value) => (value == null ? "" : shown(data.unit, value))) };
  if (data.unit === "jobs") scale.incrs = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6];
  return [clock, scale];
}

function when(at, step) {
  const options = step < 3600 || at % 86400 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : {};
  if (step > 3600) return new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" }).format(at * 1000);
  return new Intl.DateTimeFormat(undefined, options).format(at * 1000);
}

function options(data, box) {
  const half = data.step / 2;
  return {
    width: box.clientWidth, height: 160, legend: { show: false }, padding: [8, 6, 0, 0],
    cursor: { sync: { key: "trends" }, y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: (_, low, high) => [low - half, high + half] },
      y: { range: (_, low, high) => [0, Math.max(high * 1.08, data.unit === "jobs" ? 4 : 0.005)] },
    },
    axes: axes(data),
    series: [{}, ...data.lines.map((line) => ({ label: line.label, points: { show: false }, spanGaps: false, ...LOOKS[line.look](line) }))],
    hooks: { draw: [marks], setCursor: [tooltip] },
  };
}

/* ---- deploys: a dashed line where a release started for the first time ---- */

const dataOf = (plot) => drawn.get(plot.root.closest("figure")?.id)?.data;

function marks(plot) {
  const { ctx, bbox } = plot;
  for (const { at } of dataOf(plot)?.marks ?? []) {
    const x = Math.round(plot.valToPos(at, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = probe("muted");
    ctx.setLineDash([4, 4]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.arc(x, bbox.top, 3 * devicePixelRatio, 0, 7);
    ctx.fill();
    ctx.restore();
  }
}

/* ---- what stands under the pointer ---- */

function tooltip(plot) {
  const { left, idx } = plot.cursor;
  const tip = plot.tip ?? (plot.tip = plot.over.appendChild(Object.assign(document.createElement("div"), { className: "tip" })));
  tip.hidden = idx == null || left < 0;
  const data = dataOf(plot);
  if (tip.hidden || !data) return;
  const at = plot.data[0][idx];
  tip.replaceChildren(row("tip-when", period(at, data.step)));
  data.lines.forEach((line, number) => {
    const value = plot.data[number + 1][idx];
    tip.append(row(`tone-${line.tone} tip-line`, `${line.label} ${value == null ? "–" : shown(data.unit, value)}`));
  });
  for (const mark of data.marks) if (mark.at >= at && mark.at < at + data.step) tip.append(row("tip-mark", `${mark.release} deployed`));
  const x = plot.valToPos(at, "x");
  tip.style.left = `${Math.min(Math.max(x - tip.offsetWidth / 2, 0), plot.over.clientWidth - tip.offsetWidth)}px`;
}

function row(kind, text) {
  return Object.assign(document.createElement("div"), { className: kind, textContent: text });
}

function period(at, step) {
  const day = step > 60 ? { weekday: "short" } : {};
  const format = new Intl.DateTimeFormat(undefined, { ...day, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return step > 60 ? `${format.format(at * 1000)} – ${format.format((at + step) * 1000)}` : format.format(at * 1000);
}

/* ---- drawing, and drawing again ---- */

function draw(figure) {
  const known = drawn.get(figure.id);
  const text = figure.dataset.chart;
  if (known?.text === text && known.plot.root.isConnected) return;
  const data = JSON.parse(text);
  const same = known && known.plot.root.isConnected && shape(known.data) === shape(data);
  const plot = same ? known.plot : fresh(figure, data, known);
  drawn.set(figure.id, { plot, text, data });
  plot.setData(columns(data));
}

const shape = ({ step, unit, lines }) => JSON.stringify([step, unit, lines.map(({ label, look }) => [label, look])]);

function fresh(figure, data, known) {
  known?.plot.destroy();
  const box = figure.firstElementChild;
  box.replaceChildren();
  const plot = new uPlot(options(data, box), columns(data), box);
  sizes.observe(box);
  return plot;
}

const drawAll = () => document.querySelectorAll("figure[data-chart]").forEach(draw);

const sizes = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const { plot } = drawn.get(target.parentElement?.id) ?? {};
    if (plot && target.clientWidth && plot.width !== target.clientWidth) plot.setSize({ width: target.clientWidth, height: 160 });
  }
});

function recolour() {
  probed.clear();
  drawn.forEach(({ plot }) => plot.redraw(false, true));
}

new MutationObserver(recolour).observe(document.documentElement, { attributeFilter: ["data-theme"] });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
document.addEventListener("htmx:after:swap", drawAll);
drawAll();
