// A hidden tab doesn't refresh; it does as soon as it is visible again.
"use strict";

document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});
