// Keep the color picker and the text field in step; the text field is submitted.
"use strict";

for (const picker of document.querySelectorAll("[data-color-of]")) {
  const written = document.getElementById(picker.dataset.colorOf);
  picker.hidden = false;
  picker.addEventListener("input", () => (written.value = picker.value));
  written.addEventListener("input", () => {
    if (/^#[0-9a-f]{6}$/i.test(written.value)) picker.value = written.value;
  });
}
