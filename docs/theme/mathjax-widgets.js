// The widgets' HTML manager asks MathJax 2 to typeset; MathJax 3 answers in its place, as soon as it is there.
window.MathJax = Object.assign(window.MathJax || {}, {
  Hub: { Queue() {} },
  startup: { ready() {
    MathJax.Hub = { Queue: (...calls) => calls.forEach(call => call[2] && MathJax.typesetPromise([call[2]])) };
    MathJax.startup.defaultReady();
  } },
});
