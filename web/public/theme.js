// Runs before the first paint, so that a chosen theme does not flash the other one. A file of its own: no inline script is allowed.
(function () {
  try {
    var theme = localStorage.getItem('athenic.theme');
    if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
  } catch (e) { /* no storage: the system's theme */ }
})();
