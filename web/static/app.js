// Keeps a page alive: polls, relative times, the theme switch, keys, copy buttons and dialogs.
// Every page works without it; it only refreshes #live from the same address.
"use strict";

const IDLE = 10_000;
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const live = () => $("#live[hx-get]");

/* ---- polling: one timer, one request at a time, silent while hidden ---- */

const poll = { timer: 0, busy: false, again: false, etag: null, seen: Date.now(), failures: 0 };

function plan(delay = pace()) {
  clearTimeout(poll.timer);
  poll.again ||= poll.busy && delay === 0; // who asks while an answer is on its way wants a newer one
  if (!live() || document.hidden || poll.busy) return;
  poll.timer = setTimeout(refresh, delay);
}

function pace() {
  return poll.failures ? Math.min(2000 * poll.failures, IDLE) : Number(live()?.dataset.poll || 10) * 1000;
}

function refresh() {
  if (poll.busy || !live()) return;
  if ($("dialog[open]")) return plan(); // a question on the screen must not be answered by another page
  poll.busy = true;
  htmx.trigger(live(), "refresh", {}, false);
}

const isPoll = (event) => event.detail?.ctx?.sourceElement === live() && event.detail.ctx.sourceEvent?.type === "refresh";

document.addEventListener("htmx:config:request", (event) => {
  if (isPoll(event) && poll.etag) event.detail.ctx.request.headers["If-None-Match"] = poll.etag;
});

document.addEventListener("htmx:after:request", (event) => {
  const { raw } = event.detail.ctx.response;
  if (!isPoll(event)) return raw.status >= 400 && raw.status !== 401 && complain(event.detail.ctx.text);
  if (raw.ok || raw.status === 304) answered(raw.headers.get("ETag"));
  else if (raw.status !== 401) lost(raw.status === 503 ? "Redis does not answer" : `The server answers with ${raw.status}`);
});

document.addEventListener("htmx:error", (event) => {
  if (event.detail?.ctx?.sourceElement === live()) lost("Nightshift does not answer");
  else if (event.detail?.ctx) complain("Nightshift does not answer: nothing was done.");
});

// What came of a form that a script has sent.
function complain(text) {
  const message = document.createElement("p");
  message.className = "banner message bad";
  message.textContent = text || "That did not work.";
  $("#messages").append(message);
}

document.addEventListener("htmx:finally:request", (event) => {
  if (event.detail?.ctx?.sourceElement !== live()) return;
  const delay = poll.again ? 0 : undefined;
  Object.assign(poll, { busy: false, again: false });
  plan(delay);
});

function answered(etag) {
  Object.assign(poll, { etag, seen: Date.now(), failures: 0 });
  $("#stale").hidden = true;
  pulse("live");
}

function lost(reason) {
  poll.failures += 1;
  $("#stale").hidden = false;
  $("#stale-reason").textContent = reason;
  pulse("stale");
}

function pulse(state) {
  const mark = $("#pulse");
  if (!mark || mark.dataset.state === state) return;
  mark.dataset.state = state;
  $("span", mark).textContent = state === "live" ? "Live" : "Not connected";
}

document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(poll.timer) : plan(0)));
addEventListener("online", () => plan(0));
addEventListener("pageshow", () => plan());

/* ---- times: the server sends instants, the reader sees distances; a click switches ---- */

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
// A wrong clock in the browser must not make a fresh job an hour old. A second or two is only the way here.
const ahead = Date.parse(document.documentElement.dataset.now) - Date.now();
const skew = Math.abs(ahead) > 5000 ? ahead : 0;
let exact = localStorage.getItem("times") === "exact";

function distance(seconds) {
  const size = Math.abs(seconds);
  if (size < 1.5) return seconds < 0 ? "now" : "just now";
  const at = UNITS.findIndex(([, length]) => size >= length);
  const [unit, length] = UNITS[Math.max(at, 0)];
  const [smaller, part] = UNITS[at + 1] ?? ["", 1];
  const rest = length >= 3600 && size < 10 * length ? Math.floor((size % length) / part) : 0;
  const text = `${Math.floor(size / length)} ${unit}${rest ? ` ${rest} ${smaller}` : ""}`;
  return seconds < 0 ? `in ${text}` : `${text} ago`;
}

function span(seconds) {
  return distance(Math.max(seconds, 1.5)).replace(" ago", "");
}

function tell(element) {
  const at = new Date(element.dateTime);
  const seconds = (Date.now() + skew - at) / 1000;
  const text = element.dataset.as === "span" ? span(seconds) : exact ? local.format(at) : distance(seconds);
  const title = `${at.toISOString().replace("T", " ").slice(0, 19)} UTC\n${local.format(at)} ${zone}`;
  if (element.textContent !== text) put(element, text);
  if (element.title !== title) element.title = title;
}

// Changing the text node in place keeps a selection that runs across it.
function put(element, text) {
  if (element.firstChild?.nodeType === Node.TEXT_NODE && element.childNodes.length === 1) element.firstChild.nodeValue = text;
  else element.textContent = text;
}

function tellAll() {
  $$("time[datetime]").forEach(tell);
  if (!$("#stale").hidden) put($("#stale-since"), span((Date.now() - poll.seen) / 1000));
}

document.addEventListener("htmx:after:swap", tellAll);
setInterval(() => document.hidden || tellAll(), 1000);

