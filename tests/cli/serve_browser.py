#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The page of rnm serve, read and clicked through.

usage: serve_browser.py sound PAGE
       serve_browser.py walk URL FOLDER MODEL TOLD HISTORY    in Chromium, driven by chromedriver; MODEL is what is downloaded,
                                                             TOLD the page of a tree with this HISTORY
"""
import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.links, self.labels = [], [], set(), [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        for name in values:
            assert not name.startswith("on") and name not in ("src", "srcset", "action", "data"), (tag, name)
        if "id" in values:
            assert values["id"] not in self.ids, values["id"]
            self.ids.add(values["id"])
        self.links += [values["href"]] if "href" in values else []
        self.labels += values.get("aria-labelledby", "").split()
        if tag == "th":
            assert values.get("scope") == "col"
        if tag == "td":
            assert values.get("data-label")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.getpos(), self.open)
        self.open.pop()


def sound(path):
    source = open(path, encoding="utf-8").read()
    page = Page()
    page.feed(source)
    page.close()
    assert not page.open, page.open
    assert source.startswith('<!DOCTYPE html>\n<html lang="en">')
    for tag in ("script", "link", "img", "iframe", "object", "embed", "form", "b"):
        assert tag not in page.tags, tag
    assert page.tags.count("h1") == 1 and page.tags.count("main") == 1
    assert page.labels and all(label in page.ids for label in page.labels)
    for link in page.links:
        assert link.startswith("/") or link[1:] in page.ids, link
    assert not re.search(r"url\(|@import", source)
    assert "prefers-color-scheme:dark" in source


class Browser:
    """As much of WebDriver as is needed."""

    def __init__(self, folder, *arguments):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}", "--log-level=OFF"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
        self.folder = folder
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                     "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
                     "--disable-dev-shm-usage", f"--user-data-dir={folder}/profile{self.port}", *arguments]
        options = {"args": arguments, "prefs": {"download.default_directory": f"{folder}/downloads", "download.prompt_for_download": False}}
        self.session = ""
        for _ in range(200):
            try:
                answer = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}})
                break
            except (ConnectionError, urllib.error.URLError) as error:
                if isinstance(error, urllib.error.HTTPError):
                    sys.exit(error.read().decode())
                time.sleep(0.1)
        self.session = f"/session/{answer['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait()

    def ask(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.session}{path}", data, {"Content-Type": "application/json"},
                                         method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]

    def go(self, url):
        self.ask("POST", "/url", {"url": url})

    def find(self, selector, by="css selector"):
        return [list(element.values())[0] for element in self.ask("POST", "/elements", {"using": by, "value": selector})]

    def text(self, element):
        return self.ask("GET", f"/element/{element}/text")

    def click(self, text):
        by_text = "link text" if self.find(text, "link text") else None
        found = self.find(text, by_text) if by_text else [e for e in self.find("summary") if self.text(e) == text]
        assert found, text
        self.ask("POST", f"/element/{found[0]}/click")

    def run(self, script):
        return self.ask("POST", "/execute/sync", {"script": script, "args": []})

    def devtools(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})


CONTRAST = """
    const channel = v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
    const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number); return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
    const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$/.test(c)) return c; } return "rgb(255, 255, 255)"; };
    let worst = 21;
    for (const e of document.querySelectorAll("main *")) {
        if (!e.innerText) continue;
        const a = light(getComputedStyle(e).color), b = light(ground(e));
        worst = Math.min(worst, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05));
    }
    return worst;"""


def look(browser, scheme, width):
    browser.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.devtools("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    ground = [int(part) for part in re.findall(r"\d+", browser.run("return getComputedStyle(document.body).backgroundColor"))]
    assert (sum(ground) < 150) == (scheme == "dark"), ground
    # Readable (WCAG AA), and nothing hangs out at the side.
    assert browser.run(CONTRAST) >= 4.5, browser.run(CONTRAST)
    assert browser.run("return document.documentElement.scrollWidth") <= width == browser.run("return innerWidth")


def downloaded(folder, name, size):
    path = os.path.join(folder, "downloads", name)
    for _ in range(100):
        if os.path.exists(path) and os.path.getsize(path) == size:
            break
        time.sleep(0.1)
    return open(path, "rb").read()


def clicks(browser, url, folder, model):
    assert len(browser.find("article.model")) == 2
    assert "version 2" not in browser.text(browser.find("article.model")[0])
    browser.click("History since the server started")
    text = browser.text(browser.find("article.model")[0])
    assert "version 2" in text and "version 1" in text, text
    assert not any(browser.ask("GET", f"/element/{e}/displayed") for e in browser.find("pre"))
    browser.click("Configuration for rspamd")
    shown = browser.text(browser.find("pre")[0])
    assert 'base_url = "http://HOST/models";' in shown and "merge_alpha = 1.0;" in shown, shown
    assert len(browser.find("#fleet ~ div tbody tr")) == 6
    browser.click("Only those that are not current")
    rows = [browser.text(e) for e in browser.find("#fleet ~ div tbody tr")]
    assert len(rows) == 3 and all("current" not in row for row in rows), rows
    browser.click("All")
    assert len(browser.find("#fleet ~ div tbody tr")) == 6
    browser.click("Not there")
    assert browser.ask("GET", "/url").endswith("#missing")
    # By the keyboard alone: the first link takes the focus.
    assert browser.run("return [...document.querySelectorAll('a, summary')].every(e => e.tabIndex >= 0)")
    browser.click("Download")
    assert downloaded(folder, "aa5f939b29f3d241", os.path.getsize(model)) == open(model, "rb").read()
    browser.click("status.json")
    assert browser.ask("GET", "/url").endswith("/status.json")


def history(browser, url, folder, lines):
    browser.go(url)
    assert "rolled back" not in browser.text(browser.find("article.model")[0])
    browser.click("History")
    rows = [browser.text(e) for e in browser.find("article.model:first-of-type tbody tr")]
    assert len(rows) == 4 and "signed again, 3 times" in rows[0] and "rolled back to version 1" in rows[1], rows
    assert all("tu66" in row for row in rows) and "none" in rows[2], rows
    text = browser.text(browser.find("article.model")[0])
    assert "area under the ROC curve" in text and "(<i>&spam.jsonl)" in text, text
    # Opened, it fits and can be read, too.
    for scheme, width in (("light", 360), ("dark", 360), ("dark", 1100)):
        look(browser, scheme, width)
    browser.devtools("Emulation.clearDeviceMetricsOverride")
    browser.click("history.jsonl")
    assert downloaded(folder, "history.jsonl", os.path.getsize(lines)) == open(lines, "rb").read()


def walk(url, folder, model, told, lines):
    with Browser(folder) as browser:
        browser.go(url)
        for scheme, width in (("light", 1100), ("dark", 1100), ("dark", 390), ("light", 390)):
            look(browser, scheme, width)
        browser.devtools("Emulation.clearDeviceMetricsOverride")
        clicks(browser, url, folder, model)
        history(browser, told, folder, lines)


if __name__ == "__main__":
    {"sound": sound, "walk": walk}[sys.argv[1]](*sys.argv[2:])
