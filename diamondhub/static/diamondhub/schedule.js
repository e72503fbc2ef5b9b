// A preset fills the box of a schedule, as if it were typed.
document.addEventListener("click", (event) => {
  const preset = event.target.closest("[data-schedule]");
  const box = preset && document.getElementById(preset.dataset.for);
  if (!box) return;
  box.value = preset.dataset.schedule;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
});
