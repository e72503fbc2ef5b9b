// The explorer's sliders, and what must outlast a change of its part of the page. Everything works without it as well.
"use strict";
(() => {
    document.documentElement.classList.add("dh-js");
    htmx.config.historyCacheSize = 0;
    htmx.config.refreshOnHistoryMiss = true;
    const opened = new Map();

    // A slider's handles stand on the edges of the bars; the outermost edges stand for an open end.
    const slide = (slider, moved) => {
        const edges = slider.dataset.edges.split(" "), last = edges.length - 1;
        const [low, high] = slider.querySelectorAll("input[type=range]");
        if (Number(low.value) >= Number(high.value)) {
            if (moved === low) low.value = Math.max(0, Number(high.value) - 1);
            else high.value = Math.min(last, Number(low.value) + 1);
        }
        const card = slider.closest(".dh-histogram-card");
        const [least, most] = card.querySelectorAll(".dh-range input");
        if (moved === low) least.value = Number(low.value) === 0 ? "" : edges[low.value];
        else most.value = Number(high.value) === last ? "" : edges[high.value];
        card.querySelectorAll("rect").forEach((bar, place) =>
            bar.classList.toggle("dh-within", place >= Number(low.value) && place < Number(high.value)));
    };
    document.addEventListener("input", event => {
        const slider = event.target.closest(".dh-slider");
        if (slider) slide(slider, event.target);
    });
    document.addEventListener("toggle", event => {
        const details = event.target;
        if (!details.id || !details.matches("#explorer details")) return;
        if (details.id === "filters" && !details.open && !opened.has("filters")) return;
        opened.set(details.id, details.open);
    }, true);
    // What was asked wrongly is answered with 400, and shown.
    document.addEventListener("htmx:beforeSwap", event => {
        if (event.detail.xhr.status === 400) { event.detail.shouldSwap = true; event.detail.isError = false; }
    });
    const fold = () => {
        // On a narrow page the filters stand before what they find: folded, unless somebody opened them.
        const filters = document.getElementById("filters");
        if (filters && window.innerWidth < 1024 && !opened.has("filters")) filters.open = false;
    };
    fold();
    document.addEventListener("htmx:afterSwap", () => {
        fold();
        for (const [id, open] of opened) {
            const details = document.getElementById(id);
            if (details) details.open = open;
        }
    });
})();
