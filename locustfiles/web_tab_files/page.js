// Requests the new rows once a second and shows them, as charts and as tables.
"use strict";

const ASK_MS = 1000, RETRY_MS = 5000, KEPT_ROWS = 1800, SPAN_S = 180, COLOURS = 6;
const byId = (id) => document.getElementById(id);
let rows = [], made = 0, paused = false, shown = "";

async function ask() {
  if (paused || document.hidden) return ASK_MS;
  const answer = await fetch(`live.json?seen=${made}`).catch(() => null);
  if (answer === null) return say("No answer: the web UI has ended, or is very busy."), RETRY_MS;
  if (!answer.ok) return say(`Refused: ${(await answer.text()).trim()}`), RETRY_MS;
  take(await answer.json());
  return ASK_MS;
}

function take(live) {
  const named = live.rows.map((row) => Object.fromEntries(live.columns.map((name, at) => [name, row[at]])));
  if (live.made < made) rows = []; // the UI was restarted
  rows = [...rows, ...named].slice(-KEPT_ROWS);
  made = live.made;
  byId("title").textContent = live.title;
  if (rows.length) show(live, rows.at(-1));
}

function show(live, now) {
  drawUsers(live.loads);
  drawTimes(now.at_s);
  showLines(live);
  showNow(live, now);
  const load = live.loads.find((each) => each.number === now.load);
  const worst = live.lines[0];
  const stands = worst && worst.share >= 0.1 ? ` The line that holds the event loop longest is ${worst.line}.` : "";
  // Set only when the text changes: a screen reader reads every change.
  if (!load) say("No load yet: choose a variant and start.");
  else if (now.users === 0) say(`${load.variant}: no users.`);
  else say(`${load.variant} under load.${stands}`);
}

function say(text) {
  if (text !== shown) byId("status").textContent = shown = text;
}

function drawUsers(loads) {
  const drawn = loads.map((load) => ({
    colour: `s${(load.number - 1) % COLOURS}`,
    label: `${load.number}. ${load.variant}`,
    points: rows.filter((row) => row.load === load.number && row.users > 0 && row.good_rps !== null).map((row) => [row.users, row.good_rps]),
  })).filter(({ points }) => points.length);
  byId("users-chart").replaceChildren(usersChart(drawn));
  const curve = drawn.flatMap(({ label, points }) => means(points).map(([users, rps]) => [label, number(users), number(rps)]));
  byId("curve").replaceChildren(...curve.map(tableRow));
  byId("loads").replaceChildren(...drawn.map(({ colour, label }) => make("li", label, colour)));
}

function drawTimes(nowS) {
  const recent = rows.filter((row) => row.at_s > nowS - SPAN_S);
  const series = (names, times = 1) => names.map((name, at) => ({
    colour: `s${at}`,
    points: recent.map((row) => [row.at_s - nowS, row[name] === null ? null : row[name] * times]),
  }));
  byId("loop-chart").replaceChildren(timeChart({
    name: "Share of the time the event loop was busy, and blocked",
    series: series(["utilization", "blocked"], 100), spanS: SPAN_S, least: 100, yLabel: "% of the time",
  }));
  byId("pools-chart").replaceChildren(timeChart({
    name: "Threads in use and requests waiting for one",
    series: series(["anyio_borrowed", "anyio_waiting", "executor_queue"]), spanS: SPAN_S, least: 10, yLabel: "threads, jobs",
  }));
}

function showLines({ lines, watched }) {
  const none = watched ? "nowhere: the loop is idle" : "not measured: the target's probe cannot be read from here";
  const cells = lines.map(({ line, function: where, share, blocked }) => [line, where, percent(share), percent(blocked)]);
  byId("lines").replaceChildren(...(cells.length ? cells : [[none, "", "", ""]]).map(tableRow));
}

function showNow({ target }, now) {
  byId("now").replaceChildren(...[
    ["Target", target],
    ["Users", now.users],
    ["Good answers per second", number(now.good_rps)],
    ["Failed per second", number(now.failed_rps)],
    ["Event loop busy or blocked (the busiest process)", percent(now.utilization)],
    ["Event loop blocked by one step", percent(now.blocked)],
    ["anyio threads in use", `${number(now.anyio_borrowed)} of ${number(now.anyio_total)}`],
    ["Waiting for an anyio thread", number(now.anyio_waiting)],
    ["Waiting for the default executor", number(now.executor_queue)],
    ["Threads of the default executor", number(now.executor_threads)],
  ].map(tableRow));
}

const number = (value) => (value === null ? "not measured" : String(+value.toFixed(1)));
const percent = (share) => (share === null ? "not measured" : `${(100 * share).toFixed(0)} %`);

function make(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

function tableRow(cells) {
  const row = document.createElement("tr");
  row.append(...cells.map((cell) => make("td", cell)));
  return row;
}

// Locust keeps the theme its button chose here; without a choice the system's counts.
function dress() {
  const chosen = localStorage.getItem("theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
}

byId("pause").addEventListener("click", () => {
  paused = !paused;
  byId("pause").setAttribute("aria-pressed", paused);
});
addEventListener("storage", dress);
dress();
(async function keepAsking() {
  const waitMs = await ask();
  setTimeout(keepAsking, waitMs);
})();
