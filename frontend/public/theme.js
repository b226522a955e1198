// A classic script, so that a kept choice of theme holds before the first paint.
(function () {
  try {
    var kept = localStorage.getItem('tornallom.theme');
    if (kept === 'light' || kept === 'dark') document.documentElement.dataset.theme = kept;
  } catch {
    // Storage may be refused; the system's theme then holds.
  }
})();
