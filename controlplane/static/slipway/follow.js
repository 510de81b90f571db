/* Feeds a log view from its replica's socket: an element with data-log and data-log-replica="<id>".
   Needs socket.js and log.js. */

(() => {
  "use strict";

  function follow(element) {
    let after = -1;
    const give = (lines, reset = false) =>
      element.dispatchEvent(new CustomEvent("slipway:log-lines", { detail: { lines, reset } }));
    const note = (text) => {
      const place = element.querySelector("[data-log-trouble]");
      if (place) place.textContent = text;
    };
    const socket = new window.SlipwaySocket(`/ws/logs/${element.dataset.logReplica}/`, {
      opened: () => socket.send({ type: "follow", after }),
      frame(frame) {
        if (frame.type === "trouble") note(frame.text);
        if (frame.type !== "lines") return;
        if (frame.missed) give([{ offset: after, text: `… ${frame.missed} …` }]);
        give(frame.lines.map(([offset, text]) => ({ offset, text })));
        after = frame.lines.at(-1)[0];
      },
    });
    socket.open();
  }

  for (const element of document.querySelectorAll("[data-log-replica]")) follow(element);
})();
