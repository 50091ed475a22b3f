
// On a stream this page stays empty; a person who opens it in a browser is told.
if (!window.obsstudio) {
  var note = document.createElement("div");
  note.className = "note on";
  note.textContent = "This overlay address is not, or no longer, good. The current one stands in the hub, under Overlays.";
  document.getElementById("stage").append(note);
}
