// An alias while it is edited: its shares drawn as they are written, and one empty row at a time.
(() => {
  "use strict";
  const { number } = window.slipway;
  const SVG = "http://www.w3.org/2000/svg";
  const form = document.querySelector("[data-alias]");
  const picture = document.querySelector("[data-alias-picture]");
  if (!form || !picture) return;
  const bar = picture.querySelector("svg");
  const ground = bar.querySelector("rect");
  const key = picture.querySelector("ul");
  const none = picture.querySelector("[data-alias-none]");

  const rect = (attributes) => {
    const made = document.createElementNS(SVG, "rect");
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  const rows = (name) => [...form.querySelectorAll(`[${name}]`)];

  const shares = () =>
    rows("data-alias-share")
      .map((row) => ({
        name: row.querySelector("select").value,
        weight: Math.max(0, Number(row.querySelector("input").value) || 0),
      }))
      .filter((share) => share.name);

  const entry = (text, swatch) => {
    const item = document.createElement("li");
    if (swatch) item.append(swatch);
    item.append(text);
    return item;
  };

  const swatch = (series) => {
    const small = document.createElementNS(SVG, "svg");
    small.setAttribute("aria-hidden", "true");
    small.append(rect({ class: `series-${series} split-slice`, width: 12, height: 12, rx: 2 }));
    return small;
  };

  // Rows after the first empty one only add length.
  const fold = (name) => {
    let empty = 0;
    for (const row of rows(name)) {
      const used = row.querySelector("select").value || row.querySelector(".field-error");
      row.hidden = !used && empty > 0;
      if (!used) empty += 1;
    }
  };

  const paint = () => {
    const found = shares();
    const total = found.reduce((sum, share) => sum + share.weight, 0);
    let start = 0;
    bar.replaceChildren(ground);
    key.replaceChildren();
    found.forEach((share, i) => {
      const percent = total ? (100 * share.weight) / total : 0;
      const place = { x: `${start}%`, y: 1, width: `${percent}%`, height: 14 };
      bar.append(rect({ class: `series-${i % 6} split-slice`, ...place }));
      key.append(entry(` ${share.name} ${number(percent, 0)} %`, swatch(i % 6)));
      start += percent;
    });
    rows("data-alias-fallback")
      .map((row) => row.querySelector("select").value)
      .filter(Boolean)
      .forEach((name) => key.append(entry(`→ ${name}`)));
    none.hidden = found.length > 0;
    fold("data-alias-share");
    fold("data-alias-fallback");
  };

  form.addEventListener("input", paint);
  paint();
})();
