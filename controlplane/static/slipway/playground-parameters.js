// The playground's drawer of parameters, and the draft that survives a reload: what was typed into
// the composer and the drawer, in this tab only. Chats, keys and answers are never put there.
(() => {
  "use strict";
  const { words } = window.slipwayPlayground;
  const form = document.getElementById("parameters-form");
  const drawer = document.getElementById("parameters");
  const composer = document.getElementById("composer-text");
  const opener = document.querySelector("[data-drawer-open]");
  const owner = document.getElementById("playground").dataset.user;
  const DRAFT = "slipway-playground-draft";
  const NUMBERS = ["temperature", "top_p", "max_tokens", "seed"];
  const TEXTS = ["system", "stop", "tools"];

  for (const input of form.querySelectorAll("input")) {
    if (input.dataset.default) input.value = input.dataset.default;
    else input.placeholder ||= words.engineDefault;
  }

  // --- values ---------------------------------------------------------------------------------------
  const read = () => {
    const found = {};
    for (const name of NUMBERS) {
      const input = form.elements[name];
      if (input.value !== "" && input.validity.valid) found[name] = input.valueAsNumber;
    }
    const stop = form.elements.stop.value.split("\n").filter((line) => line !== "");
    if (stop.length) found.stop = stop.slice(0, 8);
    const tools = readTools();
    if (tools?.length) found.tools = tools;
    return found;
  };
  // The list of tools; null when what was typed is none.
  const readTools = () => {
    const text = form.elements.tools.value.trim();
    if (!text) return [];
    try {
      const found = JSON.parse(text);
      return Array.isArray(found) ? found : null;
    } catch {
      return null;
    }
  };
  const system = () => form.elements.system.value.trim();

  // Whether everything typed can be sent; if not, the drawer opens at what is wrong.
  const check = () => {
    form.elements.tools.setCustomValidity(readTools() ? "" : words.noTools);
    if (form.checkValidity()) return true;
    setOpen(true);
    form.reportValidity();
    return false;
  };

  const write = (values = {}, systemText = "") => {
    for (const name of NUMBERS) form.elements[name].value = values[name] ?? "";
    form.elements.stop.value = (values.stop || []).join("\n");
    form.elements.tools.value = values.tools ? JSON.stringify(values.tools, null, 2) : "";
    form.elements.system.value = systemText;
  };

  // --- the drawer -----------------------------------------------------------------------------------
  const setOpen = (open) => {
    drawer.classList.toggle("drawer-open", open);
    opener.setAttribute("aria-expanded", String(open));
    if (open) form.elements.system.focus();
    else if (drawer.contains(document.activeElement)) opener.focus();
    keep();
  };
  const isOpen = () => drawer.classList.contains("drawer-open");
  opener.addEventListener("click", () => setOpen(!isOpen()));
  drawer.querySelector("[data-drawer-close]").addEventListener("click", () => setOpen(false));
  drawer.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    setOpen(false);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    write({ max_tokens: form.elements.max_tokens.dataset.default });
    keep();
  });

  // --- the draft ------------------------------------------------------------------------------------
  const keep = () => {
    const draft = { owner, composer: composer.value, open: isOpen() };
    for (const name of [...NUMBERS, ...TEXTS]) draft[name] = form.elements[name].value;
    sessionStorage.setItem(DRAFT, JSON.stringify(draft));
  };
  const restore = () => {
    const draft = JSON.parse(sessionStorage.getItem(DRAFT) || "null");
    if (draft?.owner !== owner) return sessionStorage.removeItem(DRAFT);
    composer.value = draft.composer || "";
    for (const name of [...NUMBERS, ...TEXTS]) form.elements[name].value = draft[name] ?? "";
    if (draft.open && window.matchMedia("(min-width: 1101px)").matches) {
      drawer.classList.add("drawer-open");
      opener.setAttribute("aria-expanded", "true");
    }
    return undefined;
  };
  form.addEventListener("input", keep);
  composer.addEventListener("input", keep);
  restore();

  window.slipwayPlayground.parameters = { read, write, system, check, keep };
})();
