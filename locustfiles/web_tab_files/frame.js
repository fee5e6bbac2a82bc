// Beside Locust's own page: shows ours in the tab "loopbench", and opens the part of the start form with the variants.
"use strict";

const frame = document.createElement("iframe");
frame.title = "loopbench: requests per second against users, and the target's event loop";
frame.src = "/loopbench/";
frame.style.cssText = "border:0;width:100%;display:block";

// As high as what it holds: two scroll bars side by side are one too many.
frame.addEventListener("load", () => {
  const held = frame.contentDocument.body;
  new ResizeObserver(() => (frame.style.height = `${held.offsetHeight}px`)).observe(held);
});

function arrange() {
  const tab = document.querySelector('[role="tab"][aria-selected="true"]');
  const shown = tab !== null && tab.textContent.trim() === "loopbench";
  if (shown && !frame.isConnected) {
    tab.closest(".MuiContainer-root").append(frame);
  } else if (!shown && frame.isConnected) {
    frame.remove(); // which ends its asking
  }
}

function openVariants() {
  const variant = document.querySelector('select[name="variant"]');
  const part = variant && variant.closest(".MuiAccordion-root").querySelector("[aria-expanded]");
  if (part && !part.dataset.opened) {
    part.dataset.opened = "once";
    if (part.getAttribute("aria-expanded") === "false") part.click();
  }
}

new MutationObserver(() => {
  arrange();
  openVariants();
}).observe(document.getElementById("root"), { childList: true, subtree: true, attributeFilter: ["aria-selected"] });
arrange();
openVariants();
