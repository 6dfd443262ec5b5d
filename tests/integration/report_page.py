# ctest: TIMEOUT 300
"""The page of --html in a browser: it opens without a message on the console and without a request to anywhere, and in
a wide and a narrow window no two of its labels touch and nothing hangs over the edge.

With SKERRY_SCREENSHOTS=FOLDER it leaves pictures there, to be looked at."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "tools"))
import rig  # noqa: E402

import chromium  # noqa: E402
import shutil  # noqa: E402
import tempfile  # noqa: E402

# What is seen of labels, by their boxes on the screen.
LABELS = """(() => {
    const boxes = [...document.querySelectorAll('svg text')].map(text => ({box: text.getBoundingClientRect(),
        svg: text.closest('svg'), words: text.textContent})).filter(label => label.box.width > 0);
    const touch = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const wrong = [];
    boxes.forEach((a, i) => {
        const frame = a.svg.getBoundingClientRect();
        if (a.box.left < frame.left || a.box.right > frame.right || a.box.bottom > frame.bottom)
            wrong.push(a.words + ' leaves its picture');
        boxes.slice(0, i).forEach(b => { if (touch(a.box, b.box)) wrong.push(a.words + ' touches ' + b.words); });
    });
    return {count: boxes.length, wrong, smallest: Math.min(...boxes.map(label => label.box.height)),
            over: document.documentElement.scrollWidth - window.innerWidth};
})()"""

program = next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))),
               None)
if program is None:
    rig.skip("chromium is not installed")
bin_dir = rig.start()
pictures = os.environ.get("SKERRY_SCREENSHOTS")


def look(browser, name, path):
    browser.events.clear()
    browser.open(f"file://{path}")
    for width, height in ((1200, 900), (380, 800)):
        browser.window(width, height)
        seen = browser.evaluate(LABELS)
        rig.check(seen["count"] >= 8, f"{name}, {width} px: only {seen['count']} labels")
        rig.check(not seen["wrong"], f"{name}, {width} px: {seen['wrong']}")
        rig.check(seen["over"] <= 0, f"{name}, {width} px: {seen['over']} px hang over the edge")
        rig.check(seen["smallest"] >= 10, f"{name}, {width} px: a label is {seen['smallest']} px high")
        for dark in (False, True):
            if pictures:
                browser.window(width, height, dark)
                browser.screenshot(os.path.join(pictures, f"{name}-{width}{'-dark' if dark else ''}.png"))
    said = browser.named("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
    rig.check(not said, f"{name}: on the console: {said}")
    asked = [event["request"]["url"] for event in browser.named("Network.requestWillBeSent")]
    elsewhere = [url for url in asked if url != f"file://{path}" and not url.startswith("data:")]
    rig.check(asked and not elsewhere, f"{name}: asked for {elsewhere or 'nothing at all'}")


def pages(server, folder):
    """Name and file of each kind of page."""
    connect = f"--connect={server.address}"
    quick = ["--warmup=100ms", "--jitter=50ms", rig.ALL_ANSWERS]

    def page(name, *words):
        path = os.path.join(folder, f"{name}.html")
        done = rig.run(bin_dir, "skerry-loadgen", *words, f"--html={path}", patience=200)
        rig.check(done.returncode == 0, f"{words}: {done.returncode} {done.stderr}")
        return name, path

    saved = [os.path.join(folder, f"{number}.json") for number in range(4)]
    for path, rate in zip(saved, (500, 1000, 2000)):
        page("rising", connect, f"--rate={rate}", "--duration=2500ms", f"--json={path}", *quick)
    yield page("open", connect, "--rate=3000", "--duration=3s", *quick)
    yield page("closed", connect, "--conns=3", "--duration=1s", f"--json={saved[3]}", *quick)
    yield page("saved", "report", saved[3], saved[0])
    # The pictures of a sweep, whatever the machine makes of its rates.
    yield page("load", "report", *saved[:3])


try:
    browser = chromium.Chromium(program)
except (OSError, RuntimeError) as error:
    rig.skip(f"{program} does not start here: {error}")
with browser, rig.Server(bin_dir) as server, tempfile.TemporaryDirectory() as folder:
    for name, path in pages(server, folder):
        look(browser, name, path)
    server.stop()
print("four pages, wide and narrow: no message, no request, no label that touches another")
