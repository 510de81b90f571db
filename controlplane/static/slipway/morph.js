/* Makes a piece of the page equal to newer HTML, touching only what differs: focus, selection, scroll,
   open details and typed text stay. Children are matched by id or data-key, else by order and kind.

   An element with data-live-keep, once there, belongs to a script: it is left alone. */

(() => {
  "use strict";

  const KEPT_BY_READER = { DETAILS: "open", DIALOG: "open" };

  const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.id || node.dataset?.key || "" : "");

  const sameKind = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName;

  // A time is written anew by the browser, in its own zone and words: the same moment is the same.
  const sameMoment = (a, b) =>
    a.nodeName === "TIME" && a.dateTime === b.dateTime && a.dataset.time === b.dataset.time;

  function attributes(old, next) {
    const kept = KEPT_BY_READER[old.nodeName];
    for (const { name, value } of [...next.attributes]) {
      if (name !== kept && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    for (const { name } of [...old.attributes]) {
      if (name !== kept && !next.hasAttribute(name)) old.removeAttribute(name);
    }
  }

  function children(old, next) {
    const keyed = new Map();
    for (const child of old.childNodes) if (keyOf(child)) keyed.set(keyOf(child), child);
    let at = old.firstChild;
    for (const child of [...next.childNodes]) {
      const key = keyOf(child);
      let match = key ? keyed.get(key) : at;
      if (match && (!sameKind(match, child) || (!key && keyOf(match)))) match = null;
      if (!match) {
        old.insertBefore(child, at);
        continue;
      }
      if (match === at) at = at.nextSibling;
      else old.insertBefore(match, at);
      morph(match, child);
    }
    while (at) {
      const gone = at;
      at = at.nextSibling;
      gone.remove();
    }
  }

  function morph(old, next) {
    if (old.isEqualNode(next)) return;
    if (old.nodeType !== Node.ELEMENT_NODE) {
      old.nodeValue = next.nodeValue;
    } else if (!old.hasAttribute("data-live-keep") && !sameMoment(old, next)) {
      attributes(old, next);
      children(old, next);
    }
  }

  window.slipwayMorph = morph;
})();
