// Parts of pages that ask for themselves anew rest while nobody looks.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && event.detail.elt.hasAttribute("data-rests")) event.preventDefault();
});
