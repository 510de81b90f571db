/* Keeps the page true: says what it shows, takes what changed, shows when it cannot know.

   An element with data-live="name" (data-live-id, data-live-query) is a fragment; see
   controlplane/fragments/registry.py. After a change it sends "slipway:painted"; when its object no
   longer exists, "slipway:gone". Needs frame.js, socket.js and morph.js. */

(() => {
  "use strict";

  const root = document.documentElement;
  let epoch = null;
  let number = 0;
  let outdated = null; // the epoch we gave up: frames of it may still be under way
  let told = "";

  const fragments = () => [...document.body.querySelectorAll("[data-live]")];
  const keyOf = (element) => {
    const { live, liveId = "", liveQuery = "" } = element.dataset;
    return `${live}|${liveId}|${liveQuery}`;
  };

  function topics() {
    const found = new Map();
    for (const element of fragments()) {
      const { live, liveId = "", liveQuery = "" } = element.dataset;
      found.set(keyOf(element), { name: live, id: liveId, query: liveQuery });
    }
    return [...found.values()];
  }

  function tell({ always = false } = {}) {
    const shown = topics();
    const text = JSON.stringify(shown);
    if (!shown.length || (!always && text === told)) return;
    if (socket.send({ type: "show", lang: root.lang, topics: shown })) told = text;
    else socket.open();
  }

  function isNext(frame) {
    if (frame.epoch === outdated) return false;
    if (frame.epoch !== epoch) {
      epoch = frame.epoch;
      number = 0;
    }
    number += 1;
    if (frame.seq === number) return true;
    outdated = epoch; // something was lost: see all of it again
    socket.send({ type: "resync" });
    return false;
  }

  function swap(element, html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const next = template.content.firstElementChild;
    if (!next || element.isEqualNode(next)) return;
    window.slipwayMorph(element, next);
    window.htmx.process(element);
    element.dispatchEvent(new CustomEvent("slipway:painted", { bubbles: true }));
  }

  function each(topic, change) {
    for (const element of fragments()) if (keyOf(element) === topic) change(element);
  }

  const takes = {
    fragment: ({ topic, html }) => {
      each(topic, (element) => {
        delete element.dataset.liveGone;
        swap(element, html);
      });
      tell();
    },
    gone: ({ topic }) =>
      each(topic, (element) => {
        element.dataset.liveGone = "";
        element.dispatchEvent(new CustomEvent("slipway:gone", { bubbles: true }));
      }),
    notice: (detail) => document.dispatchEvent(new CustomEvent("slipway:notice", { detail })),
    refused: ({ topic, code }) => console.warn(`live: ${topic} is refused (${code})`),
  };

  const show = (state, retryIn) =>
    document.dispatchEvent(new CustomEvent("slipway:live", { detail: { state, retryIn } }));

  const socket = new window.SlipwaySocket("/ws/live/", {
    opened() {
      epoch = null;
      tell({ always: true });
    },
    frame(frame) {
      if (isNext(frame)) takes[frame.type]?.(frame);
    },
    state: show,
  });

  document.addEventListener("htmx:afterSettle", () => tell());
  if (fragments().length) socket.open();
})();
