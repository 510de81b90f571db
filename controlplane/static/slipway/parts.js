// What the parts of a page do: dialogs, copying, times that age, toasts, selections.
//
// slipway.toast(text, level, undo, url) shows a toast: info, success, warning or error; url: where to look. A
// server may send one with the header HX-Trigger: {"slipway:toast": {"text": …, "level": …}}.
(() => {
  "use strict";
  const { words, fill, number, language } = window.slipway;
  const byId = (id) => document.getElementById(id);

  // --- times ----------------------------------------------------------------------------------------
  const STEPS = [
    [86400, "day"],
    [3600, "hour"],
    [60, "minute"],
    [1, "second"],
  ];
  const MONTH_S = 2592000;
  const span = (seconds) => {
    const whole = Math.max(0, Math.floor(seconds));
    const [step, unit] = STEPS.find(([size]) => whole >= size) || STEPS[3];
    return fill(words.time[unit], { n: number(Math.floor(whole / step)) });
  };
  // The server writes 4 Mar 2026; "en" alone would be Mar 4, 2026.
  const days = language === "en" ? "en-GB" : language;
  const date = (moment, options) => new Intl.DateTimeFormat(days, options).format(moment);
  const ago = (moment) => {
    const seconds = (Date.now() - moment) / 1000;
    if (Math.abs(seconds) >= MONTH_S) {
      return date(moment, { day: "numeric", month: "short", year: "numeric" });
    }
    if (seconds <= -1) return fill(words.time.in, { span: span(-seconds) });
    return seconds < 1 ? words.time.now : fill(words.time.ago, { span: span(seconds) });
  };
  const full = (moment) =>
    date(moment, {
      day: "numeric",
      month: "long",
      year: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZoneName: "short",
    });
  const SHOWS = {
    ago,
    since: (moment) => span((Date.now() - moment) / 1000),
    clock: (moment) =>
      date(moment, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }),
    moment: full,
  };
  const ages = (kind) => kind === "ago" || kind === "since";
  const tick = (within, all) => {
    for (const time of within.querySelectorAll("time[data-time]")) {
      const kind = time.dataset.time;
      if (!SHOWS[kind] || !(all || ages(kind))) continue;
      const moment = new Date(time.dateTime);
      const text = SHOWS[kind](moment);
      if (time.textContent !== text) time.textContent = text;
      if (all) time.title = full(moment);
    }
  };
  tick(document, true);
  setInterval(() => document.hidden || tick(document, false), 1000);

  // --- toasts ---------------------------------------------------------------------------------------
  const SHAPES = { success: "ready", warning: "warn", error: "bad", info: "stopped" };
  const STAYS_MS = 8000;
  const sprite = () => document.querySelector("svg use[href]").getAttribute("href").split("#")[0];
  const drawing = (kind, id) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", kind);
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${sprite()}#${id}`);
    svg.append(use);
    return svg;
  };
  const toast = (text, level = "info", undo = "", url = "") => {
    const shape = SHAPES[level] || SHAPES.info;
    const box = document.createElement("div");
    box.className = `toast is-${shape}`;
    const line = document.createElement("span");
    line.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button button-quiet button-small button-icon";
    close.dataset.toastClose = "";
    close.setAttribute("aria-label", words.close);
    close.append(drawing("icon", "close"));
    box.append(drawing("mark", `state-${shape}`), line);
    if (undo) {
      const back = document.createElement("button");
      back.type = "button";
      back.className = "button button-quiet button-small";
      back.dataset.undo = undo;
      back.textContent = words.undo;
      box.append(back);
    }
    if (url) {
      const look = document.createElement("a");
      look.className = "button button-quiet button-small";
      look.href = url;
      look.textContent = words.look;
      box.append(look);
    }
    box.append(close);
    const region = byId("toasts");
    region.append(box);
    while (region.children.length > 4) region.firstElementChild.remove();
    leave(box, url ? "info" : level); // what happened elsewhere stays to be seen there
  };
  const leave = (box, level) => {
    if (level === "error") return; // stays until it is closed
    const wait = () =>
      setTimeout(() => (box.matches(":hover, :focus-within") ? wait() : box.remove()), STAYS_MS);
    wait();
  };
  window.slipway.toast = toast;
  for (const box of document.querySelectorAll(".toast")) {
    leave(box, box.classList.contains("is-bad") ? "error" : "info");
  }
  document.addEventListener("slipway:toast", (event) =>
    toast(event.detail.text, event.detail.level, event.detail.undo),
  );
  // What happened elsewhere: not on the page that shows it, and the overview shows everything.
  document.addEventListener("slipway:notice", ({ detail: { text, level, url } }) => {
    if (location.pathname !== "/" && !location.pathname.startsWith(url)) toast(text, level, "", url);
  });
  const takeBack = (button) => {
    button.closest(".toast").remove();
    window.htmx.ajax("POST", button.dataset.undo, { swap: "none", source: document.body });
  };

  // --- after an action: the live parts, again ---------------------------------------------------------
  // The socket repaints them; this is for when there is none.
  const repaint = async (part) => {
    const { live, liveId = "", liveQuery = "" } = part.dataset;
    const query = new URLSearchParams({ id: liveId, query: liveQuery });
    const answer = await fetch(`/parts/${live}?${query}`, { headers: { "HX-Request": "true" } });
    if (!answer.ok || !part.isConnected) return;
    const box = document.createElement("template");
    box.innerHTML = await answer.text();
    window.slipwayMorph(part, box.content.firstElementChild);
    window.htmx.process(part);
    part.dispatchEvent(new CustomEvent("slipway:painted", { bubbles: true }));
  };
  document.addEventListener("slipway:repaint", () => {
    if (document.documentElement.dataset.updates === "live") return;
    for (const part of document.querySelectorAll("[data-live]")) repaint(part).catch(() => {});
  });
  document.addEventListener("htmx:sendError", () => toast(words.requestFailed, "error"));
  document.addEventListener("htmx:responseError", (event) => {
    const { status, getResponseHeader } = event.detail.xhr;
    if (getResponseHeader?.call(event.detail.xhr, "HX-Trigger")?.includes("slipway:toast")) return;
    toast(fill(words.refused, { code: status }), "error");
  });

  // --- copying --------------------------------------------------------------------------------------
  const copy = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea"); // plain http on another machine
      area.value = text;
      area.className = "visually-hidden";
      (button.closest("dialog") || document.body).append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
      button.focus();
    }
    const use = button.querySelector("use");
    const before = use?.getAttribute("href");
    button.dataset.copied = "";
    use?.setAttribute("href", `${before.split("#")[0]}#check`);
    setTimeout(() => {
      delete button.dataset.copied;
      use?.setAttribute("href", before.split("#")[0] + "#copy");
    }, 1500);
    byId("said").textContent = words.copied;
  };
  window.slipway.copy = copy;

  // --- clicks ---------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    let button;
    if ((button = at("[data-copy]"))) copy(button, button.dataset.copy);
    else if ((button = at("[data-copy-from]"))) {
      copy(button, byId(button.dataset.copyFrom).innerText);
    } else if ((button = at("[data-dialog-open]"))) {
      byId(button.dataset.dialogOpen)?.showModal();
    } else if ((button = at("[data-dialog-close]"))) button.closest("dialog").close();
    else if ((button = at("[data-undo]"))) takeBack(button);
    else if ((button = at("[data-toast-close]"))) button.closest(".toast").remove();
    else if ((button = at("[data-toast]"))) toast(button.dataset.toast, button.dataset.toastLevel);
    else if (at("[data-reload]")) location.reload();
    else if (at("[data-back]")) {
      if (document.referrer.startsWith(location.origin)) location.assign(document.referrer);
      else location.assign("/");
    } else if (event.target.matches("dialog.dialog")) event.target.close(); // on its veil
  });

  // --- fields ---------------------------------------------------------------------------------------
  const selection = (form) => {
    const boxes = [...form.querySelectorAll("tbody input[type=checkbox]")];
    const picked = boxes.filter((box) => box.checked);
    for (const box of boxes) {
      box.closest("tr").setAttribute("aria-selected", String(box.checked));
    }
    const all = form.querySelector("[data-bulk-all]");
    if (all) {
      all.checked = boxes.length > 0 && picked.length === boxes.length;
      all.indeterminate = picked.length > 0 && picked.length < boxes.length;
    }
    const bar = form.querySelector("[data-bulk-bar]");
    if (!bar) return;
    bar.hidden = picked.length === 0;
    const count = bar.querySelector("[data-bulk-count]");
    if (count) count.textContent = fill(words.selected, { n: number(picked.length) });
  };
  document.addEventListener("change", (event) => {
    const form = event.target.closest("[data-bulk]");
    if (!form || event.target.type !== "checkbox") return;
    if (event.target.matches("[data-bulk-all]")) {
      for (const box of form.querySelectorAll("tbody input[type=checkbox]")) {
        box.checked = event.target.checked;
      }
    }
    selection(form);
  });
  document.addEventListener("keydown", (event) => {
    // Enter in a box would press the form's first button, whatever that does.
    if (event.key === "Enter" && event.target.matches("[data-bulk] input[type=checkbox]")) {
      event.preventDefault();
    }
  });
  document.addEventListener("slipway:painted", ({ target }) => {
    const form = target.closest("[data-bulk]"); // rows came and went
    if (form) selection(form);
  });
  document.addEventListener("htmx:afterRequest", ({ detail: { elt, successful } }) => {
    const form = elt.closest?.("[data-bulk]");
    if (!form || !successful) return;
    for (const box of form.querySelectorAll("input[type=checkbox]")) box.checked = false;
    selection(form);
  });
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset.output) byId(field.dataset.output).textContent = number(Number(field.value));
    if (field.dataset.mustEqual !== undefined) {
      const same = field.value.trim() === field.dataset.mustEqual;
      for (const button of field.form.querySelectorAll(".button-danger")) button.disabled = !same;
    }
  });

  document.addEventListener("htmx:load", (event) => tick(event.detail.elt, true));
  for (const kind of ["slipway:painted", "live:swapped"]) {
    document.addEventListener(kind, (event) => tick(event.target, true));
  }

  // --- why: the sentence behind a state pill ------------------------------------------------------------
  const GAP_PX = 6;
  const place = (popover, button) => {
    const from = button.getBoundingClientRect();
    const room = document.documentElement;
    const { width, height } = popover.getBoundingClientRect();
    const below = from.bottom + GAP_PX + height <= room.clientHeight;
    const left = Math.min(from.left, room.clientWidth - width - GAP_PX);
    popover.style.margin = "0";
    popover.style.left = `${Math.max(GAP_PX, left)}px`;
    popover.style.top = `${below ? from.bottom + GAP_PX : from.top - GAP_PX - height}px`;
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-why]");
    const popover = button?.nextElementSibling;
    if (!popover?.togglePopover()) return;
    place(popover, button);
    button.setAttribute("aria-expanded", "true");
    const hide = () => popover.matches(":popover-open") && popover.hidePopover();
    window.addEventListener("scroll", hide, { once: true, capture: true });
    popover.addEventListener("toggle", (change) => {
      if (change.newState === "closed") button.setAttribute("aria-expanded", "false");
    });
  });
})();
