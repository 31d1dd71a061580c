// The colour picker and the written colour are one; the written one is sent.
"use strict";

for (const picker of document.querySelectorAll("[data-color-of]")) {
  const written = document.getElementById(picker.dataset.colorOf);
  picker.hidden = false;
  picker.addEventListener("input", () => (written.value = picker.value));
  written.addEventListener("input", () => {
    if (/^#[0-9a-f]{6}$/i.test(written.value)) picker.value = written.value;
  });
}
