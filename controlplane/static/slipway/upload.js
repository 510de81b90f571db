// The import form: shows the fields of the chosen source, and sends a file in pieces with progress.
//
// Form: [data-import]; its parts [data-source=upload|url|file] follow the radio buttons `source`.
// Input: [data-upload] with data-upload-url, -failed, -done. A broken line is resumed where the
// server's file ends.
(() => {
  "use strict";
  const form = document.querySelector("[data-import]");
  if (!form) return;
  const { size, number } = window.slipway;
  const PIECE = 4 * 1024 * 1024;
  const input = form.querySelector("[data-upload]");
  const row = form.querySelector("[data-upload-progress]");
  const bar = row.querySelector("progress");
  const text = row.querySelector("[data-upload-text]");
  const resume = row.querySelector("[data-upload-resume]");
  const submit = form.querySelector("[data-upload-submit]");
  const token = form.elements.csrfmiddlewaretoken.value;
  const headers = { "X-CSRFToken": token, Accept: "application/json" };
  let sending = null;

  const showSource = () => {
    const chosen = form.elements.source.value;
    for (const part of form.querySelectorAll("[data-source]")) {
      part.hidden = part.dataset.source !== chosen;
    }
    submit.disabled = chosen === "upload" && !form.elements.upload.value;
  };

  const tell = (message, isBad = false) => {
    text.textContent = message;
    row.classList.toggle("is-bad", isBad);
    row.classList.toggle("is-busy", !isBad);
  };

  const call = async (method, url, body) => {
    const answer = await fetch(url, { method, body, headers, signal: sending.stop.signal });
    const json = await answer.json().catch(() => ({}));
    if (answer.status === 409 && json.code === "UPLOAD_OFFSET") return { offset: json.done };
    if (!answer.ok) throw Object.assign(new Error(json.detail || answer.status), { told: true });
    return json;
  };

  const send = async () => {
    const { file, url } = sending;
    resume.hidden = true;
    try {
      if (!sending.id) {
        const begun = await call("POST", `${url}?size=${file.size}`);
        sending.id = begun.upload;
      }
      let mark = { at: performance.now(), offset: sending.offset };
      while (sending.offset < file.size) {
        const piece = file.slice(sending.offset, sending.offset + PIECE);
        const answer = await call("PUT", `${url}/${sending.id}?offset=${sending.offset}`, piece);
        sending.offset = answer.offset;
        const seconds = (performance.now() - mark.at) / 1000;
        const rate = (sending.offset - mark.offset) / Math.max(seconds, 0.01);
        const percent = (100 * sending.offset) / file.size;
        bar.value = percent;
        tell(
          `${number(percent)} % · ${size(sending.offset)} / ${size(file.size)} · ${size(rate)}/s`,
        );
        if (seconds > 5) mark = { at: performance.now(), offset: sending.offset };
      }
      form.elements.upload.value = sending.id;
      form.elements.file_name.value = file.name;
      bar.value = 100;
      tell(input.dataset.uploadDone);
      showSource();
    } catch (error) {
      if (error.name === "AbortError") return;
      tell(error.told ? error.message : input.dataset.uploadFailed, true);
      resume.hidden = false;
    }
  };

  const cancel = () => {
    if (!sending) return;
    const { id, url } = sending;
    sending.stop.abort();
    if (id) fetch(`${url}/${id}`, { method: "DELETE", headers }).catch(() => {});
    sending = null;
    form.elements.upload.value = "";
    row.hidden = true;
    showSource();
  };

  const titleOf = (name) => name.replace(/\.gguf$/i, "").replace(/[-_.]+/g, " ").trim();

  input.addEventListener("change", () => {
    cancel();
    const file = input.files[0];
    if (!file) return;
    if (!form.elements.title.value) form.elements.title.value = titleOf(file.name);
    sending = { file, url: input.dataset.uploadUrl, offset: 0, id: "", stop: new AbortController() };
    bar.value = 0;
    row.hidden = false;
    send();
  });
  resume.addEventListener("click", send);
  row.querySelector("[data-upload-cancel]").addEventListener("click", () => {
    cancel();
    input.value = "";
  });
  form.addEventListener("change", (event) => event.target.name === "source" && showSource());
  showSource();
})();