function switchTimes() {
  exact = !exact;
  localStorage.setItem("times", exact ? "exact" : "relative");
  tellAll();
}

/* ---- theme: "system" or a choice, kept in a cookie so that the first paint is already right ---- */

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  document.cookie = `theme=${theme}; path=/; max-age=31536000; samesite=lax`;
  $$("[data-set-theme]").forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.setTheme === theme)));
}

/* ---- clicks and keys ---- */

async function copy(button) {
  await navigator.clipboard.writeText($("code, pre", button.parentElement).textContent.trim());
  const label = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = label), 1500);
}

const CLICKABLE = "[data-set-theme], [data-copy], [data-dialog], [data-close], [data-times], [data-refresh], [data-dismiss]";

document.addEventListener("click", (event) => {
  const target = event.target.closest(CLICKABLE);
  if (!target) return;
  if (target.dataset.setTheme) setTheme(target.dataset.setTheme);
  else if ("copy" in target.dataset) copy(target);
  else if (target.dataset.dialog) $(`#${target.dataset.dialog}`).showModal();
  else if ("close" in target.dataset) target.closest("dialog").close();
  else if ("times" in target.dataset) switchTimes();
  else if ("dismiss" in target.dataset) target.parentElement.remove();
  else plan(0);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

/* ---- selection and confirmation ---- */

const ticked = (form) => $$('input[name="job"]:checked', form);

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-check-all]")) checkAll(event.target);
  if (event.target.form?.matches(".bulk")) countTicked(event.target.form);
});

function checkAll(box) {
  $$('input[name="job"]', box.form).forEach((each) => (each.checked = box.checked));
}

function countTicked(form) {
  const counter = $("[data-selected]", form);
  if (counter) put(counter, form.elements.all?.checked ? "All" : String(ticked(form).length));
}

document.addEventListener("htmx:after:swap", () => $$(".bulk").forEach(countTicked));

// What destroys is asked first; where a word is given, it must be typed. Capture, so that htmx sees only the second submit.
let allowed = null;
document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!mustAsk(button) || allowed === button) return (allowed = null);
  event.preventDefault();
  event.stopImmediatePropagation();
  ask(button);
}, true);

const mustAsk = (button) => button?.dataset.confirm && (!("mild" in button.dataset) || button.form.elements.all?.checked);

function ask(button) {
  const all = button.form.elements.all;
  if (all?.checked) return askForAll(button, all);
  const many = ticked(button.form).length;
  const what = many === 1 ? "1 job" : `${many} jobs`;
  question(button, what, button.dataset.type ?? (many > 1 ? String(many) : ""));
}

// All that match are counted by the server first; the count's instant goes along, so that later jobs are left alone.
async function askForAll(button, all) {
  const counted = await fetch(all.dataset.count).then((answer) => answer.ok && answer.json()).catch(() => null);
  if (!counted) return complain("They could not be counted: nothing was done.");
  const number = counted.jobs.toLocaleString("en");
  const some = counted.jobs > counted.most ? `the newest ${counted.most.toLocaleString("en")} of ${number} jobs` : "";
  $("[data-until]", button.form).value = counted.until;
  question(button, counted.exact ? some || (counted.jobs === 1 ? "1 job" : `${number} jobs`) : `${number} jobs or more`, String(counted.jobs));
}

function question(button, what, word) {
  $("#confirm-title").textContent = button.dataset.confirm.replace("{n}", what);
  $("#confirm-yes").textContent = button.textContent;
  $("#confirm-yes").className = button.matches(".danger") ? "button danger" : "button primary";
  $("#confirm-field").hidden = !word;
  $("#confirm-field label").textContent = `Type ${word} to confirm`;
  Object.assign($("#confirm-word"), { value: "", required: Boolean(word) });
  const reason = $("[data-ask]", button.form);
  if (reason) askReason(reason);
  const dialog = $("#confirm");
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "yes" && send(button, reason);
  $("#confirm form").onsubmit = (event) => !word || $("#confirm-word").value.trim() === word || event.preventDefault();
  dialog.showModal();
}

// The same field serves for a reason, which may stay empty.
function askReason(reason) {
  $("#confirm-field").hidden = false;
  $("#confirm-field label").textContent = reason.dataset.ask;
}

function send(button, reason) {
  if (reason) reason.value = $("#confirm-word").value;
  allowed = button;
  button.form.requestSubmit(button);
}

/* ---- messages go by themselves, bad news stays ---- */

new MutationObserver((changes) => {
  for (const { addedNodes } of changes)
    for (const node of addedNodes) if (node.matches?.(".message.good")) setTimeout(() => node.remove(), 6000);
}).observe($("#messages") ?? document.body, { childList: true });
$$(".message.good").forEach((node) => setTimeout(() => node.remove(), 6000));

let waitingForGo = -Infinity;
document.addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target.matches("input, select, textarea") || $("dialog[open]")) return;
  const go = event.timeStamp - waitingForGo < 1200 && $(`.nav [data-key="${CSS.escape(event.key)}"]`);
  if (go) return go.click();
  if (event.key === "g") waitingForGo = event.timeStamp;
  else if (event.key === "?") $("#keys")?.showModal();
  else if (event.key === "r") plan(0);
  else if (event.key === "t") switchTimes();
  else if (event.key === "/") focusSearch(event);
});

function focusSearch(event) {
  const search = $("[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
}

$(".nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
tellAll();
plan();
