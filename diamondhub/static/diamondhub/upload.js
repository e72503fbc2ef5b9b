// Sends a file in pieces, each as long as the server takes a request; one that fits is left to the form itself.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  const longest = Number(form.dataset.uploadPiece);
  const file = longest && form.elements.file.files[0];
  if (!file || file.size <= longest) return;
  event.preventDefault();
  const button = form.querySelector("button[type=submit]");
  const progress = form.querySelector("[data-upload-progress]");
  const fault = form.querySelector("[data-upload-fault]");
  button.disabled = true;
  progress.hidden = false;
  fault.hidden = true;
  try {
    let upload = "";
    for (let at = 0; at < file.size; at += longest) {
      const sent = new FormData(form);
      sent.set("file", file.slice(at, at + longest), "piece");
      sent.set("name", file.name);
      sent.set("upload", upload);
      if (at + longest < file.size) sent.set("is_more", "on");
      const answer = await fetch("", { method: "POST", body: sent, headers: { "X-Requested-With": "upload" } });
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.fault || "The server did not take the file.");
      upload = said.upload;
      progress.value = Math.min(1, (at + longest) / file.size);
      if (said.onward) window.location.assign(said.onward);
    }
  } catch (error) {
    fault.textContent = error.message;
    fault.hidden = false;
    button.disabled = false;
    progress.hidden = true;
  }
});
