// Nobody looks at a hidden tab: it asks nothing, and asks again as soon as it is seen.
"use strict";

document.addEventListener("htmx:before:request", (event) => {
  if (document.hidden) event.preventDefault();
});
