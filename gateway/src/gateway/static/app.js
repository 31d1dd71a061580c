// Every page works without this file; it only makes them nicer. No framework: events bubble to the document.
"use strict";

const dialog = document.getElementById("dialog");
const offline = document.querySelector(".offline");

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-close], [data-theme-toggle], [data-copy], [data-print], .side-toggle");
  if (!target) return closeMenus(event.target);
  if (target.matches("[data-close]")) dialog?.close();
  if (target.matches("[data-theme-toggle]")) toggleTheme();
  if (target.matches("[data-copy]")) copy(target);
  if (target.matches("[data-print]")) window.print();
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

// A filled-in amount is selected when it gets the focus, so that typing replaces it.
document.addEventListener("focusin", (event) => {
  if (!event.target.matches("[data-select]")) return;
  event.target.select();
  // The click that gave the focus would put the cursor into the text.
  event.target.addEventListener("mouseup", (click) => click.preventDefault(), { once: true });
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

// A list follows its filters: at once what is chosen, a moment later what is typed. A half-typed year is not valid.
document.addEventListener("change", (event) => {
  const field = event.target;
  if (field.matches("form[data-auto] select, form[data-auto] input[type=date]") && field.validity.valid) follow(field.form, 0);
});
document.addEventListener("input", (event) => {
  if (event.target.matches("form[data-auto] input[type=search]")) follow(event.target.form, 300);
});
document.addEventListener("submit", (event) => clearTimeout(event.target.timer), true);

function follow(form, milliseconds) {
  clearTimeout(form.timer);
  form.timer = setTimeout(() => form.requestSubmit(), milliseconds);
}

// The address names the filters of the list that is shown, for a reload and for a copy of it.
document.addEventListener("htmx:after:swap", (event) => {
  const { sourceElement, request } = event.detail?.ctx ?? {};
  if (!sourceElement?.matches?.("form[data-auto]")) return;
  const chosen = [...new URL(request.action, location).searchParams].filter(([, value]) => value);
  history.replaceState(null, "", `${location.pathname}?${new URLSearchParams(chosen)}`.replace(/\?$/, ""));
});

// Dialogs open over the page.
document.addEventListener("htmx:after:swap", (event) => {
  const swapped = event.target?.id === "dialog-body" || event.detail?.ctx?.target?.id === "dialog-body";
  if (swapped && dialog) {
    if (!dialog.open) dialog.showModal();
    dialog.querySelector("[data-focus], [aria-invalid], [autofocus], .dialog-content input:not([type=hidden]), .dialog-content select, .dialog-content textarea")?.focus();
  }
  for (const panel of document.querySelectorAll(".panel[aria-busy]")) {
    if (!panel.querySelector(".placeholder-glow")) panel.removeAttribute("aria-busy");
  }
  drawCharts();
});
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

// After the session has ended, a preview of what is being typed must not leave the page: the input would be lost.
// Sending the form leads to the login too, and keeps it.
document.addEventListener("htmx:before:response", (event) => {
  const { sourceElement, response } = event.detail?.ctx ?? {};
  const isTyping = sourceElement?.matches("[data-preview], form input, form select, form [role=status]");
  if (isTyping && response.headers.has("HX-Redirect")) event.preventDefault();
});

// A hidden tab doesn't refresh itself.
document.addEventListener("htmx:before:request", (event) => {
  const trigger = event.detail?.ctx?.sourceEvent?.type;
  if (document.hidden && trigger === "every") event.preventDefault();
});
// A preview of what is being typed; text that doesn't fit into an address is not an amount or a date.
document.addEventListener("htmx:before:request", (event) => {
  if (!event.target.matches?.("[data-preview]")) return;
  const fields = [...event.target.querySelectorAll("input, select")];
  if (fields.some((field) => field.value.length > 100)) event.preventDefault();
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
