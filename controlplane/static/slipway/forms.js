// Forms that answer while one fills them: parts that belong to a choice, and a slider beside a number.
//
// [data-shown-when="name=value"] is shown while the form's field `name` has that value,
// [data-not-when="name=value"] while it has another.
// input[type=range][data-mirrors=id] moves the number field of that id, and follows it.
(() => {
  "use strict";

  const show = (form) => {
    for (const part of form.querySelectorAll("[data-shown-when]")) {
      const [name, value] = part.dataset.shownWhen.split("=");
      part.hidden = form.elements[name]?.value !== value;
    }
    for (const part of form.querySelectorAll("[data-not-when]")) {
      const [name, value] = part.dataset.notWhen.split("=");
      part.hidden = form.elements[name]?.value === value;
    }
  };
  const follow = (within) => {
    for (const slider of within.querySelectorAll("[data-mirrors]")) {
      slider.value = document.getElementById(slider.dataset.mirrors).value;
    }
  };

  document.addEventListener("change", (event) => event.target.form && show(event.target.form));
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.dataset.mirrors) document.getElementById(field.dataset.mirrors).value = field.value;
    else if (field.type === "number") follow(document);
  });
  document.addEventListener("htmx:load", (event) => follow(event.detail.elt));
  for (const form of document.forms) show(form);
  follow(document);
})();
