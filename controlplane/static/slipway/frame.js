// The frame: theme, side bar, keys, command palette, live indicator. Loaded first on every page.
//
// `slipway.words` are the strings of the page's language. What others may call or send:
//   document.dispatchEvent(new CustomEvent("slipway:live", {detail: {state, retryIn}}))
//     state is "live", "paused" (retryIn seconds) or "off".
(() => {
  "use strict";
  const root = document.documentElement;
  const words = JSON.parse(document.getElementById("words")?.textContent || "{}");
  const language = root.lang || "en";

  const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  const number = (value, digits = 0) =>
    new Intl.NumberFormat(language, {
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(value);
  const short = (value) =>
    number(value, Math.abs(value) < 99.95 && !Number.isInteger(value) ? 1 : 0);
  const size = (bytes) => {
    let step = 0;
    let value = bytes;
    while (Math.abs(value) >= 1023.5 && step < UNITS.length - 1) {
      value /= 1024;
      step += 1;
    }
    return `${number(value, step === 0 || Math.abs(value) >= 99.95 ? 0 : 1)} ${UNITS[step]}`;
  };
  const fill = (pattern, values) =>
    String(pattern || "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
  window.slipway = { words, language, number, short, size, fill };

  const setCookie = (name, value) => {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    const age = value ? 31536000 : 0;
    document.cookie = `${name}=${value}; Max-Age=${age}; Path=/; SameSite=Lax${secure}`;
  };

  // --- theme: the system's, light, dark in turn --------------------------------------------------
  const THEMES = ["", "light", "dark"];
  const nameTheme = (theme) => {
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const name = words.theme?.[theme] || "";
      button.title = name;
      if (button.hasAttribute("aria-label")) button.setAttribute("aria-label", name);
      else if (button.lastChild) button.lastChild.textContent = name;
    }
  };
  const setTheme = (theme) => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    setCookie("slipway_theme", theme || "system");
    nameTheme(theme);
    document.dispatchEvent(new CustomEvent("slipway:theme"));
  };

  // --- side bar: folded on the desk, a sheet on the phone -----------------------------------------
  const main = document.querySelector(".frame-body");
  const sidebar = document.getElementById("sidebar");
  const setSheet = (open) => {
    if (!sidebar || open === Boolean(root.dataset.sheet)) return;
    if (open) root.dataset.sheet = "open";
    else delete root.dataset.sheet;
    main.inert = open;
    const button = document.querySelector("[data-sheet-open]");
    button?.setAttribute("aria-expanded", String(open));
    if (open) sidebar.querySelector("a")?.focus();
    else button?.focus();
  };
  const fold = () => {
    const folded = root.dataset.sidebar !== "folded";
    if (folded) root.dataset.sidebar = "folded";
    else delete root.dataset.sidebar;
    setCookie("slipway_sidebar", folded ? "folded" : "");
  };
  window.matchMedia("(min-width: 801px)").addEventListener("change", () => setSheet(false));

  // --- live indicator -------------------------------------------------------------------------------
  let countdown = 0;
  const setLive = ({ state, retryIn = 0 }) => {
    const indicator = document.getElementById("live-indicator");
    if (!indicator) return;
    clearInterval(countdown);
    indicator.dataset.state = state;
    root.dataset.updates = state;
    const word = indicator.querySelector(".live-word");
    let left = Math.ceil(retryIn);
    const tell = () => {
      word.textContent = state === "paused" ? fill(words.paused, { n: left }) : words[state];
    };
    tell();
    if (state !== "paused") return;
    countdown = setInterval(() => {
      left = Math.max(0, left - 1);
      tell();
    }, 1000);
  };
  document.addEventListener("slipway:live", (event) => setLive(event.detail));

  // --- command palette ------------------------------------------------------------------------------
  const palette = document.getElementById("palette");
  const input = document.getElementById("palette-input");
  const list = document.getElementById("palette-list");
  const sprite = () => document.querySelector("svg.icon use")?.getAttribute("href").split("#")[0];
  let known = null;
  let shown = [];
  let chosen = 0;

  const ownEntries = () =>
    [...document.querySelectorAll(".nav-entry[href], .menu-entry[href]")].map((link) => ({
      label: (link.querySelector(".nav-label") || link).textContent.trim(),
      url: link.getAttribute("href"),
      icon: link.querySelector("use")?.getAttribute("href").split("#")[1],
    }));

  // Every letter in order; better when they stand together, at a word's start, and early.
  const score = (text, query) => {
    const hay = text.toLowerCase();
    const whole = hay.indexOf(query);
    if (whole >= 0) return 200 - whole - hay.length / 100 + (whole === 0 ? 50 : 0);
    let at = -1;
    let total = 0;
    for (const letter of query) {
      const next = hay.indexOf(letter, at + 1);
      if (next < 0) return -1;
      total += next === at + 1 ? 4 : /[\s\-/.]/.test(hay[next - 1] || " ") ? 3 : 0;
      at = next;
    }
    return total;
  };

  const svgUse = (id) => {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
    svg.setAttribute("class", "icon");
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `${sprite()}#${id}`);
    svg.append(use);
    return svg;
  };

  const choose = (index) => {
    chosen = (index + shown.length) % (shown.length || 1);
    [...list.children].forEach((option, i) => {
      option.setAttribute("aria-selected", String(i === chosen));
      if (i === chosen) {
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      }
    });
  };

  const show = () => {
    const query = input.value.trim().toLowerCase();
    shown = (known || ownEntries())
      .map((item) => ({ item, score: query ? score(`${item.label} ${item.hint || ""}`, query) : 0 }))
      .filter((found) => found.score >= 0)
      .sort((a, b) => b.score - a.score)
      .slice(0, 40)
      .map((found) => found.item);
    list.replaceChildren(
      ...shown.map((item, i) => {
        const option = document.createElement("div");
        option.className = "palette-entry";
        option.id = `palette-${i}`;
        option.setAttribute("role", "option");
        const label = document.createElement("span");
        label.textContent = item.label;
        option.append(svgUse(item.icon || "next"), label);
        if (item.hint) {
          const hint = document.createElement("span");
          hint.className = "palette-hint";
          hint.textContent = item.hint;
          option.append(hint);
        }
        option.addEventListener("click", () => run(item));
        option.addEventListener("pointermove", () => chosen !== i && choose(i));
        return option;
      }),
    );
    document.getElementById("palette-none").hidden = shown.length > 0;
    list.hidden = shown.length === 0;
    input.removeAttribute("aria-activedescendant");
    if (shown.length) choose(0);
  };

  const run = (item) => {
    palette.close();
    if (item.method !== "post") {
      location.assign(item.url);
      return;
    }
    const form = document.createElement("form");
    form.method = "post";
    form.action = item.url;
    form.hidden = true;
    for (const [name, value] of Object.entries({
      csrfmiddlewaretoken: csrfToken(),
      ...(item.values || {}),
    })) {
      const field = document.createElement("input");
      field.name = name;
      field.value = value;
      form.append(field);
    }
    document.body.append(form);
    form.submit();
  };
  const csrfToken = () =>
    JSON.parse(document.body.getAttribute("hx-headers") || "{}")["X-CSRFToken"] || "";

  const openPalette = async () => {
    if (!palette || palette.open) return;
    input.value = "";
    show();
    palette.showModal();
    input.focus();
    const source = palette.dataset.source;
    if (!source) return;
    try {
      const answer = await fetch(source, { headers: { Accept: "application/json" } });
      if (!answer.ok) return;
      const urls = new Set();
      known = [...ownEntries(), ...(await answer.json()).items].filter((item) => {
        const isNew = !urls.has(item.url + (item.method || ""));
        urls.add(item.url + (item.method || ""));
        return isNew;
      });
      if (palette.open) show();
    } catch {
      // The side bar's own entries stay in the list.
    }
  };
  input?.addEventListener("input", show);
  input?.addEventListener("keydown", (event) => {
    const moves = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in moves) {
      event.preventDefault();
      choose(chosen + moves[event.key]);
    } else if (event.key === "Enter" && shown[chosen]) {
      event.preventDefault();
      run(shown[chosen]);
    }
  });

  // --- clicks and keys --------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest(selector);
    if (at("[data-theme-switch]")) {
      setTheme(THEMES[(THEMES.indexOf(root.dataset.theme || "") + 1) % THEMES.length]);
    } else if (at("[data-fold]")) fold();
    else if (at("[data-sheet-open]")) setSheet(true);
    else if (at("[data-sheet-close]")) setSheet(false);
    else if (at("[data-palette-open]")) openPalette();
    else if (event.target === palette) palette.close();
  });

  let leader = 0;
  const typing = (target) =>
    target.closest?.("input, textarea, select, [contenteditable]") && !target.matches("[type=checkbox], [type=radio], [type=range]");
  const search = () =>
    document.querySelector("[data-page-search], main input[type=search]");
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.key === "Escape" && root.dataset.sheet) setSheet(false);
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    const jump = leader && performance.now() - leader < 1500 && words.jumps?.[event.key];
    leader = event.key === "g" && !jump ? performance.now() : 0;
    if (jump) location.assign(jump);
    else if (event.key === "/") {
      event.preventDefault();
      const field = search();
      if (field) field.focus();
      else openPalette();
    } else if (event.key === "?") document.getElementById("keys")?.showModal();
  });

  nameTheme(root.dataset.theme || "");
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  if (!document.cookie.includes(`slipway_zone=${zone}`)) setCookie("slipway_zone", zone);
})();
